r"""The state as bytes in TensorFlow's checkpoint format, and back.

TensorFlow's reader takes `[`, `]`, `*`, `?` and `\` in a path as a pattern, and takes
no path that is not UTF-8. So it never sees a user's path: it reads and writes in
memory, in its own file system `ram://`.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

import tensorflow as tf

from gan_tf.storage.bundle import SUFFIXES


def to_bytes(state: tf.train.Checkpoint) -> dict[str, bytes]:
    """The content of the files that hold `state`, by the ends of their names."""
    with _prefix() as prefix:
        state.write(prefix)
        return {suffix: _read(prefix + suffix) for suffix in SUFFIXES}


def from_bytes(
    state: tf.train.Checkpoint, files: dict[str, bytes], partial: bool = False
) -> None:
    """Sets `state` to what `to_bytes` gave.

    Args:
        partial: `state` is only a part of what the files hold.

    Raises:
        Exception: many kinds; the files hold something else than `state`.
    """
    with _prefix() as prefix:
        for suffix in SUFFIXES:
            with tf.io.gfile.GFile(prefix + suffix, "wb") as file:
                file.write(files[suffix])
        status = state.read(prefix).assert_existing_objects_matched()
        status.expect_partial() if partial else status.assert_consumed()


@contextlib.contextmanager
def _prefix() -> Iterator[str]:
    """A place in memory, empty again at the end."""
    prefix = f"ram://gan_tf/{uuid.uuid4().hex}"
    try:
        yield prefix
    finally:
        for suffix in SUFFIXES:
            with contextlib.suppress(tf.errors.NotFoundError):
                tf.io.gfile.remove(prefix + suffix)


def _read(path: str) -> bytes:
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read()
