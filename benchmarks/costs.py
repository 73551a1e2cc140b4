"""What a run of `gan_tf.train` costs beside its training steps, at the defaults.

    python benchmarks/costs.py --data_dir DIR

Six answers, and a JSON file:

- the share of the run that goes into logging, sample grids, probes and
  checkpoints. `--steps` steps of the real loop with a clock around each of these, from
  the first sample grid on, so that what they load and compile at their first use is
  kept apart;
- feeding: the time that the loop waits for its next chunk, and, since the stream's
  threads share the cores with the step, how much slower the step is on the stream
  than on chunks that lie in memory, both taking turns;
- seconds from the command to the line that reports the first step, with no compiled
  program kept from an earlier run, and with one;
- seconds of `--help`, and of `python -m gan_tf.evaluate` on 10000 samples of the
  pretrained generator, MNIST in `--data_dir`;
- the peak resident memory of a run that does everything once, in both cases.

Takes about 8 minutes on 2 cores. Only runs on MNIST probe their samples: with other
data that row is empty.
"""

import argparse
import collections
import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import turns
from gan_tf import Config
from gan_tf.config import RECIPES
from gan_tf.environment import quiet_tensorflow

FIRST_STEP = "seconds to the first step"
PEAK = "peak resident megabytes"
TOGETHER = "logging, sample grids, probes and checkpoints together"
TOGETHER_ONCE = f"the same in {Config.epochs} steps, first uses included"


def main() -> None:
    """Does what the flags say."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--data_dir", default="", help="where MNIST lies")
    flags.add_argument(
        "--dataset", default="auto", choices=("auto", "mnist", "strokes")
    )
    flags.add_argument("--recipe", choices=tuple(RECIPES), default="default")
    flags.add_argument("--steps", type=int, default=6000, help="of the run (6000)")
    flags.add_argument("--rounds", type=int, default=5, help="measurements (5)")
    flags.add_argument("--out", default="runs/costs.json", metavar="JSON")
    values = flags.parse_args()
    source = {"dataset": values.dataset, "data_dir": values.data_dir}
    given = [f"--{name}={value}" for name, value in source.items() if value]
    given.append(f"--recipe={values.recipe}")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        report = {
            "command": turns.command(values.data_dir),
            "machine": turns.machine(),
            "seconds of --help": several(help_seconds, values.rounds),
            FIRST_STEP: several(
                lambda: first_step_seconds(work, given, new_cache(work)), values.rounds
            ),
            f"{FIRST_STEP}, program kept": several(
                lambda: first_step_seconds(work, given, work / "cache"), values.rounds
            ),
            "seconds of evaluate": several(
                lambda: evaluate_seconds(work, values.data_dir), values.rounds
            ),
            PEAK: peak_megabytes(work, given),
            f"{PEAK}, program kept": peak_megabytes(work, given),  # by the first
            "run": run_shares(
                Config.recipe(values.recipe, epochs=values.steps, **source), work
            ),
            "feeding": feeding(Config.recipe(values.recipe, **source), values.rounds),
        }
    out = Path(values.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(report, indent=1) + "\n")
    print(table(report))
    print(f"wrote {out}")


def several(measure: Callable[[], float], rounds: int) -> dict[str, float]:
    """The spread of some measurements after one that warms the disk."""
    turns.show_progress(f"a start of the command, {rounds + 1} times")
    measure()
    return turns.spread([measure() for _ in range(rounds)])


def help_seconds() -> float:
    """Of `python -m gan_tf.train --help`, from outside."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "gan_tf.train", "--help"]
    subprocess.run(
        command, stdout=subprocess.DEVNULL, check=True, env=turns.environment()
    )
    return time.perf_counter() - begun


def evaluate_seconds(work: Path, data_dir: str) -> float:
    """Of scoring 10000 samples, from outside; without MNIST, only some metrics."""
    begun = time.perf_counter()
    subprocess.run(
        [
            *(sys.executable, "-m", "gan_tf.evaluate", "--pretrained=mnist"),
            *(f"--data_dir={data_dir or 'none'}", f"--out={work}"),
        ],
        stdout=subprocess.DEVNULL,
        check=True,
        env=turns.environment(),
    )
    return time.perf_counter() - begun


def first_step_seconds(work: Path, given: list[str], cache: Path) -> float:
    """From the start of the command to its line about step 1."""
    with tempfile.TemporaryDirectory(dir=work) as run_dir:
        begun = time.perf_counter()
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gan_tf.train", *given),
                *("--log_every=1", "--run_dir", run_dir),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=with_cache(work, cache),
        )
        for line in process.stdout:
            if line.startswith("step 1 of"):
                break
        spent = time.perf_counter() - begun
        with process:
            process.kill()
    return spent


def new_cache(work: Path) -> Path:
    """A folder for compiled programs that has none."""
    return Path(tempfile.mkdtemp(dir=work))


def with_cache(work: Path, cache: Path) -> dict[str, str]:
    """A child's environment; compiled programs come from `cache` and go there."""
    folders = {"XDG_CACHE_HOME": cache, "MPLCONFIGDIR": work / "matplotlib"}
    return turns.environment() | {name: str(path) for name, path in folders.items()}


def peak_megabytes(work: Path, given: list[str]) -> float:
    """Largest resident size of a whole run of 1000 steps, pictures included."""
    turns.show_progress("1000 steps for the peak memory")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "gan_tf.train", *given),
            *("--epochs=1000", "--run_dir", tempfile.mkdtemp(dir=work)),
        ],
        stdout=subprocess.DEVNULL,
        env=with_cache(work, work / "cache_of_peak"),
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"gan_tf.train ended with code {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 1e6


def run_shares(config: Config, work: Path) -> dict:
    """Where the time of a run goes, from its first sample grid on."""
    turns.show_progress(f"a run of {config.epochs} steps")
    with quiet_tensorflow():
        from gan_tf.storage import checkpoints
        from gan_tf.training import log, loop, schedule
    clocks = collections.Counter()
    first: dict[str, float] = {}
    names = ("logging", "sample grids", "probes", "checkpoints", "waiting for data")
    with contextlib.ExitStack() as stack:
        for name, owner, function in (
            ("logging", log.Log, "write"),
            ("logging", log.Log, "add"),
            ("sample grids", loop, "_write_sample_grid"),
            ("probes", loop, "_probe"),
            ("checkpoints", checkpoints, "save"),
        ):
            plain = getattr(owner, function)
            stack.callback(setattr, owner, function, plain)
            setattr(owner, function, timed(plain, name, clocks, first))
        stack.callback(setattr, schedule, "stream", schedule.stream)
        schedule.stream = timed_stream(schedule.stream, clocks, first)
        stack.callback(setattr, loop, "calls", loop.calls)
        loop.calls = steady(loop.calls, config.sample_every, clocks)
        loop.train(config, work / "shares", progress=False)
    whole = clocks["whole"]
    steps = config.epochs - config.sample_every
    shares = {name: clocks[name] / whole for name in names}
    together = sum(shares[name] for name in names[:-1])
    once = sum(first.get(name, 0.0) for name in names[:-1])
    long = Config.epochs * whole / steps
    return {
        "steps": steps,
        "seconds": whole,
        "shares": shares,
        TOGETHER: together,
        TOGETHER_ONCE: (together * long + once) / (long + once),
        "seconds of the first use": first,
    }


def timed(plain: Callable, name: str, clocks: dict, first: dict) -> Callable:
    """`plain` with its time added to `clocks[name]`."""

    def run(*arguments, **settings):
        begun = time.perf_counter()
        try:
            return plain(*arguments, **settings)
        finally:
            spent = time.perf_counter() - begun
            clocks[name] += spent
            first.setdefault(name, spent)

    return run


def timed_stream(plain: Callable, clocks: dict, first: dict) -> Callable:
    """`stream` with the time that its reader waits."""

    def stream(*arguments, **settings) -> Iterator:
        chunks = iter(plain(*arguments, **settings))
        get = timed(lambda: next(chunks), "waiting for data", clocks, first)
        while True:
            yield get()

    return stream


def steady(plain: Callable, start: int, clocks: dict) -> Callable:
    """`loop.calls`, which sets the clocks to 0 when step `start` is wholly done."""

    def calls(*arguments) -> Iterator:
        step, begun = 0, time.perf_counter()
        try:
            for chunk, first, last in plain(*arguments):
                if step == start:
                    clocks.clear()
                    begun = time.perf_counter()
                yield chunk, first, last
                step += last - first
        finally:  # the loop has left, with the last step's events done
            clocks["whole"] = time.perf_counter() - begun

    return calls


def feeding(config: Config, rounds: int, seconds: float = 4.0) -> dict:
    """How much of the speed the stream costs: the step on it and on ready chunks."""
    with quiet_tensorflow():
        from gan_tf.data import sources, stream
        from gan_tf.gan.state import build_gan
        from gan_tf.gan.step import compile_train_steps
    images = sources.load(config.dataset, config.data_dir).images
    size = config.steps_per_call
    chunks = iter(stream.stream(images, config.batch_size, size, config.seed))
    ready = itertools.cycle([next(chunks) for _ in range(8)])
    call = compile_train_steps(build_gan(config), config.seed, config.jit_compile)
    call(next(ready), 0, size)

    def speed(chunks: Iterator) -> float:
        steps, begun, spent = 0, time.perf_counter(), 0.0
        while spent < seconds:
            float(call(next(chunks), 0, size)["d_loss"])
            steps += size
            spent = time.perf_counter() - begun
        return steps / spent

    shares = []
    for number in range(rounds):
        turns.show_progress(f"feeding, round {number + 1} of {rounds}")
        for _ in range(3):  # what was prefetched while the other had its turn
            next(chunks)
        with_stream, without = speed(chunks), speed(ready)
        shares.append(1 - with_stream / without)
    turns.show_progress("")
    return {"share of the speed": turns.spread(shares), "rounds": shares}


def table(report: dict) -> str:
    """The report as a Markdown table."""
    run, fed = report["run"], report["feeding"]["share of the speed"]
    shares = run["shares"].items()
    rows = [(f"{name}, share of the run", f"{share:.2%}") for name, share in shares]
    rows += [
        (TOGETHER, f"{run[TOGETHER]:.2%}"),
        (TOGETHER_ONCE, f"{run[TOGETHER_ONCE]:.2%}"),
        ("feeding: speed lost", with_spread(fed, "{:.2%}")),
    ]
    for name, value in report.items():
        if name.startswith("seconds"):
            rows.append((name, with_spread(value, "{:.2f}")))
        if name.startswith(PEAK):
            rows.append((name, f"{value:.0f}"))
    lines = ["| | measured |", "| --- | --- |"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    firsts = run["seconds of the first use"].items()
    first = ", ".join(f"{name} {spent:.2f} s" for name, spent in firsts)
    return "\n".join([*lines, f"\nThe first of each, not in the shares: {first}."])


def with_spread(values: dict[str, float], form: str) -> str:
    """A median with the least and the most."""
    median, least, most = (form.format(values[k]) for k in ("median", "least", "most"))
    return f"{median} ({least} to {most})"


if __name__ == "__main__":
    main()
