"""Ways to run the same training step faster, side by side: what was tried for speed.

    python benchmarks/variants.py

The document's algorithm, batch 128, on random pixels. All variants take turns in one
process; printed are the median and the least of the rounds' milliseconds a step on the
clock, and of the processor's time on all cores (much below cores x clock: cores wait).
Run it under `taskset -c 0` to see the arithmetic alone, without the sharing of cores.
"""

import argparse
import dataclasses
import json
import statistics
import time
from pathlib import Path

import numpy as np
import tensorflow as tf

from gan_tf import Config
from gan_tf.step import build_gan, compile_train_steps

RESULTS = Path(__file__).with_name("variants.json")


class XlaAdam:
    """Keras's Adam, compiled by XLA, in a step that is not."""

    def __init__(self, adam, variables):
        self._step = tf.function(
            lambda *gradients: adam.apply(list(gradients), variables), jit_compile=True
        )

    def apply(self, gradients, _):
        """One step of Adam."""
        self._step(*gradients)


class FusedAdam:
    """TensorFlow's own fused Adam kernel, one call a variable."""

    def __init__(self, adam, variables):
        zeros = [tf.zeros(variable.shape) for variable in variables]
        self.numbers = {
            "lr": float(adam.learning_rate),
            "beta1": adam.beta_1,
            "beta2": adam.beta_2,
            "epsilon": adam.epsilon,
        }
        self.moments = [(tf.Variable(zero), tf.Variable(zero)) for zero in zeros]
        self.powers = tf.Variable([adam.beta_1, adam.beta_2])

    def apply(self, gradients, variables):
        """One step of Adam."""
        powers = tf.unstack(self.powers.read_value())
        for gradient, variable, (m, v) in zip(gradients, variables, self.moments):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=m.handle,
                v=v.handle,
                beta1_power=powers[0],
                beta2_power=powers[1],
                grad=gradient,
                **self.numbers,
            )
        betas = [self.numbers["beta1"], self.numbers["beta2"]]
        self.powers.assign(self.powers * betas)


# What `compiled` is given.
VARIANTS = {
    "XLA (the package)": {},
    "XLA, the gradients' norms at every step": {"norms_every": 1},
    "no XLA: oneDNN's products": {"jit_compile": False},
    "no XLA, Adam by XLA": {"jit_compile": False, "optimizer": XlaAdam},
    "no XLA, fused Adam": {"jit_compile": False, "optimizer": FusedAdam},
    "bfloat16 (no XLA)": {"precision": "mixed_bfloat16"},
    "bfloat16 (no XLA), fused Adam": {
        "precision": "mixed_bfloat16",
        "optimizer": FusedAdam,
    },
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
    jit_compile: bool = True,
    precision: str = "float32",
    norms_every: int = 5,
    optimizer=None,
):
    """The call of many steps, with another optimizer if one is given."""
    gan = build_gan(Config.recipe("document", precision=precision))
    changes = {"norms_every": norms_every}
    if optimizer:
        parts = {"generator_optimizer": gan.generator}
        parts["discriminator_optimizer"] = gan.discriminator
        for name, network in parts.items():
            changes[name] = optimizer(getattr(gan, name), network.trainable_variables)
    gan = dataclasses.replace(gan, **changes)
    return compile_train_steps(gan, 0, jit_compile)


if __name__ == "__main__":
    main()
