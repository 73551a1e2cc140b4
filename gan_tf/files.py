"""Files that are either whole or not there, and JSON that knows when it was damaged."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan_tf.errors import UserError

_MAX_JSON = 1 << 16  # bytes; ours have about two thousand


def write_atomically(path: str | os.PathLike, content: bytes) -> None:
    """Replaces `path` by `content` in one step: writes beside it, syncs, renames.

    Raises:
        UserError: the folder cannot be written, or the disk is full. What was
            there before is untouched.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.part")
    with explained(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            remove(beside)  # of a crash; or a link that would lead us elsewhere
            with beside.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        sync(path.parent)


def remove(path: str | os.PathLike) -> None:
    """Removes a file, a folder or a link, never what a link points to; or nothing.

    Raises:
        OSError: it could not be removed.
    """
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def sync(path: str | os.PathLike) -> None:
    """Forces a file, or a folder's list of entries, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def explained(path: str | os.PathLike) -> Iterator[None]:
    """Turns an `OSError` while writing `path` into one sentence that says why."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error)) from error


def cannot_write(path: str | os.PathLike, why: str) -> UserError:
    """The error for a file that could not be written.

    Args:
        why: an operating system's reason, or a TensorFlow error that has it inside:
            "{{node ...}} /its/own/path; No space left on device [Op:SaveV2] ...".
    """
    reason = why.splitlines()[0].split("; ")[-1].split(" [Op:")[0]
    return UserError(
        f"cannot write {path}: {reason}; what was there before is unharmed. Mend that, "
        "or choose another place, and run the same command again."
    )


def write_json(path: str | os.PathLike, content: dict[str, Any]) -> None:
    """Writes `content` with a digest of itself as its last entry, atomically."""
    sealed = content | {"sha256": _seal(content)}
    write_atomically(path, (json.dumps(sealed, indent=2) + "\n").encode())


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """The inverse of `write_json`.

    Raises:
        UserError: the file cannot be read, or is not what was written.
    """
    path = Path(path)
    try:
        # A pipe would let us wait for ever, a device never end.
        special = path.exists() and not path.is_file()
        if special or path.stat().st_size > _MAX_JSON:
            raise UserError(f"{path} is damaged: too large to be ours, or no file")
        content = json.loads(path.read_bytes())
        fits = content.pop("sha256") == _seal(content)
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError, KeyError, AttributeError, TypeError) as error:
        raise UserError(
            f"{path} is damaged: it is not the JSON written here"
        ) from error
    if not fits:
        raise UserError(f"{path} is damaged or was edited: its digest does not fit")
    return content


def file_digest(path: str | os.PathLike) -> str:
    """SHA-256 of a file's content, hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _seal(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
