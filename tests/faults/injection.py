"""Faults for real processes, and what a run must look like after them.

`tests/faults` tries each of these a few times, `long_run.py` many times.
"""

from __future__ import annotations

import collections
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator,
)

from gan_tf.config import Config
from gan_tf.storage import checkpoints
from tests.conftest import TINY, environment, flags_of

# Saves every few steps; other numbers than the length of a call and the other events.
OFTEN = TINY | {"save_every": 4, "log_every": 3, "sample_every": 10}


def often(data_dir: Path, **changes) -> Config:
    """A tiny run that spends most of its time saving."""
    return Config(**(OFTEN | {"data_dir": str(data_dir)} | changes))


def start(config: Config, run_dir: Path) -> subprocess.Popen:
    """The real command as a process of its own."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "gan_tf.train",
            *flags_of(config),
            f"--run_dir={run_dir}",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=hear_ctrl_c,
    )


def hear_ctrl_c() -> None:
    """Undoes what shells do to commands they run in the background."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def wait_for(process: subprocess.Popen, beginning: str) -> str:
    """Reads the output up to a line that begins so; all of it if there is none."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if line.startswith(beginning):
            break
    return "".join(lines)


def last_reported(output: str) -> int:
    """The last step that a line of progress reports, 0 if there is none."""
    lines = [line.split() for line in output.splitlines()]
    return max([int(w[1]) for w in lines if w[:1] == ["step"]], default=0)


def weights(run_dir: Path) -> dict[str, bytes]:
    """Every variable in the newest checkpoint, by name, in bytes."""
    reader = tf.train.load_checkpoint(str(checkpoints.saved(run_dir)[0] / "state"))
    kinds = reader.get_variable_to_dtype_map()
    numbers = [name for name, kind in kinds.items() if kind != tf.string]
    return {name: np.asarray(reader.get_tensor(name)).tobytes() for name in numbers}


def leftovers(run_dir: Path) -> list[Path]:
    """What a run leaves only when it was stopped half-way: hidden files and folders."""
    return list(run_dir.rglob(".*"))


def shown_steps(run_dir: Path) -> collections.Counter:
    """How often TensorBoard shows each (tag, step), and `curves.csv` each step."""
    events = EventAccumulator(str(run_dir / "tensorboard"), {"tensors": 0})
    events.Reload()
    counts = collections.Counter(
        (tag, event.step)
        for tag in events.Tags()["tensors"]
        for event in events.Tensors(tag)
    )
    lines = (run_dir / "curves.csv").read_text().splitlines()
    counts.update(line.split(",")[0] for line in lines)
    return counts


def differences(run_dir: Path, undisturbed: Path) -> list[str]:
    """What distinguishes a run that went through faults from one that did not."""
    if not checkpoints.saved(run_dir):
        return ["no checkpoint"]
    found = []
    if weights(run_dir) != weights(undisturbed):
        found.append("other weights")
    if leftovers(run_dir):
        found.append(f"left over: {leftovers(run_dir)}")
    if shown_steps(run_dir) != shown_steps(undisturbed):
        found.append("TensorBoard shows other steps")
    files = [
        {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        for root in (run_dir, undisturbed)
    ]
    odd = {name for name in files[0] ^ files[1] if "tfevents" not in name}
    return found + [f"files: {odd}"] * bool(odd)


def damaged(content: bytes, count: int, randomly: random.Random) -> Iterator[bytes]:
    """A file's content damaged in `count` ways: flipped, zeroed or cut somewhere.

    The places are spread over the whole file, the first and last byte among them.
    """
    for case in range(count):
        place = round(case / max(1, count - 1) * (len(content) - 1))
        length = randomly.choice((1, 4, 64, 4096))
        kind = randomly.choice(("flip", "zero", "cut"))
        if kind == "cut":
            yield content[:place]
        part = content[place : place + length]
        wrong = bytes(len(part))
        if kind == "flip" or part == wrong:
            wrong = bytes(byte ^ (1 << randomly.randrange(8)) for byte in part)
        if kind != "cut":
            yield content[:place] + wrong + content[place + length :]


@contextlib.contextmanager
def mounted(folder: Path, kilobytes: int) -> Iterator[None]:
    """A small file system of its own on `folder`; needs root.

    Raises:
        OSError: this machine does not let us.
    """
    folder.mkdir(exist_ok=True)
    _mount("mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder))
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def remount(folder: Path, option: str) -> None:
    """Changes an option, such as `size=9m` or `ro`, of what is mounted on `folder`."""
    _mount("mount", "-o", f"remount,{option}", str(folder))


def _mount(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise OSError(done.stderr)


def clock_was_ahead(run_dir: Path, seconds: int) -> None:
    """Makes a run look as if written while the clock was that much ahead."""
    for path in run_dir.rglob("*"):
        status = path.stat()
        os.utime(path, (status.st_atime + seconds, status.st_mtime + seconds))
    for path in (run_dir / "tensorboard").glob("events.out.tfevents.[1-9]*"):
        parts = path.name.split(".")  # events.out.tfevents.<seconds>.<host>...
        parts[3] = str(int(parts[3]) + seconds)
        path.rename(path.with_name(".".join(parts)))


def copy(run_dir: Path, other: Path) -> Path:
    """A copy of a run in place of what was there."""
    shutil.rmtree(other, ignore_errors=True)
    return shutil.copytree(run_dir, other)
