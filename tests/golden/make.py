"""Makes the golden run: `python -m tests.golden.make`.

Run it from the root. `run` is a run as this version writes it, without its pictures;
`samples.npz` what its generator makes; `drawn` its data (drawn by the package, kept as
files so that no other version need draw the same). Every later version must load and
continue it: make it anew only together with a new `FORMAT` in
gan_tf/storage/run_directory.py, and keep the old one beside it if that format is still
to be read.
"""

import shutil
from pathlib import Path

from gan_tf import Config, images, load_generator, train
from gan_tf.data.strokes import draw_digits
from gan_tf.gan.sampling import sample
from tests.conftest import write_idx

HERE = Path("tests/golden")  # relative: config.json says where the data were
CONFIG = Config(
    epochs=20,
    seed=3,  # one whose networks are alive
    data_dir=str(HERE / "drawn"),
    batch_size=8,
    latent_dim=3,
    generator_units=(2,),
    discriminator_units=(3,),
    learning_rate=0.003,
    jit_compile=False,
    log_every=5,
    sample_every=40,
    save_every=20,
)


def main() -> None:
    """Draws the data and trains; leaves out what no program reads."""
    for name in ("run", "drawn"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    (HERE / "drawn").mkdir()
    digits, labels = draw_digits(64, seed=7)
    write_idx(HERE / "drawn" / "train-images-idx3-ubyte.gz", digits)
    write_idx(HERE / "drawn" / "train-labels-idx1-ubyte.gz", labels)
    run_dir = HERE / "run"
    train(CONFIG, run_dir)
    images.write_npz(HERE / "samples.npz", sample(load_generator(run_dir), 0, 4))
    shutil.rmtree(run_dir / "samples")
    for name in ("lock", "samples.png", "losses.png", "training.gif"):
        (run_dir / name).unlink()
    (events,) = (run_dir / "tensorboard").iterdir()
    events.rename(events.with_name("events.out.tfevents.0.golden"))


if __name__ == "__main__":
    main()
