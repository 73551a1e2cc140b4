"""The one exception whose text is written for the person at the keyboard."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend, told in one sentence: what, where, what to do.

    The commands print it on standard error and exit with code 2; from Python it is
    raised as it is.
    """
