"""Ways to run the same training step faster, side by side: what was tried for speed.

    python benchmarks/variants.py

The document's algorithm, or where it says so the default recipe, batch 128, on random
pixels. All variants take turns in one process; printed are the median and the least of
the rounds' milliseconds a step on the clock, and the median of the processor's time on
all cores (much below cores x clock: cores wait). Run it under `taskset -c 0` to see the
arithmetic alone, without the sharing of cores.
"""

import argparse
import dataclasses
import json
import statistics
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from gan_tf import Config
from gan_tf.gan.state import build_gan
from gan_tf.gan.step import compile_train_steps

RESULTS = Path(__file__).with_name("variants.json")


class XlaAdam(keras.optimizers.Adam):
    """Keras's Adam, compiled by XLA, in a step that is not."""

    def apply(self, gradients, variables):
        """One step of Adam."""
        plain = super().apply
        compiled = tf.function(lambda *g: plain(list(g), variables), jit_compile=True)
        compiled(*gradients)


# What `compiled` is given.
VARIANTS = {
    "XLA (the package)": {},
    "XLA, the gradients' norms at every step": {"norms_every": 1},
    "no XLA: oneDNN's products": {"jit_compile": False},
    "no XLA, Adam by XLA": {"jit_compile": False, "adam": XlaAdam},
    "no XLA, fused Adam": {"jit_compile": False, "adam": FusedAdam},
    "bfloat16: no XLA, fused Adam (the package)": {"precision": "mixed_bfloat16"},
    "bfloat16, Keras's Adam": {
        "precision": "mixed_bfloat16",
        "adam": keras.optimizers.Adam,
    },
    "the default recipe": {"recipe": "default"},
    "default, R1 as good as never": {"recipe": "default", "r1_every": 10**6},
    "default, no R1": {"recipe": "default", "r1_weight": 0.0},
    "default, no average": {"recipe": "default", "ema_decay": 0.0},
    "default, bfloat16": {"recipe": "default", "precision": "mixed_bfloat16"},
}


def main() -> None:
    """Measures the variants in turns and prints the table."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--rounds", type=int, default=7)
    flags.add_argument("--calls", type=int, default=2, help="of 50 steps, a round")
    flags.add_argument("--out", default=str(RESULTS), metavar="JSON")
    values = flags.parse_args()
    pixels = np.random.default_rng(0).integers(0, 256, (50, 128, 784), np.uint8)
    chunk = tf.constant(pixels)
    calls = {name: compiled(**settings) for name, settings in VARIANTS.items()}
    for call in calls.values():
        call(chunk, 0, 50)  # compiles
    times = {name: [] for name in calls}
    for _ in range(values.rounds):
        for name, call in calls.items():
            clock, processor = time.perf_counter(), time.process_time()
            for _ in range(values.calls):
                sums = call(chunk, 0, 50)
            float(sums["d_loss"])
            spent = time.perf_counter() - clock, time.process_time() - processor
            times[name].append([1000 * t / values.calls / 50 for t in spent])
    print("| variant | ms a step | least | processor's ms |\n| --- | --- | --- | --- |")
    results = {}
    for name, rows in times.items():
        clock, processor = zip(*rows)
        row = statistics.median(clock), min(clock), statistics.median(processor)
        print(f"| {name} | {row[0]:.2f} | {row[1]:.2f} | {row[2]:.2f} |")
        results[name] = dict(zip(("median", "least", "processor"), row))
    Path(values.out).write_text(json.dumps(results, indent=1) + "\n")


def compiled(
    recipe: str = "document",
    norms_every: int = 5,
    adam: type[keras.optimizers.Optimizer] | None = None,
    **options,
):
    """The call of many steps, with other optimizers if their class is given."""
    config = Config.recipe(recipe, **options)
    gan = build_gan(config)
    changes = {"norms_every": norms_every}
    if adam:
        for network in (gan.generator, gan.discriminator):
            optimizer = adam(config.learning_rate, config.beta_1)
            optimizer.build(network.trainable_variables)
            changes[f"{network.name}_optimizer"] = optimizer
    gan = dataclasses.replace(gan, **changes)
    return compile_train_steps(gan, 0, config.jit_compile)


if __name__ == "__main__":
    main()
