"""`config.json`, which says what a run is: its configuration, data and versions."""

from __future__ import annotations

import contextlib
import platform
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import gan_tf
from gan_tf.config import Config, as_text
from gan_tf.data.image_set import ImageSet
from gan_tf.errors import DamagedError, UserError
from gan_tf.files import (
    exists,
    read_edited_json,
    read_json,
    readable,
    sealed_json,
    write_atomically,
)
from gan_tf.gan.layer_names import first_difference
from gan_tf.gan.networks import ROLES, Networks
from gan_tf.storage.run_directory import (
    FORMAT,
    check_links,
    check_run_there,
    config_path,
    saved,
)

Content = dict[str, Any]

_MAX_SIZE = 1 << 12  # pixels of a side, and classes


def check_run(
    run_dir: Path, config: Config, images: ImageSet, networks: Networks | None = None
) -> None:
    """Checks that `run_dir` is free for this run or already holds it.

    Args:
        networks: the caller's own ones; those not given are taken to be the run's.

    Raises:
        UserError: the directory holds another run (the differences are listed), or
            cannot be read, or is a file.
    """
    if exists(run_dir) and not run_dir.is_dir():
        raise UserError(f"--run_dir {run_dir} is a file; name a directory")
    found = _find(run_dir)
    if found is None:
        return
    old, content = found
    differences = old.differences(config)
    data = content["data"]
    if data["sha256"] != images.digest:
        differences.append(
            f"data: {data['name']} ({data['sha256'][:8]}), "
            f"{images.name} ({images.digest[:8]})"
        )
    differences += [
        f"build_{role}: {first_difference(networks_of(content).get(role), network)}"
        for role, network in (networks or {}).items()
        if network != networks_of(content).get(role)
    ]
    if differences:
        raise UserError(
            f"--run_dir {run_dir} holds a run of another configuration (there, here): "
            f"{'; '.join(differences)}. Name another directory, or give its options."
        )


def open_run(
    run_dir: Path,
    config: Config,
    images: ImageSet,
    networks: Networks | None = None,
    initial: Content | None = None,
    save_first: Callable[[bytes], object] | None = None,
) -> None:
    """Makes `run_dir` this run's directory, or checks that it already is.

    `config.json` then holds the newest options that do not change the result, such as
    `epochs`.

    Args:
        networks: the caller's own ones, of which the run keeps the descriptions.
        initial: what is to be noted of the run whose weights this one takes.
        save_first: called with the new content of `config.json` if the run has no
            checkpoint: what names weights must not be there before they are.

    Raises:
        UserError: as `check_run`, or the directory cannot be written.
    """
    check_run(run_dir, config, images, networks)
    content = {
        "format": FORMAT,
        "config": config.to_dict(),
        "data": {
            "name": images.name,
            "images": len(images.images),
            "shape": list(images.shape),
            "classes": images.classes,
            "sha256": images.digest,
        },
        "versions": versions(),
    }
    content |= {"networks": networks} if networks else {}
    content |= {"initial": initial} if initial else {}
    text = sealed_json(content)
    if save_first is not None and not saved(run_dir):
        save_first(text)
    write_atomically(config_path(run_dir), text)


def read_run(run_dir: Path) -> tuple[Config, Content]:
    """The configuration of a run and the whole content of its `config.json`.

    Where `config.json` is damaged, gone, or edited to say what the trained weights
    contradict, its newest sound copy in a checkpoint is taken, with a warning.

    Raises:
        UserError: there is no run, or its description is damaged with all its copies,
            or cannot be read, or is from another version of this program.
    """
    check_run_there(run_dir)
    found = _find(run_dir)
    if found is None:
        raise UserError(f"--run_dir {run_dir} has just been removed")
    return found


def image_shape(content: Content) -> tuple[int, ...]:
    """The shape of the images that a run was trained on, `(H, W)` or `(H, W, 3)`.

    Args:
        content: what `read_run` returns; version 0.1.0 knew one shape only.
    """
    return tuple(content["data"].get("shape", (28, 28)))


def class_count(content: Content) -> int | None:
    """How many classes the data of a run have; None if they have no labels."""
    return content["data"].get("classes")


def recorded(run_dir: Path) -> Content:
    """What `config.json` of a run says; nothing if no run is there.

    Raises:
        UserError: as `read_run`.
    """
    found = _find(run_dir) if exists(run_dir) else None
    return {} if found is None else found[1]


def networks_of(content: Content) -> Networks:
    """The run's own networks, by their roles; none for the dense ones."""
    return content.get("networks", {})


def _find(run_dir: Path) -> tuple[Config, Content] | None:
    """What the run is, from `config.json` or a copy; None if nothing is there."""
    with readable(run_dir):
        check_links(run_dir)
    path = config_path(run_dir)
    if not exists(path) and not saved(run_dir):
        return None
    try:
        content, sealed = read_edited_json(path)
    except DamagedError as damage:
        return _from_copy(run_dir, damage)
    if not sealed:
        return _edited(run_dir, content)
    return _checked(path, content), content


def _edited(run_dir: Path, content: Content) -> tuple[Config, Content]:
    """What the run is if the digest of `config.json` does not fit.

    An edit that leaves the trained weights as they are is accepted.
    """
    path = config_path(run_dir)
    try:
        config = _checked(path, content)
    except UserError as error:
        damage = DamagedError(f"{path} is damaged or was edited ({error})")
        return _from_copy(run_dir, damage)
    if not saved(run_dir):
        return config, content  # nothing was trained yet
    found = _newest_copy(run_dir)
    if found is None:
        return _from_copy(run_dir, DamagedError(f"{path} is damaged or was edited"))
    copy, original = found
    old = _checked(copy, original)
    changes = _changes(old.to_dict(), config.to_dict())
    other_data = _changes(original["data"], content["data"])
    other_data += [
        f"{name} were changed"
        for name in ("networks", "initial")
        if original.get(name) != content.get(name)
    ]
    if old.differences(config) or other_data:
        warnings.warn(
            f"{path} was edited or is damaged: {'; '.join(changes + other_data)}. The "
            f"weights were trained with the values before; their copy {copy} is used.",
            stacklevel=1,
        )
        return old, original
    what = "; ".join(changes) or "in nothing that the run depends on"
    warnings.warn(f"{path} was edited: {what}", stacklevel=1)
    return config, content


def _changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    return [
        f"{name} from {as_text(old.get(name))} to {as_text(new.get(name))}"
        for name in old | new
        if old.get(name) != new.get(name)
    ]


def _from_copy(run_dir: Path, damage: DamagedError) -> tuple[Config, Content]:
    """What the run is by the newest sound copy of `config.json` in a checkpoint."""
    found = _newest_copy(run_dir)
    if found is None:
        raise DamagedError(
            f"{damage}, and no checkpoint has a sound copy of it. Put the file back as "
            "it was, or name another --run_dir."
        )
    copy, content = found
    warnings.warn(f"{damage}; its copy {copy} is used", stacklevel=1)
    return _checked(copy, content), content


def _newest_copy(run_dir: Path) -> tuple[Path, Content] | None:
    for checkpoint in saved(run_dir):
        with contextlib.suppress(DamagedError):
            return checkpoint / "config.json", read_json(checkpoint / "config.json")
    return None


def _checked(path: Path, content: Content) -> Config:
    """The configuration in a description, if this version can read it."""
    if content.get("format") != FORMAT:
        raise UserError(
            f"{path} has format {content.get('format')!r}, this version of gan_tf "
            f"reads {FORMAT}"
        )
    data = content.get("data")
    if not isinstance(data, dict) or not all(
        isinstance(data.get(key), str) and data[key].isprintable()
        for key in ("name", "sha256")
    ):
        raise UserError(f"{path} does not say what the data are")
    if not isinstance(data.get("shape", []), list):
        raise UserError(f"{path} has an impossible image shape")
    shape, classes = image_shape(content), class_count(content)
    sizes = [*shape, classes if classes is not None else 1]
    if (
        len(shape) not in (2, 3)
        or shape[2:] not in ((), (3,))
        or not all(type(size) is int and 0 < size < _MAX_SIZE for size in sizes)
    ):
        raise UserError(f"{path} has an impossible image shape or number of classes")
    networks = networks_of(content)
    if not isinstance(networks, dict) or not set(networks) <= {*ROLES}:
        raise UserError(f"{path} does not say which networks the run has")
    if not isinstance(content.get("initial", {}), dict):
        raise UserError(f"{path} does not say where the first weights come from")
    if not isinstance(content.get("versions", {}), dict):
        raise UserError(f"{path} does not say which versions made the run")
    return Config.from_dict(content.get("config", {}))


def versions() -> dict[str, str]:
    """Versions of everything that shapes the numbers."""
    packages = {"gan_tf": gan_tf, "tensorflow": tf, "keras": keras, "numpy": np}
    return {"python": platform.python_version()} | {
        name: package.__version__ for name, package in packages.items()
    }
