"""The one exception whose text is written for the person at the keyboard."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can fix, in one sentence: what, where, what to do.

    The commands print it on standard error and exit with code 2; from Python it is
    raised as it is. What a file's content brings into the sentence cannot steer the
    terminal or fill it: see `printable`.
    """

    def __init__(self, text: str) -> None:
        super().__init__(printable(text))


class DamagedError(UserError):
    """A file is not what was written: its digest, manifest or form is wrong.

    A file that only cannot be read, or is from another version, is not damaged.
    """


class StopTraining(Exception):  # noqa: N818, as StopIteration
    """Raised by `on_log` to end a run there, with all saved and its pictures made."""


def printable(text: str, most: int = 2000) -> str:
    """`text` with control characters and the like escaped, `most` characters of it."""
    safe = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:most])
    return safe if len(text) <= most else safe + "..."
