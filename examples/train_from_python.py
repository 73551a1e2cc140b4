"""The package as a library: configure, train, load, generate.

    python examples/train_from_python.py --epochs 2000

Run it twice: the second time it finds the finished run and only generates.
"""

import argparse

import gan_tf
from gan_tf.gan.sampling import sample
from gan_tf.images import grid, write_png


def main() -> None:
    """Trains a run, then loads its generator from the disk and generates with it."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--run_dir", default="runs/from_python")
    flags.add_argument("--epochs", type=int, default=2000)
    flags.add_argument("--dataset", default="auto")
    flags.add_argument("--data_dir", default="")
    flags.add_argument("--out", default="train_from_python.png")
    values = flags.parse_args()

    config = gan_tf.Config.recipe(
        "default",
        epochs=values.epochs,
        dataset=values.dataset,
        data_dir=values.data_dir,
        seed=1,
    )
    gan = gan_tf.train(config, values.run_dir)
    print(f"trained {int(gan.step.numpy())} steps, seed {config.seed}")

    generator = gan_tf.load_generator(
        values.run_dir
    )  # a Keras model: [N, 100] -> pixels
    write_png(values.out, grid(sample(generator, seed=0, count=64)))
    print(f"wrote {values.out}")


if __name__ == "__main__":
    main()
