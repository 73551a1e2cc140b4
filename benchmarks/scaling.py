"""What a step of gan_tf costs as batch, steps in a call and steps of a run grow.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --recipe default --rounds 3

Three tables and a JSON file: batches of 32 to 4096 images, 1 to 500 steps in one
compiled call, and runs of 100 to 800 steps. Random pixels, in memory: the time of a
step does not depend on them. The settings of a table take turns, a number is the median
of the rounds. Takes about 4 minutes on 2 cores.

A call costs `call + K * step`: below, both by least squares, and the knee, the number
of steps at which the call's own cost is a hundredth of the whole.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import turns
from gan_tf import Config
from gan_tf.config import RECIPES
from gan_tf.environment import quiet_tensorflow

BATCHES = (32, 64, 128, 256, 512, 1024, 2048, 4096)
CALLS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
RUNS = (100, 200, 400, 800)
_IMAGES = 6400  # in one timed call, about, whatever the batch


def main() -> None:
    """Does what the flags say."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--recipe", choices=tuple(RECIPES), default="document")
    flags.add_argument("--rounds", type=int, default=5, help="turns of each row (5)")
    flags.add_argument(
        "--seconds", type=float, default=0.7, help="length of a turn, at least (0.7)"
    )
    flags.add_argument("--out", default="runs/scaling.json", metavar="JSON")
    values = flags.parse_args()
    rounds, seconds = values.rounds, values.seconds

    def config(**changes) -> Config:
        return Config.recipe(values.recipe, **changes)

    batches = in_turns(
        {b: stepper(config(batch_size=b), max(2, _IMAGES // b)) for b in BATCHES},
        rounds,
        seconds,
    )
    calls = in_turns(
        {k: stepper(config(steps_per_call=k), k) for k in CALLS}, rounds, seconds
    )
    one = stepper(config(), config().steps_per_call)
    runs = in_turns({n: repeated(one, n) for n in RUNS}, rounds, 0)
    report = {
        "command": turns.command(),
        "recipe": values.recipe,
        "machine": turns.machine(),
        "milliseconds of a step, by batch": batches,
        "milliseconds of a step, by steps in a call": calls,
        "milliseconds of a step, by steps in all": runs,
        "call": call_cost(calls),
    }
    out = Path(values.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")
    print(tables(report))
    print(f"wrote {out}")


Stepper = Callable[[], int]  # trains some steps, waits for them, returns how many


def stepper(config: Config, steps: int) -> Stepper:
    """One compiled call of so many steps on random pixels, compiled already."""
    with quiet_tensorflow():
        import tensorflow as tf

        from gan_tf.gan.state import build_gan
        from gan_tf.gan.step import compile_train_steps
    tf.get_logger().setLevel("ERROR")  # each row is traced, and it would say so
    turns.show_progress(
        f"compiling: batch {config.batch_size}, {steps} steps in a call"
    )
    gan = build_gan(config)
    call = compile_train_steps(gan, config.seed, config.jit_compile)
    shape = steps, config.batch_size, 784
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    chunk = (tf.constant(pixels), None)

    def run() -> int:
        float(call(chunk, 0, steps)["d_loss"])
        return steps

    run()
    return run


def repeated(run: Stepper, steps: int) -> Stepper:
    """`run` as often as it takes to make `steps`."""

    def several() -> int:
        done = 0
        while done < steps:
            done += run()
        return done

    return several


def in_turns(
    steppers: dict[int, Stepper], rounds: int, seconds: float
) -> dict[int, dict[str, float]]:
    """Milliseconds of a step, median, least and most over the rounds."""
    times: dict[int, list[float]] = {key: [] for key in steppers}
    for number in range(rounds):
        for key, run in steppers.items():
            turns.show_progress(f"round {number + 1} of {rounds}: {key}")
            steps, begun, spent = 0, time.perf_counter(), 0.0
            while not steps or spent < seconds:
                steps += run()
                spent = time.perf_counter() - begun
            times[key].append(spent / steps * 1000)
    turns.show_progress("")
    return {key: turns.spread(values) for key, values in times.items()}


def call_cost(calls: dict[int, dict[str, float]]) -> dict[str, float]:
    """The cost of a call and of a step in it, from milliseconds of a step by K.

    Least squares of `call / K + step`, each K weighed alike.
    """
    inverse = np.array([1 / k for k in calls])
    medians = np.array([row["median"] for row in calls.values()])
    call, step = np.polyfit(inverse, medians, 1)
    call = max(call, 0.0)
    return {
        "milliseconds of a call": float(call),
        "milliseconds of a step": float(step),
        "knee, steps in a call": float(call / (0.01 * step)),
    }


def tables(report: dict) -> str:
    """The report as Markdown tables."""
    texts = []
    for title, rows in report.items():
        if not title.startswith("milliseconds"):
            continue
        what = title.split("by ")[1]
        extra = " us an image |" if what == "batch" else ""
        texts.append(f"\n| {what} | ms a step | least to most |{extra}")
        texts.append("| --- | --- | --- |" + (" --- |" if extra else ""))
        for key, row in rows.items():
            median, least, most = (f"{row[k]:.2f}" for k in ("median", "least", "most"))
            image = f" {row['median'] / key * 1000:.1f} |" if extra else ""
            texts.append(f"| {key} | {median} | {least} to {most} |{image}")
    call = report["call"]
    texts.append(
        f"\nA call costs {call['milliseconds of a call']:.2f} ms and "
        f"{call['milliseconds of a step']:.2f} ms a step: under a hundredth from "
        f"{max(1, np.ceil(call['knee, steps in a call'])):.0f} steps on."
    )
    return "\n".join(texts)


if __name__ == "__main__":
    main()
