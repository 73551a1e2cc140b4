"""Where the compiled step's time goes: TensorFlow's profiler, its events by their part.

    python benchmarks/profile_step.py
    taskset -c 0 python benchmarks/profile_step.py

Needs the extra `bench` (JAX reads the profile). Parts run side by side on several
cores, so there the sum is more than the step's time; on one core (`taskset`) it is it.
The profile is kept under `--out` for TensorBoard's profile plugin.
"""

import argparse
import collections
import re
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from jax.profiler import ProfileData

from gan_tf import Config
from gan_tf.config import RECIPES
from gan_tf.gan.state import build_gan
from gan_tf.gan.step import compile_train_steps

STEPS = 50
# By the TensorFlow operation that an XLA kernel comes from, the first that fits.
PARTS = {
    "matrix products": r"MatMul",
    "Adam": r"/adam",
    "gradient norms": r"global_norm|L2Loss",
    "noise": r"stateless_random|erfinv|Erfinv|while/(add|sub|mul)\b",
    "copies": r"^copy",
}
OTHER = "activations, losses, R1's and bias sums, pixels"


def main() -> None:
    """Profiles one call and prints the table."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--recipe", choices=tuple(RECIPES), default="document")
    flags.add_argument("--out", default="runs/profile", metavar="DIR")
    values = flags.parse_args()
    random = np.random.default_rng(0)
    chunk = tf.constant(random.integers(0, 256, (STEPS, 128, 784), np.uint8))
    steps = compile_train_steps(build_gan(Config.recipe(values.recipe)), 0, True)
    call = tf.function(lambda images: steps((images, None), 0, STEPS), jit_compile=True)
    for _ in range(3):
        begun = time.perf_counter()
        float(call(chunk)["d_loss"])
        seconds = time.perf_counter() - begun
    tf.profiler.experimental.start(values.out)
    float(call(chunk)["d_loss"])
    tf.profiler.experimental.stop()
    parts = parts_of(call.experimental_get_compiler_ir(chunk)("optimized_hlo"))
    spent: dict[str, float] = collections.Counter()
    for name, duration in events(max(Path(values.out).rglob("*.xplane.pb"))):
        if name in parts:
            spent[parts[name]] += duration / STEPS
    print("| part | microseconds a step |\n| --- | --- |")
    for part, duration in spent.most_common():
        print(f"| {part} | {duration:.0f} |")
    print(f"| sum | {sum(spent.values()):.0f} |")
    print(f"| the step, without the profiler | {1e6 * seconds / STEPS:.0f} |")


def parts_of(program: str) -> dict[str, str]:
    """The part of the step that each kernel of an HLO program belongs to, by name."""
    parts = {}
    for line in program.splitlines():
        found = re.match(r"\s*(?:ROOT )?%?([\w.-]+) = ", line)
        if not found:
            continue
        name = found[1]
        told = " ".join([name, *re.findall(r'op_(?:type|name)="([^"]*)"', line)])
        fitting = (part for part, words in PARTS.items() if re.search(words, told))
        parts[name] = next(fitting, OTHER)
    return parts


def events(path: Path) -> list[tuple[str, float]]:
    """Name and microseconds of everything on the compiled program's threads."""
    profile = ProfileData.from_file(str(path))
    lines = [line for plane in profile.planes for line in plane.lines]
    return [
        (event.name, event.duration_ns / 1000)
        for line in lines
        for event in line.events
        if "while" not in event.name  # the loop itself
    ]


if __name__ == "__main__":
    main()
