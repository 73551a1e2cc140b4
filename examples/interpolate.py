"""Interpolations through the latent space: how one digit becomes another.

    python examples/interpolate.py --run_dir runs/default --out interpolation.gif

Each frame of the animation shows one point of 64 interpolations. The command
`python -m gan_tf.generate --interpolate` does the same for any number of them; here
are the few lines that do it.
"""

import argparse

from gan_tf import load_generator
from gan_tf.gan.sampling import interpolate
from gan_tf.images import enlarged, grid, write_gif


def main() -> None:
    """Writes the animation."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--run_dir", default="runs/default")
    flags.add_argument("--points", type=int, default=30)
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--out", default="interpolation.gif")
    values = flags.parse_args()

    generator = load_generator(values.run_dir)
    rows = interpolate(generator, values.seed, rows=64, points=values.points)
    frames = [enlarged(grid(moment), 2) for moment in rows.swapaxes(0, 1)]
    write_gif(values.out, frames + frames[-2:0:-1], seconds=0.06)
    print(f"wrote {values.out}")


if __name__ == "__main__":
    main()
