"""The manifest of a checkpoint, and whether its folder holds what was written."""

from __future__ import annotations

import hashlib
import math
import stat
from pathlib import Path
from typing import Any

from gan_tf.errors import DamagedError, UserError
from gan_tf.files import exists, file_digest, read_json, readable, write_json
from gan_tf.storage.bundle import SUFFIXES, check_bundle
from gan_tf.storage.run_directory import FORMAT, step_of

_NAME = "manifest.json"
_STATE = tuple(f"state{suffix}" for suffix in SUFFIXES)


def write_manifest(
    folder: Path, step: int, distance: float | None, files: dict[str, bytes]
) -> None:
    """Writes the digests of `files`, by their names, and what else is noted."""
    digests = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in sorted(files.items())
    }
    content = {
        "format": FORMAT,
        "step": step,
        "frechet_distance": distance,
        "files": digests,
    }
    write_json(folder / _NAME, content)


def read_manifest(path: Path) -> dict[str, Any]:
    """The manifest of a checkpoint; every version seals it alike."""
    manifest = read_json(path / _NAME)
    if manifest.get("format") != FORMAT:
        raise UserError(
            f"checkpoint {path} is from another version of gan_tf: it has format "
            f"{manifest.get('format')!r}, this version reads {FORMAT}"
        )
    return manifest


def distance_of(path: Path) -> float | None:
    """The Frechet distance noted in a checkpoint; None if there is none, or damage."""
    try:
        distance = read_manifest(path).get("frechet_distance")
    except DamagedError:
        return None
    return distance if type(distance) is float and math.isfinite(distance) else None


def digest_of(path: Path) -> str:
    """SHA-256 of a checkpoint's weights, hex, as its manifest has it."""
    return read_manifest(path)["files"][_STATE[0]]


def check_folder(path: Path) -> None:
    """Checks that the folder holds exactly what was written.

    Raises:
        DamagedError: it does not.
        UserError: this cannot be found out, or it is from another version.
    """
    manifest = read_manifest(path)
    if manifest.get("step") != step_of(path):
        raise DamagedError(f"it was written as step {manifest.get('step')!r}")
    files = manifest.get("files")
    # No other name: one such as ../../x would lead out of the folder.
    if not isinstance(files, dict) or files.keys() - {"config.json"} != set(_STATE):
        raise DamagedError(f"its manifest must name {' and '.join(_STATE)}")
    for name, digest in files.items():
        if not exists(path / name):
            raise DamagedError(f"{name} is missing")
        with readable(path / name):
            if not stat.S_ISREG((path / name).stat().st_mode):
                raise DamagedError(f"{name} is no file")
            if file_digest(path / name) != digest:
                raise DamagedError(f"{name} is not as it was written")
    check_bundle(path / "state")
