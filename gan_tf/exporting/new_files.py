"""Files and folders that appear together, complete, and replace nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gan_tf.errors import UserError
from gan_tf.files import explained, remove, sync


@contextlib.contextmanager
def new_files(*paths: Path) -> Iterator[list[Path]]:
    """Where to write files and folders that then appear at `paths`, all or none.

    They are written in a folder beside, synced and renamed once the block has ended. If
    it fails, nothing is left.

    Args:
        paths: in one folder, which is made if it is not there.

    Raises:
        UserError: something is at one of `paths`, and would be lost; or the folder
            cannot be written.
    """
    check_free(paths)
    home = paths[0].parent
    place = home
    while not os.path.lexists(place):
        place = place.parent
    beside = place / f".{paths[0].name[:40]}.part"
    try:
        with explained(beside, "nothing was changed"):
            remove(beside)  # of a crash
            beside.mkdir()
        written = [beside / path.name for path in paths]
        yield written
        check_free(paths)
        with explained(home, "nothing was changed"):
            for file in [*beside.rglob("*"), beside]:
                sync(file)
            home.mkdir(parents=True, exist_ok=True)
            _move(written, paths)
            sync(home)
    finally:
        with contextlib.suppress(OSError):
            remove(beside)


def check_free(paths: Sequence[Path]) -> None:
    """Raises `UserError` if something is at one of `paths`."""
    for path in paths:
        if os.path.lexists(path):
            raise UserError(
                f"{path} exists and is not replaced; name another place or remove it"
            )


def _move(sources: Sequence[Path], targets: Sequence[Path]) -> None:
    """Renames all, or leaves none at its target."""
    done: list[Path] = []
    try:
        for source, target in zip(sources, targets):
            os.rename(source, target)
            done.append(target)
    except OSError:
        for target in done:
            remove(target)
        raise
