"""Walks through the latent space: how one digit becomes another.

    python examples/interpolate.py --run_dir runs/default --out walk.gif

Every image of the film shows one point of 64 walks at once. The command
`python -m gan_tf.generate --interpolate` does the same for any number of walks; here
are the few lines that do it.
"""

import argparse

from gan_tf import load_generator
from gan_tf.gan.sampling import interpolate
from gan_tf.images import enlarged, grid, write_gif


def main() -> None:
    """Draws the film."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--run_dir", default="runs/default")
    flags.add_argument("--points", type=int, default=30)
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--out", default="walk.gif")
    values = flags.parse_args()

    generator = load_generator(values.run_dir)
    walks = interpolate(generator, values.seed, walks=64, points=values.points)
    frames = [enlarged(grid(moment), 2) for moment in walks.swapaxes(0, 1)]
    write_gif(values.out, frames + frames[-2:0:-1], seconds=0.06)
    print(f"wrote {values.out}")


if __name__ == "__main__":
    main()
