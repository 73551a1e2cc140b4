"""Training speed of the default recipe: R1, averaged generator, falling step sizes.

    python benchmarks/default_recipe.py --data_dir DIR
    python benchmarks/default_recipe.py --dataset strokes --rounds 3 --seconds 1

The protocol is that of `throughput.py`, the recipe `gan_tf.Config()`: R1 at every
`r1_every`-th step, beta1, cosine and the average of every step's generator, in JAX and
PyTorch too. "gan_tf step, document" is the tutorial's step in the same turns: what the
recipe costs. Takes about 4 minutes on 2 cores. Writes JSON and, beside it, a bar chart
as PNG.
"""

import argparse
from pathlib import Path

import turns
from gan_tf import Config
from throughput import STEP, TRAIN, measured, write
from turns import Side

DOCUMENT = f"{STEP}, document"
SIDES = (
    Side(TRAIN, "gan_tf", ""),
    Side(STEP, "gan_tf", "peers.gan_tf_step"),
    Side(DOCUMENT, "gan_tf", "peers.gan_tf_step", {"recipe": "document"}),
    Side("PyTorch eager", "peer", "peers.pytorch", needs="torch"),
    Side("PyTorch compile", "peer", "peers.pytorch", {"compiled": True}, "torch"),
    Side("JAX jit", "peer", "peers.jax_optax", needs="jax"),
    Side("JAX scan", "peer", "peers.jax_optax", {"steps_per_call": 50}, "jax"),
)


def main() -> None:
    """Does what the flags say."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    turns.add_flags(flags, SIDES, "runs/default_recipe.json")
    values = flags.parse_args()
    report = measured(Config(), SIDES, values)
    cost = turns.ratio(report["steps per second"], DOCUMENT, STEP)
    report["cost of the default's step in the tutorial's"] = cost
    write(report, Path(values.out), "the default recipe")
    if cost:
        print(
            "the default's step costs {median:.2f} ({least:.2f} to {most:.2f}) times "
            "the tutorial's".format(**cost)
        )


if __name__ == "__main__":
    main()
