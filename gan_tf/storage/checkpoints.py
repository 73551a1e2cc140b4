"""Checkpoints: the whole training state, saved atomically, checked when read.

A checkpoint is a folder `checkpoints/step-00001000` with the two files of TensorFlow's
checkpoint format, a copy of the run's `config.json` and a manifest of digests. It is
made under another name and renamed, so that a folder with its final name is always
complete.

A checkpoint is damaged if its digests, its manifest or its index say so, and only then
is an older one used. One that cannot be read here and now stops the command.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.environment import keras_defaults
from gan_tf.errors import DamagedError, UserError, printable
from gan_tf.files import explained, remove, sync, usable_path, write_synced
from gan_tf.gan.state import GAN, generator_parameters, new_generator
from gan_tf.storage import tensors
from gan_tf.storage.bundle import SUFFIXES
from gan_tf.storage.description import (
    Content,
    class_count,
    image_shape,
    networks_of,
    read_run,
)
from gan_tf.storage.manifest import check_folder, distance_of, write_manifest
from gan_tf.storage.run_directory import (
    checkpoints_dir,
    config_path,
    saved,
    step_of,
)

KEPT = 3


def save(
    run_dir: Path,
    gan: GAN,
    distance: float | None = None,
    description: bytes | None = None,
) -> Path:
    """Saves the state at its step; keeps the `KEPT` newest and the best one.

    Args:
        distance: the Frechet distance of its samples, if they were scored.
        description: the content of a `config.json` that is not there yet.

    Raises:
        UserError: it could not be written, for one because the disk is full.
    """
    step = int(gan.step.numpy())
    folder = checkpoints_dir(run_dir)
    path = folder / f"step-{step:08d}"
    beside = folder / ".part"
    files = {
        f"state{suffix}": content
        for suffix, content in tensors.to_bytes(gan.checkpoint()).items()
    }
    try:
        with explained(path, "the checkpoints before it are unchanged"):
            remove(beside)
            beside.mkdir(parents=True)
            sync(run_dir)
            if description is None and config_path(run_dir).exists():
                description = config_path(run_dir).read_bytes()
            if description is not None:
                files["config.json"] = description
            for name, content in files.items():
                write_synced(beside / name, content)
            write_manifest(beside, step, distance, files)
            _remove(path)  # a damaged one of the same step
            os.replace(beside, path)
        with explained(path, "it may be lost if the machine stops now"):
            sync(folder)
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
    folder = checkpoints_dir(run_dir)
    kept = best(run_dir)
    older = [path for path in saved(run_dir) if step_of(path) <= step]
    with explained(folder):
        for old in older[KEPT:]:
            # Windows removes nothing that someone reads; the next save tries again.
            with contextlib.suppress(PermissionError):
                if old != kept:
                    _remove(old)
        for name in (".part", ".old"):
            with contextlib.suppress(PermissionError):
                remove(folder / name)


def newest(run_dir: Path) -> Path | None:
    """The newest sound checkpoint; warns of each damaged one that it passes over."""
    return next(_sound(saved(run_dir)), None)


def best(run_dir: Path) -> Path | None:
    """The sound checkpoint whose samples have the least Frechet distance."""
    return next(_sound(scored(run_dir)), None)


def scored(run_dir: Path) -> list[Path]:
    """The checkpoints whose samples were scored, the best (least distance) first."""
    distances = {path: distance_of(path) for path in reversed(saved(run_dir))}
    known = {path: value for path, value in distances.items() if value is not None}
    return sorted(known, key=known.__getitem__)  # of two alike the older one


def restore(run_dir: Path, gan: GAN) -> None:
    """Sets `gan` to the newest sound checkpoint; leaves it alone if there is none.

    Warns of each damaged one that it passes over.

    Raises:
        UserError: there are checkpoints, but the newest one that is not damaged cannot
            be used, or all of them are damaged.
    """
    path = newest(run_dir)
    if path is None:
        if saved(run_dir):
            raise _none_sound(run_dir)
        return
    with _usable(path):
        tensors.from_bytes(gan.checkpoint(), _state(path))
        step = int(gan.step.numpy())
        if step != step_of(path):
            raise UserError(f"its state is that of step {step}")


def restore_weights(path: Path, gan: GAN, averaged: bool) -> None:
    """Sets the networks of `gan` to those of a checkpoint of another run.

    Optimizers and step are left alone.

    Args:
        averaged: whether that run has an average; else its generator is taken for it.

    Raises:
        UserError: the checkpoint does not hold such networks.
    """
    parts = {"generator": gan.generator, "discriminator": gan.discriminator}
    if averaged and gan.average is not None:
        parts["average"] = gan.average
    with _usable(path):
        part = tf.train.Checkpoint(**parts)
        tensors.from_bytes(part, _state(path), partial=True)
    if gan.average is not None and not averaged:
        gan.average.set_weights(gan.generator.get_weights())


@dataclasses.dataclass(frozen=True, eq=False)
class Trained:
    """A trained generator and what is known of its run.

    Attributes:
        name: where it is from, for messages.
        config: the run's configuration.
        content: the whole `config.json`: data, image shape, versions.
        step: training steps done.
        generator: noise (and labels) to images; a Keras model.
    """

    name: str
    config: Config
    content: Content
    step: int
    generator: keras.Model


def trained(
    run_dir: str | os.PathLike, averaged: bool = True, best: bool = False
) -> Iterator[Trained]:
    """The generator of each sound checkpoint of a run, the newest first.

    Args:
        averaged: the moving average of the weights, where the run has one, instead
            of the last weights.
        best: only those whose samples were scored in training, the best first.

    Raises:
        UserError: there is no such run, or it has no sound checkpoint, or one that is
            not damaged cannot be used.
    """
    run_dir = usable_path(run_dir)
    config, content = read_run(run_dir)
    if not saved(run_dir):
        raise UserError(f"--run_dir {run_dir} holds no checkpoint yet")
    if best and not scored(run_dir):
        raise UserError(
            f"--run_dir {run_dir} holds no scored checkpoint: --health was off, or the "
            "data are not MNIST"
        )
    path = None
    for path in _sound(scored(run_dir) if best else saved(run_dir)):
        with _usable(path):
            generator = _generator(path, config, content, averaged)
        yield Trained(f"--run_dir {run_dir}", config, content, step_of(path), generator)
    if path is None:
        raise _none_sound(run_dir)


def load_generator(
    run_dir: str | os.PathLike, averaged: bool = True, best: bool = False
) -> keras.Model:
    """The generator of a run's newest (or best) sound checkpoint; see `trained`."""
    return next(trained(run_dir, averaged, best)).generator


def _generator(
    path: Path, config: Config, content: Content, averaged: bool
) -> keras.Model:
    """The generator in a checkpoint."""
    pixels, classes = math.prod(image_shape(content)), class_count(content)
    files = _state(path)
    # The sizes stand in a file: check them before memory is taken.
    most = len(files[SUFFIXES[0]]) // 4
    own = networks_of(content)
    if "generator" not in own and generator_parameters(config, pixels, classes) > most:
        raise UserError("it is smaller than its configuration's network")
    with keras_defaults():
        generator = new_generator(config, pixels, classes, networks=own, most=most)
    name = "average" if averaged and config.ema_decay else "generator"
    part = tf.train.Checkpoint(**{name: generator})
    tensors.from_bytes(part, files, partial=True)
    return generator


def _sound(paths: list[Path]) -> Iterator[Path]:
    """Those checkpoints that are not damaged; warns of the others."""
    for path in paths:
        try:
            check_folder(path)
        except DamagedError as damage:
            if os.path.lexists(path):  # else a training process has just removed it
                warnings.warn(
                    f"checkpoint {path} is damaged and passed over: {damage}",
                    stacklevel=3,
                )
        else:
            yield path


@contextlib.contextmanager
def _usable(path: Path) -> Iterator[None]:
    """Turns what TensorFlow raises about a sound checkpoint into one sentence."""
    try:
        yield
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"checkpoint {path} cannot be used here, though its files are as they were "
            f"written: {printable(first, 300)}"
        ) from error


def _none_sound(run_dir: Path) -> UserError:
    return UserError(
        f"not one checkpoint in {checkpoints_dir(run_dir)} is sound. Put a copy of one "
        "back, or train in another --run_dir; nothing was changed here."
    )


def _state(path: Path) -> dict[str, bytes]:
    """The content of a checkpoint's state, by the ends of the files' names."""
    return {suffix: (path / f"state{suffix}").read_bytes() for suffix in SUFFIXES}


def _remove(folder: Path) -> None:
    """Removes a checkpoint so that a crash never leaves half of one under its name."""
    if os.path.lexists(folder):
        doomed = folder.with_name(".old")
        remove(doomed)
        os.replace(folder, doomed)
        remove(doomed)
