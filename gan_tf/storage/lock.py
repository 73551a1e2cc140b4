"""The lock of a run: one process trains in a directory."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from filelock import lock_descriptor

from gan_tf.errors import UserError
from gan_tf.files import PART, explained, remove

_ABANDONED = 3600.0  # seconds without a change


@contextlib.contextmanager
def run_lock(run_dir: Path) -> Iterator[None]:
    """Keeps every other training process out of `run_dir` until the block ends.

    The lock is on the open file `lock`, not on its being there: the operating system
    lifts it with the process, however that ends. Removes what a killed process left
    half-written more than an hour ago; younger files may belong to another command,
    such as an export into the run directory.

    Raises:
        UserError: another process trains there, or the directory cannot be written.
    """
    if run_dir.is_file():
        raise UserError(f"--run_dir {run_dir} is a file; name a directory")
    with explained(run_dir / "lock"):
        run_dir.mkdir(parents=True, exist_ok=True)
    with _locked(run_dir, os.O_CREAT):
        with explained(run_dir):
            for pattern in (f"{PART}*.part", f"*/{PART}*.part"):
                for leftover in run_dir.glob(pattern):
                    with contextlib.suppress(FileNotFoundError):  # finished meanwhile
                        if time.time() - leftover.lstat().st_mtime > _ABANDONED:
                            remove(leftover)
        yield


def check_lock(run_dir: Path) -> None:
    """Asks for the lock of a run as `run_lock` does; creates and removes nothing.

    Raises:
        UserError: as `run_lock`.
    """
    if os.path.lexists(run_dir / "lock"):
        with _locked(run_dir):
            pass


@contextlib.contextmanager
def _locked(run_dir: Path, flags: int = 0) -> Iterator[None]:
    """Holds the lock of a run, whose file is opened with these flags too."""
    path = run_dir / "lock"
    with explained(path):
        if path.is_symlink():  # it could lead out of the run
            raise UserError(f"{path} is a link; a run's lock must be a file of its own")
        no_links = getattr(os, "O_NOFOLLOW", 0)  # Windows has none
        lock = os.open(path, os.O_RDWR | flags | no_links, 0o666)
    with open(lock, "rb"):
        try:
            free = lock_descriptor(lock, blocking=False)
        except OSError as error:  # some network file systems have no locks
            warnings.warn(
                f"{path} cannot be locked: {error.strerror or error}. Start no second "
                "training in this --run_dir.",
                stacklevel=5,
            )
            free = True
        if not free:
            raise UserError(
                f"--run_dir {run_dir} is in use: another process trains there. Wait "
                "for its end, or name another directory."
            )
        yield
