"""The long run's faults of processes: killed, stopped, doubled."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

from gan_tf.config import Config
from gan_tf.storage import checkpoints
from tests.faults.injection import (
    differences,
    last_reported,
    leftovers,
    often,
    start,
)
from tests.faults.place import KILLED, Place, clear

_STOP_SECONDS = 5


def kill(place: Place) -> list[str]:
    """`kill -9` at a random moment of a run, then continued to its end."""
    config, whole = place.undisturbed(80)
    wrong, kills, to_do = [], 0, place.count(100)
    while kills < to_do:
        run_dir = place.folder / "killed"
        for _ in range(min(4, to_do - kills)):
            kill_once = _kill_cold if place.random.random() < 0.1 else _kill_forked
            if not kill_once(place, config, run_dir):
                break  # the run has reached its end
            kills += 1
        code, output = place.server.finish(config, run_dir)
        found = [output[-500:]] * bool(code)
        found += differences(run_dir, whole)
        wrong += found[:1]
        clear(run_dir)
        print(f"  {kills} kills, wrong: {wrong}", flush=True)
    return ["survived"] * (kills - len(wrong)) + wrong


def _kill_forked(place: Place, config: Config, run_dir: Path) -> bool:
    """Kills the run while it trains; False if it ended before."""
    process = place.server.start(config, run_dir)
    if process.wait_for("training on"):
        time.sleep(place.random.uniform(0, place.training_seconds / 2))
    return process.signal(signal.SIGKILL) == KILLED


def _kill_cold(place: Place, config: Config, run_dir: Path) -> bool:
    """The same with a new process, which may still be starting."""
    process = start(config, run_dir)
    try:
        process.communicate(timeout=place.random.uniform(0, 12))
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode == KILLED


def signals(place: Place) -> list[str]:
    """Ctrl-C or SIGTERM at a random moment: ends within 5 s, everything reported is
    saved.
    """
    results = []
    for number in range(place.count(30)):
        which = (signal.SIGINT, signal.SIGTERM)[number % 2]
        run_dir = place.folder / "stopped"
        config = often(place.data, epochs=10**6, save_every=10**6)
        if number % 6 == 5:  # the default networks, and XLA: compiles for long
            config = Config(epochs=10**6, data_dir=str(place.data), save_every=10**6)
        if number % 3 == 2:
            results.append(_stop_cold(place, config, run_dir, which))
        else:
            results.append(_stop_forked(place, config, run_dir, which))
        clear(run_dir)
        print(f"  {which.name}: {results[-1]}", flush=True)
    return results


def _stop_forked(place: Place, config: Config, run_dir: Path, which: int) -> str:
    process = place.server.start(config, run_dir)
    time.sleep(place.random.uniform(0, 5))
    since = time.monotonic()
    code = process.signal(which)
    late = time.monotonic() - since
    return _stopped(run_dir, which, code, late, process.output())


def _stop_cold(place: Place, config: Config, run_dir: Path, which: int) -> str:
    process = start(config, run_dir)
    time.sleep(place.random.uniform(0.5, 15))
    since = time.monotonic()
    process.send_signal(which)
    output, errors = process.communicate()
    late = time.monotonic() - since
    return _stopped(run_dir, which, process.returncode, late, output + errors)


def _stopped(run_dir: Path, which: int, code: int, late: float, output: str) -> str:
    """What is wrong with a run that a signal has ended, or that it survived."""
    wrong = []
    if late > _STOP_SECONDS:
        wrong.append(f"took {late:.1f} s")
    if code not in (-which, 128 + which):
        wrong.append(f"exit code {code}")
    if "Traceback" in output or "error" in output:
        wrong.append(output[-500:])
    saved = [checkpoints.step_of(path) for path in checkpoints.saved(run_dir)]
    if max(saved, default=0) < last_reported(output):
        wrong.append(f"saved {saved}, reported {last_reported(output)}")
    if saved and leftovers(run_dir):
        wrong.append(f"left over: {leftovers(run_dir)}")
    when = "saved" if code == 128 + which else "before the first step"
    return "; ".join(wrong) or f"survived ({when})"


def second_process(place: Place) -> list[str]:
    """A second process in the same directory, also through a symbolic link."""
    config = often(place.data, epochs=10**6)
    run_dir, link = place.folder / "busy", place.folder / "link"
    link.symlink_to(run_dir)
    results = []
    for number in range(place.count(10)):
        first = place.server.start(config, run_dir)
        first.wait_for("step 6 of")
        second = start(config, (run_dir, link)[number % 2])
        _, errors = second.communicate()
        refused = second.returncode == 2 and "another process trains there" in errors
        first.signal(signal.SIGKILL)
        results.append("survived" if refused else f"{second.returncode}: {errors}")
    last = place.server.start(config, link)  # the lock has gone with the killed process
    if not last.wait_for("training on", 30):
        results.append(f"the lock stayed: {last.output()}")
    last.signal(signal.SIGKILL)
    return results
