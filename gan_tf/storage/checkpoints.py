"""Checkpoints: the whole training state, saved atomically, checked when read.

A checkpoint is a folder `checkpoints/step-00001000` with what `tf.train.Checkpoint`
writes, a copy of the run's `config.json` and a manifest of digests. It is made under
another name and renamed, so that a folder with its final name is always complete.
"""

from __future__ import annotations

import contextlib
import math
import os
import re
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import keras
import tensorflow as tf

from gan_tf.errors import UserError, printable
from gan_tf.files import (
    cannot_write,
    explained,
    file_digest,
    read_json,
    remove,
    sync,
    write_json,
)
from gan_tf.gan.state import GAN, generator_parameters, new_generator
from gan_tf.storage.bundle import SUFFIXES, check_bundle
from gan_tf.storage.description import read_run
from gan_tf.storage.run_directory import FORMAT, config_path

T = TypeVar("T")

KEPT = 3
_MANIFEST = "manifest.json"
_STATE = tuple(f"state{suffix}" for suffix in SUFFIXES)


def save(run_dir: Path, gan: GAN, distance: float | None = None) -> Path:
    """Saves the state at its step; keeps the `KEPT` newest and the best one.

    Args:
        distance: the Frechet distance of its samples, if they were judged.

    Raises:
        UserError: it could not be written, for one because the disk is full; the
            checkpoints before are unharmed.
    """
    step = int(gan.step.numpy())
    folder = run_dir / "checkpoints"
    path = folder / f"step-{step:08d}"
    beside = folder / ".part"
    try:
        with explained(path):
            remove(beside)
            beside.mkdir(parents=True)
            sync(run_dir)
        gan.checkpoint().write(str(beside / "state"))
        with explained(path):
            if config_path(run_dir).exists():
                shutil.copyfile(config_path(run_dir), beside / "config.json")
            digests = {}
            for file in sorted(beside.iterdir()):
                digests[file.name] = file_digest(file)
                sync(file)
            manifest = {
                "format": FORMAT,
                "step": step,
                "frechet_distance": distance,
                "files": digests,
            }
            write_json(beside / _MANIFEST, manifest)
            _remove(path)  # a damaged one of the same step
            os.replace(beside, path)
            sync(folder)
    except tf.errors.OpError as error:
        raise cannot_write(path, str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            remove(beside)
    tidy(run_dir, step)
    return path


def tidy(run_dir: Path, step: int) -> None:
    """Removes what a killed save left, and all up to `step` that need not be kept.

    Newer ones than `step`, the newest sound one, are damaged; they must not take the
    places of the sound ones.
    """
    folder = run_dir / "checkpoints"
    best = scored(run_dir)[:1]
    older = [path for path in saved(run_dir) if step_of(path) <= step]
    with explained(folder):
        for old in older[KEPT:]:
            if old not in best:
                _remove(old)
        for name in (".part", ".old"):
            remove(folder / name)


def saved(run_dir: Path) -> list[Path]:
    """The checkpoints of a run, the newest first; other files there are not ours."""
    found = (run_dir / "checkpoints").glob("step-*")
    ours = [path for path in found if re.fullmatch("step-[0-9]{8,18}", path.name)]
    return sorted(ours, key=step_of, reverse=True)


def scored(run_dir: Path) -> list[Path]:
    """The checkpoints whose samples were judged, the best (least distance) first."""
    distances = {path: distance_of(path) for path in reversed(saved(run_dir))}
    known = {path: value for path, value in distances.items() if value is not None}
    return sorted(known, key=known.__getitem__)  # of two alike the older one


def distance_of(path: Path) -> float | None:
    """The Frechet distance noted in a checkpoint; None if there is none, or damage."""
    try:
        distance = read_json(path / _MANIFEST).get("frechet_distance")
    except UserError:
        return None
    return distance if type(distance) is float and math.isfinite(distance) else None


def step_of(path: Path) -> int:
    """The step of a checkpoint, from its name."""
    return int(path.name.removeprefix("step-"))


def restore(run_dir: Path, gan: GAN) -> None:
    """Brings `gan` to the newest sound checkpoint; leaves it alone if there is none.

    Warns of each damaged one that it passes over.

    Raises:
        UserError: there are checkpoints, but not one of them is sound.
    """

    def read(path: Path) -> None:
        status = gan.checkpoint().read(str(path / "state"))
        status.assert_existing_objects_matched().assert_consumed()
        step = int(gan.step.numpy())
        if step != step_of(path):
            raise UserError(f"its state is that of step {step}")

    if next(_sound(saved(run_dir), read), None) is None and saved(run_dir):
        raise _none_sound(run_dir)


def generators(
    run_dir: str | os.PathLike, averaged: bool = True, best: bool = False
) -> Iterator[tuple[int, keras.Model]]:
    """Step and generator of each sound checkpoint of a run, the newest first.

    Args:
        averaged: the moving average of the weights, where the run has one, instead
            of the last weights.
        best: only those whose samples were judged in training, the best first.

    Raises:
        UserError: there is no such run, or it has no sound checkpoint.
    """
    run_dir = Path(run_dir)
    config, _ = read_run(run_dir)
    name = "average" if averaged and config.ema_decay else "generator"

    def read(path: Path) -> keras.Model:
        # The sizes stand in a file: see that they are true before memory is taken.
        if 4 * generator_parameters(config) > (path / _STATE[0]).stat().st_size:
            raise UserError("it is smaller than its configuration's network")
        generator = new_generator(config)
        state = tf.train.Checkpoint(**{name: generator})
        status = state.read(str(path / "state"))
        status.assert_existing_objects_matched().expect_partial()
        return generator

    if not saved(run_dir):
        raise UserError(f"--run_dir {run_dir} holds no checkpoint yet")
    if best and not scored(run_dir):
        raise UserError(
            f"--run_dir {run_dir} holds no judged checkpoint: --health was off, or the "
            "data are not MNIST"
        )
    some = False
    paths = scored(run_dir) if best else saved(run_dir)
    for path, generator in _sound(paths, read):
        some = True
        yield step_of(path), generator
    if not some:
        raise _none_sound(run_dir)


def load_generator(
    run_dir: str | os.PathLike, averaged: bool = True, best: bool = False
) -> keras.Model:
    """The generator of a run's newest (or best) sound checkpoint; see `generators`."""
    _, generator = next(generators(run_dir, averaged, best))
    return generator


def _sound(paths: list[Path], read: Callable[[Path], T]) -> Iterator[tuple[Path, T]]:
    """What `read` makes of each checkpoint, except of the damaged ones."""
    for path in paths:
        try:
            _check(path)
            result = read(path)
        except Exception as error:  # a hostile file brings out every kind
            warnings.warn(
                f"checkpoint {path} is damaged and passed over: {_first_line(error)}",
                stacklevel=3,
            )
        else:
            yield path, result


def _none_sound(run_dir: Path) -> UserError:
    return UserError(
        f"not one checkpoint in {run_dir / 'checkpoints'} is sound; remove that "
        "folder to train from the beginning"
    )


def _check(path: Path) -> None:
    """Raises unless the folder holds exactly what was written."""
    manifest = read_json(path / _MANIFEST)
    if manifest.get("format") != FORMAT:
        raise UserError(f"it has format {manifest.get('format')!r}, not {FORMAT}")
    if manifest.get("step") != step_of(path):
        raise UserError(f"it was written as step {manifest.get('step')!r}")
    files = manifest.get("files")
    # No other name: one such as ../../x would lead out of the folder.
    if not isinstance(files, dict) or files.keys() - {"config.json"} != set(_STATE):
        raise UserError(f"its manifest must name {' and '.join(_STATE)}")
    for name, digest in files.items():
        if not (path / name).is_file():
            raise UserError(f"{name} is missing")
        if file_digest(path / name) != digest:
            raise UserError(f"{name} is not as it was written")
    check_bundle(path / "state")


def _remove(folder: Path) -> None:
    """Removes a checkpoint so that a crash never leaves half of one under its name."""
    if os.path.lexists(folder):
        doomed = folder.with_name(".old")
        remove(doomed)
        os.replace(folder, doomed)
        remove(doomed)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return printable(lines[0], 300)
