"""Reads IDX files (MNIST, EMNIST, QMNIST, Fashion-MNIST), plain or gzip.

The format: the end of LeCun, Cortes and Burges' MNIST page. Every size that a header
promises is checked against the bytes that the file has before memory is taken for it.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np

from gan_tf.data.forms import content, damaged, other_form, refused
from gan_tf.files import readable

_TYPES = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
_MAX_DIMENSIONS = 4


def read_idx(path: Path) -> np.ndarray:
    """The array in an IDX file; whether it is gzip shows in its content.

    Raises:
        DamagedError: its gzip data are wrong, or it is shorter or longer than its
            header says.
        UserError: it cannot be read, or is something else.
    """
    with readable(path):
        with path.open("rb") as start:
            packed = start.read(2) == b"\x1f\x8b"
        size = path.stat().st_size
        try:
            with path.open("rb") as plain:
                file: IO[bytes] = plain
                if packed:
                    file = cast(IO[bytes], gzip.GzipFile(fileobj=plain))
                return _array(path, file, size, packed)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:  # one an OSError
            why = f"its gzip data is cut short or wrong ({error})"
            raise damaged(path, why) from error


def _array(path: Path, file: IO[bytes], size: int, packed: bool) -> np.ndarray:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _TYPES:
        raise other_form(path, start + file.read(24), "an IDX file")
    dimensions = start[3]
    if not 0 < dimensions <= _MAX_DIMENSIONS:
        raise refused(path, f"its IDX header says {dimensions} dimensions")
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise damaged(path, "it ends within its header")
    shape = struct.unpack(f">{dimensions}I", sizes)
    dtype = np.dtype(_TYPES[start[2]])
    found = content(path, file, math.prod(shape) * dtype.itemsize, size, packed)
    return np.frombuffer(found, dtype).reshape(shape)
