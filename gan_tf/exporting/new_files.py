"""Files and folders that appear together, complete, and replace nothing."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gan_tf.files import PART, check_replaceable, explained, remove, sync


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
    for path in paths:
        check_replaceable(path)
    home = paths[0].parent
    place = home
    while not os.path.lexists(place):
        place = place.parent
    with explained(paths[0], "nothing was changed"):
        # From Python 3.12 on, mkdtemp makes a relative path absolute, and TensorFlow
        # would meet a [ above the current folder, which it takes for a pattern.
        beside = place / Path(tempfile.mkdtemp(".part", PART, place)).name
    try:
        written = [beside / path.name for path in paths]
        yield written
        for path in paths:
            check_replaceable(path)
        with explained(home, "nothing was changed"):
            for file in [*beside.rglob("*"), beside]:
                sync(file)
            home.mkdir(parents=True, exist_ok=True)
            _move(written, paths)
            sync(home)
    finally:
        with contextlib.suppress(OSError):
            remove(beside)


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
