"""`config.json`, which says what a run is."""

from __future__ import annotations

import contextlib
import platform
import warnings
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import gan_tf
from gan_tf.config import Config
from gan_tf.data.sources import ImageSet
from gan_tf.errors import UserError
from gan_tf.files import read_json, write_json
from gan_tf.storage.run_directory import FORMAT, check_links, config_path


def check_run(run_dir: Path, config: Config, images: ImageSet) -> None:
    """Checks that `run_dir` is free for this run or already holds it.

    Raises:
        UserError: the directory holds another run (the differences are listed), or
            is a file.
    """
    if run_dir.exists() and not run_dir.is_dir():
        raise UserError(f"--run_dir {run_dir} is a file; name a directory")
    check_links(run_dir)
    if not config_path(run_dir).exists():
        if any((run_dir / "checkpoints").glob("step-*")):
            raise UserError(
                f"--run_dir {run_dir} holds checkpoints but no config.json; name a new "
                "directory, or put the file back: each checkpoint has a copy"
            )
        return
    old, content = read_run(run_dir)
    differences = old.differences(config)
    data = content["data"]
    if data["sha256"] != images.digest:
        differences.append(
            f"data: {data['name']} ({data['sha256'][:8]}), "
            f"{images.name} ({images.digest[:8]})"
        )
    if differences:
        raise UserError(
            f"--run_dir {run_dir} holds a run of another configuration (there, here): "
            f"{'; '.join(differences)}. Name another directory, or give its options."
        )


def open_run(run_dir: Path, config: Config, images: ImageSet) -> None:
    """Makes `run_dir` this run's directory, or checks that it already is.

    `config.json` then holds the newest options that do not change the result, such as
    `epochs`.

    Raises:
        UserError: as `check_run`, or the directory cannot be written.
    """
    check_run(run_dir, config, images)
    description = {
        "format": FORMAT,
        "config": config.to_dict(),
        "data": {
            "name": images.name,
            "images": len(images.images),
            "sha256": images.digest,
        },
        "versions": versions(),
    }
    write_json(config_path(run_dir), description)


def read_run(run_dir: Path) -> tuple[Config, dict[str, Any]]:
    """The configuration of a run and the whole content of its `config.json`.

    Where `config.json` is damaged, its newest sound copy in a checkpoint is taken, with
    a warning.

    Raises:
        UserError: there is no run, or its description is damaged with all its copies,
            or from a newer version of this program.
    """
    if not run_dir.is_dir():
        raise UserError(f"--run_dir {run_dir} does not exist")
    if not config_path(run_dir).exists():
        raise UserError(
            f"--run_dir {run_dir} holds no run (no config.json); train one with "
            f"python -m gan_tf.train --run_dir {run_dir}"
        )
    check_links(run_dir)
    content = _description(run_dir)
    if content.get("format") != FORMAT:
        raise UserError(
            f"{config_path(run_dir)} has format {content.get('format')!r}, this "
            f"version of gan_tf reads {FORMAT}"
        )
    data = content.get("data")
    if not isinstance(data, dict) or not all(
        isinstance(data.get(key), str) and data[key].isprintable()
        for key in ("name", "sha256")
    ):
        raise UserError(f"{config_path(run_dir)} does not say what the data are")
    return Config.from_dict(content.get("config")), content


def _description(run_dir: Path) -> dict[str, Any]:
    try:
        return read_json(config_path(run_dir))
    except UserError as damage:
        for copy in sorted(run_dir.glob("checkpoints/step-*/config.json"))[::-1]:
            with contextlib.suppress(UserError):
                content = read_json(copy)
                warnings.warn(f"{damage}; its copy {copy} is used", stacklevel=4)
                return content
        raise


def versions() -> dict[str, str]:
    """Versions of everything that shapes the numbers."""
    packages = {"gan_tf": gan_tf, "tensorflow": tf, "keras": keras, "numpy": np}
    return {"python": platform.python_version()} | {
        name: package.__version__ for name, package in packages.items()
    }
