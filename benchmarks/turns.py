"""The protocol of the benchmarks: sides in processes of their own that take turns.

All sides start and compile first. Then, round by round, each runs for some seconds
while the others wait, all on the same cores: A B C A B C ... What slows the machine for
a while so meets all of them, and ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
PACKAGES = ("tensorflow", "keras", "torch", "jax", "jaxlib", "optax", "numpy")
ENDLESS = 10**7  # steps of the command, which is stopped long before
_START_SECONDS = 600  # to import and compile


class Side(NamedTuple):
    """One program to measure.

    Attributes:
        name: in tables and charts.
        kind: "gan_tf", "peer", "matmul" or "adam".
        module: with `build`, see `worker.py`; "" for the command `gan_tf.train`.
        options: of `build`.
        needs: the package without which it is absent.
    """

    name: str
    kind: str
    module: str
    options: dict[str, Any] = {}  # noqa: RUF012, never changed
    needs: str = "tensorflow"


class Worker:
    """A side's process, which runs when it is asked to."""

    def __init__(self, side: Side, folder: Path) -> None:
        options = json.dumps(side.options)
        self._errors = open(folder / f"{side.name}.txt", "w+")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, HERE / "worker.py", side.module, options, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment(),
        )

    def ready(self) -> str:
        """Waits until it has compiled; why it cannot run, or an empty text."""
        return self._answer().get("absent", "")

    def turn(self, seconds: float, steps: int | None) -> float:
        """Steps per second of one turn."""
        self._process.stdin.write(json.dumps([seconds, steps]) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        return answer["steps"] / answer["seconds"]

    def close(self) -> None:
        """Ends the process."""
        with self._process, self._errors:
            self._process.kill()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            tail = self._errors.read()[-2000:]
            raise RuntimeError(f"a side's process ended: {tail}")
        return json.loads(line)


class TrainCommand:
    """`python -m gan_tf.train` as users run it, stopped between its turns.

    A turn is a whole number of rounds of everything that is due at its intervals (by
    default 1000 steps: ten points of the curves, a sample grid, a probe, a checkpoint).
    """

    def __init__(self, folder: Path, flags: Sequence[str]) -> None:
        self._errors = open(folder / "gan_tf.train.txt", "w+")  # noqa: SIM115
        command = [sys.executable, "-m", "gan_tf.train", *flags]
        self._process = subprocess.Popen(
            [*command, f"--epochs={ENDLESS}", "--run_dir", folder / "run"],
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment(),
        )

    def ready(self) -> str:
        """Waits for the first point of the curves."""
        self._next_step()
        os.kill(self._process.pid, signal.SIGSTOP)
        return ""

    def turn(self, seconds: float, steps: int | None) -> float:
        """Steps per second from one line of its progress to a later one."""
        os.kill(self._process.pid, signal.SIGCONT)
        self._next_step()  # the one in which it was stopped
        first, begun = self._next_step(), time.perf_counter()
        while True:
            done, spent = self._next_step() - first, time.perf_counter() - begun
            if done % 1000 == 0 and (spent >= seconds or (steps and done >= steps)):
                break
        os.kill(self._process.pid, signal.SIGSTOP)
        return done / spent

    def close(self) -> None:
        """Ends the process."""
        with self._process, self._errors:
            self._process.kill()

    def _next_step(self) -> int:
        for line in self._process.stdout:
            found = re.match(r"step (\d+) of", line)
            if found:
                return int(found[1])
        self._errors.seek(0)
        raise RuntimeError(f"gan_tf.train ended: {self._errors.read()[-2000:]}")


def environment() -> dict[str, str]:
    """A child's environment: this checkout, full float32, no GPU memory hoarding."""
    paths = [str(HERE.parent), str(HERE), os.environ.get("PYTHONPATH", "")]
    # Work-arounds for old OpenBLAS builds; they slow a current numpy's matmuls.
    dropped = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "NVIDIA_TF32_OVERRIDE": "0",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
    }


def measure(
    sides: Sequence[Side],
    folder: Path,
    train_flags: Sequence[str],
    rounds: int,
    seconds: float,
    steps: int | None,
) -> dict[str, dict]:
    """Lets all sides take turns.

    Returns:
        For each side's name `{"kind", "rounds": [steps per second], "median", "least",
        "most"}`, or `{"kind", "absent": why}`.
    """
    results: dict[str, dict] = {side.name: {"kind": side.kind} for side in sides}
    # Without this a `kill` would leave the stopped train command behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with contextlib.ExitStack() as stack:
        workers: dict[str, Worker | TrainCommand] = {}
        for side in sides:
            if importlib.util.find_spec(side.needs) is None:
                results[side.name]["absent"] = f"no package {side.needs}"
                continue
            worker = (
                Worker(side, folder)
                if side.module
                else TrainCommand(folder, train_flags)
            )
            stack.callback(worker.close)
            workers[side.name] = worker
        for name in list(workers):
            show_progress(f"starting: {name}")
            why = workers[name].ready()
            if why:
                results[name]["absent"] = why
                del workers[name]
        for number in range(rounds):
            for name, worker in workers.items():
                show_progress(f"round {number + 1} of {rounds}: {name}")
                share = 0.3 if results[name]["kind"] in ("matmul", "adam") else 1.0
                speed = worker.turn(share * seconds, steps)
                results[name].setdefault("rounds", []).append(speed)
    show_progress("")
    for result in results.values():
        if "rounds" in result:
            result.update(spread(result["rounds"]))
    return results


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most."""
    return {
        "median": statistics.median(values),
        "least": min(values),
        "most": max(values),
    }


def ratio(results: dict[str, dict], name: str, other: str) -> dict[str, float] | None:
    """How many times as fast `name` is as `other`, taken within each round."""
    if not all("rounds" in results.get(side, {}) for side in (name, other)):
        return None
    pairs = zip(results[name]["rounds"], results[other]["rounds"])
    return spread([mine / theirs for mine, theirs in pairs])


def best(results: dict[str, dict], *kinds: str) -> str | None:
    """The side of these kinds with the largest median."""
    present = [
        name
        for name, result in results.items()
        if result["kind"] in kinds and "median" in result
    ]
    return max(present, key=lambda name: results[name]["median"], default=None)


def command(data_dir: str = "") -> str:
    """The command of this process; where this machine has its data is nobody's."""
    text = " ".join(["python", *sys.argv])
    return text.replace(data_dir, "DIR") if data_dir else text


def machine() -> dict[str, Any]:
    """Where it was measured."""
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[package] = metadata.version(package)
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.system(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.machine()


def show_progress(text: str) -> None:
    """Shows progress on one line of a terminal; elsewhere a line each."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def add_flags(flags: argparse.ArgumentParser, sides: Sequence[Side], out: str) -> None:
    """The flags of a benchmark with sides."""
    flags.add_argument("--data_dir", default="", help="where MNIST lies")
    flags.add_argument(
        "--dataset",
        default="auto",
        choices=("auto", "mnist", "strokes"),
        help="strokes: the built-in drawn digits (as fast)",
    )
    flags.add_argument("--rounds", type=int, default=5, help="turns of each side (5)")
    flags.add_argument(
        "--seconds", type=float, default=3.0, help="length of a turn (3)"
    )
    flags.add_argument("--steps", type=int, help="length of a turn, in place of that")
    flags.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        choices=[side.name for side in sides],
        help=f"these sides only, of: {'; '.join(side.name for side in sides)}",
    )
    flags.add_argument(
        "--out",
        default=out,
        metavar="JSON",
        help="the chart beside it ends in png",
    )
