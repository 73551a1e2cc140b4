"""Reads MNIST's file forms safely: IDX (plain or gzip) and `.npz`.

Every size that a header promises is checked against the bytes the file really has
before memory is taken for it; nothing is ever unpickled. The formats: IDX at the end of
LeCun, Cortes and Burges' MNIST page; NPY in NumPy's `numpy.lib.format`.
"""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gan_tf.errors import UserError

# DEFLATE cannot pack better than this (zlib's technical notes: 1032 to 1).
_MOST_PACKED = 1032


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Reads one IDX file of unsigned bytes; gzip is told by its content.

    Args:
        dimensions: 3 for images, 1 for labels.

    Raises:
        UserError: the file cannot be read, is damaged or is something else.
    """
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        size = path.stat().st_size
        with gzip.open(path) if packed else path.open("rb") as file:
            return _idx_array(path, file, dimensions, size, packed)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(path, f"its gzip data is cut short or wrong ({error})") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error


def _idx_array(
    path: Path, file: BinaryIO, dimensions: int, size: int, packed: bool
) -> np.ndarray:
    header = file.read(4 + 4 * dimensions)
    magic = bytes((0, 0, 8, dimensions))  # 8: unsigned bytes
    if header[:4] != magic:
        raise damaged(
            path, f"it starts with {header[:4].hex()}, an IDX file with {magic.hex()}"
        )
    if len(header) < 4 + 4 * dimensions:
        raise damaged(path, "it ends within its header")
    shape = struct.unpack(f">{dimensions}I", header[4:])
    promised = math.prod(shape)
    if promised > size * (_MOST_PACKED if packed else 1):
        raise damaged(path, f"its header promises {promised} bytes, more than it has")
    content = file.read(promised + 1)
    if len(content) != promised:
        more = "more" if len(content) > promised else "fewer"
        raise damaged(path, f"it has {more} than the {promised} bytes of its header")
    return np.frombuffer(content, np.uint8).reshape(shape)


def read_npz(path: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    """Reads the named uint8 arrays of an `.npz` archive.

    Raises:
        UserError: the file cannot be read, is damaged, lacks a name, or holds
            anything but plain uint8 arrays.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return [_npz_array(path, archive, name) for name in names]
    except (zipfile.BadZipFile, EOFError, zlib.error, ValueError) as error:
        raise damaged(path, str(error) or "it ends too early") from error
    except (NotImplementedError, RuntimeError) as error:  # odd packing, encryption
        raise damaged(path, str(error)) from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error


def _npz_array(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    try:
        member = archive.getinfo(name + ".npy")
    except KeyError:
        held = ", ".join(sorted(archive.namelist())[:8]) or "nothing"
        raise damaged(path, f"it holds {held}, but no {name}.npy") from None
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read_header is None:
            raise damaged(path, f"{name} has the unknown NPY version {version}")
        shape, fortran_order, dtype = read_header(file)
        if dtype != np.uint8:
            raise damaged(path, f"{name} must hold uint8, not {dtype}")
        promised = math.prod(shape)
        if promised > member.compress_size * _MOST_PACKED:
            raise damaged(
                path, f"{name} promises {promised} bytes, more than the file has"
            )
        content = file.read(promised + 1)
    if len(content) != promised:
        more = "more" if len(content) > promised else "fewer"
        raise damaged(path, f"{name} has {more} than the {promised} bytes promised")
    order = "F" if fortran_order else "C"
    return np.frombuffer(content, np.uint8).reshape(shape, order=order)


def damaged(path: Path, why: str) -> UserError:
    """The error for a file that is not what its name says."""
    return UserError(f"{path} cannot be used: {why}. Fetch it again, or name another.")
