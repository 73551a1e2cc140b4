"""Files that are either whole or not there, and JSON that shows when it was changed."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan_tf.errors import DamagedError, UserError

# What is not finished is named so, then a random part, then ".part".
PART = ".gan_tf-"

_MARKED = 1000  # bytes at both ends of a file where its mark can be
_MAX_JSON = 1 << 20  # bytes; ours have about two thousand, more with own networks
# Of all that a sync can answer, these mean that the content may be lost. The others
# mean that this system or file system does not sync folders.
_LOST = (errno.EIO, errno.ENOSPC, errno.EDQUOT)


def usable_path(path: str | os.PathLike) -> Path:
    """A path as the user wrote it, with `~` expanded.

    Raises:
        UserError: it is empty, an address such as gs://bucket, or begins with the home
            folder of an unknown user.
    """
    text = os.fspath(path)
    if not text or "\0" in text:
        raise UserError(f"{text!r} is no path of a file or folder")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise UserError(
            f"{text} is an address; only files and folders of this machine can be "
            "used. Copy it here, or mount it, and name that folder"
        )
    try:
        return Path(text).expanduser()
    except RuntimeError:
        user = re.split(r"[/\\]", text)[0][1:]
        why = f"there is no user {user}" if user else "this user has no home folder"
        raise UserError(
            f"{text}: {why}. Write the whole path, or ./ in front of a name that "
            "begins with ~"
        ) from None


def check_writable(folder: str | os.PathLike, flag: str) -> None:
    """Checks, before the work, that `folder` can be written or made; makes nothing.

    Raises:
        UserError: it cannot; `flag` says what to change.
    """
    place = Path(folder).absolute()
    while not os.path.lexists(place):
        place = place.parent
    if not place.is_dir():
        raise UserError(f"{flag} {folder}: {place} is no folder; name another place")
    if not os.access(place, os.W_OK | os.X_OK):
        raise UserError(
            f"{flag} {folder}: this user cannot write in {place}; name another place"
        )


def check_replaceable(path: str | os.PathLike, *marks: bytes) -> None:
    """Checks, before the work, that nothing at `path` would be lost.

    The one rule of all commands: what exists is replaced only by a result of the same
    kind.

    Args:
        marks: what the start or the end of such a result has, each one; without any,
            nothing is replaced.

    Raises:
        UserError: something else is there.
    """
    if not os.path.lexists(path):
        return
    if marks and os.path.isfile(path):
        with readable(path), open(path, "rb") as file:
            start = file.read(_MARKED)
            file.seek(max(0, os.path.getsize(path) - _MARKED))
            ends = start + file.read()
        if any(mark in ends for mark in marks):
            return
    kind = ": it is no earlier result of the same kind" if marks else ""
    raise UserError(
        f"{path} exists and is not replaced{kind}; name another --out or move it away"
    )


def write_atomically(path: str | os.PathLike, content: bytes) -> None:
    """Replaces `path` by `content` in one step: writes beside it, syncs, renames.

    Raises:
        UserError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    beside = path.with_name(f"{PART}{uuid.uuid4().hex}.part")
    with explained(path, "what was there before is unchanged"):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_synced(beside, content)
            os.replace(beside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
    with explained(path, "it is written, but may be lost if the machine stops now"):
        sync(path.parent)


def write_synced(path: str | os.PathLike, content: bytes) -> None:
    """Makes a new file whose content is on the disk at the end."""
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


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
    """Forces a file's content, or a folder's list of entries, to the disk.

    Of a folder only where that can be done: Windows opens none, and some network and
    FUSE file systems refuse to sync one.
    """
    folder = os.path.isdir(path)
    try:
        # Windows syncs no file that is open for reading only.
        handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if not folder or error.errno in _LOST:
            raise


@contextlib.contextmanager
def explained(path: str | os.PathLike, state: str = "") -> Iterator[None]:
    """Turns an `OSError` while writing `path` into one sentence that says why.

    Args:
        state: what is true of the files if it fails.
    """
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error.strerror or str(error), state) from error


def cannot_write(path: str | os.PathLike, why: str, state: str = "") -> UserError:
    """The error for a file that could not be written.

    Args:
        why: an operating system's reason, or a TensorFlow error that has it inside:
            "{{node ...}} /its/own/path; No space left on device [Op:SaveV2] ...".
        state: what is true of the files now.
    """
    reason = why.splitlines()[0].split("; ")[-1].split(" [Op:")[0]
    return UserError(
        f"cannot write {path}: {'; '.join(filter(None, (reason, state)))}. Fix that, "
        "or choose another place, and run the same command again."
    )


@contextlib.contextmanager
def readable(path: str | os.PathLike) -> Iterator[None]:
    """Turns an `OSError` while reading `path` into one sentence: this is no damage."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}. It may be in order: "
            "nothing was changed. Fix that, and run the same command again."
        ) from error


def exists(path: str | os.PathLike) -> bool:
    """Whether something is there; `pathlib` also says no where it may not look.

    Raises:
        UserError: this cannot be found out.
    """
    with readable(path):
        try:
            os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
    return True


def write_json(path: str | os.PathLike, content: dict[str, Any]) -> None:
    """Writes `content` with a digest of itself as its last entry, atomically."""
    write_atomically(path, sealed_json(content))


def sealed_json(content: dict[str, Any]) -> bytes:
    """What `write_json` writes."""
    sealed = content | {"sha256": _seal(content)}
    text = json.dumps(sealed, indent=2)
    if len(text) >= _MAX_JSON:  # hundreds of layers: what is written must be readable
        text = json.dumps(sealed)
    return (text + "\n").encode()


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """The inverse of `write_json`.

    Raises:
        DamagedError: it is not what was written, or not there.
        UserError: it cannot be read.
    """
    content, sealed = read_edited_json(path)
    if not sealed:
        raise DamagedError(f"{path} is damaged or was edited: its digest does not fit")
    return content


def read_edited_json(path: str | os.PathLike) -> tuple[dict[str, Any], bool]:
    """As `read_json`, also of a file that was edited; and whether its digest fits."""
    try:
        content = json.loads(_small_file(Path(path)))
        digest = content.pop("sha256", None)
        return content, digest == _seal(content)
    except (ValueError, RecursionError, AttributeError, TypeError) as error:
        raise DamagedError(
            f"{path} is damaged: it is not the JSON written here"
        ) from error


def _small_file(path: Path) -> bytes:
    with readable(path):
        try:
            status = path.stat()
            # A pipe would let us wait for ever, a device never end.
            if not stat.S_ISREG(status.st_mode):
                raise DamagedError(f"{path} is not a file")
            if status.st_size > _MAX_JSON:
                raise DamagedError(f"{path} is damaged: it is too large to be ours")
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DamagedError(f"{path} is missing") from error


def file_digest(path: str | os.PathLike) -> str:
    """SHA-256 of a file's content, hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _seal(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
