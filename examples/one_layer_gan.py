"""Generator and discriminator of one layer each, and why that is not enough.

    python examples/one_layer_gan.py --run_dir runs/one_layer

No hidden layers: the generator is one linear map and a sigmoid, the discriminator is
logistic regression on pixels. The discriminator can only see the mean image, so that is
all the generator can learn. That is why depth is needed. Flags as of gan_tf.train.
"""

import argparse

from gan_tf import Config, build_discriminator, build_generator, train
from gan_tf.gan.sampling import sample
from gan_tf.images import captioned, grid, write_png


def main() -> None:
    """Trains the one-layer networks through the package's API and writes samples."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--run_dir", default="runs/one_layer")
    flags.add_argument("--epochs", type=int, default=5000)
    flags.add_argument("--dataset", default=Config.dataset)
    flags.add_argument("--data_dir", default=Config.data_dir)
    flags.add_argument("--out", default="one_layer_gan.png")
    values = flags.parse_args()

    build_generator(units=()).summary()  # 100 -> 784
    build_discriminator(units=()).summary()  # 784 -> 1
    config = Config(
        generator_units=(),
        discriminator_units=(),
        epochs=values.epochs,
        dataset=values.dataset,
        data_dir=values.data_dir,
    )
    gan = train(config, values.run_dir)
    samples = grid(sample(gan.sampler, seed=0, count=64))
    write_png(values.out, captioned(samples, "one layer each"))
    print(f"wrote {values.out}")


if __name__ == "__main__":
    main()
