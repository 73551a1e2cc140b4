"""Other people's GANs for MNIST, rewritten from their published settings.

Each file is a program of its own:

    python benchmarks/quality/NAME.py MNIST.npz FOLDER STARTED SECONDS SEED

It trains as its authors do, and writes 10000 samples to `FOLDER/T.npy` after T seconds
of training (see `clock.py`). `time_to_quality.py` starts it and scores the samples.
"""
