"""Reads MNIST's file forms safely: IDX (plain or gzip) and `.npz`.

Every size that a header promises is checked against the bytes the file really has
before memory is taken for it; nothing is ever unpickled. The formats: IDX at the end of
LeCun, Cortes and Burges' MNIST page; NPY in NumPy's `numpy.lib.format`.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from gan_tf.errors import UserError

# DEFLATE cannot pack better than this (zlib's technical notes: 1032 to 1).
_MAX_PACKED = 1032
# What packed data may unpack to: over a million images. Larger sets, given unpacked,
# are bounded by the disk they already take.
_MAX_UNPACKED = 1 << 30
_BLOCK = 1 << 16  # bytes read at a time
_MAX_HEADER = 1000  # characters; an honest one has about 120


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
        content: IO[bytes] = gzip.open(path) if packed else path.open("rb")  # type: ignore[assignment]  # noqa: SIM115
        with content as file:
            return _idx_array(path, file, dimensions, size, packed)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(path, f"its gzip data is cut short or wrong ({error})") from error
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error


def _idx_array(
    path: Path, file: IO[bytes], dimensions: int, size: int, packed: bool
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
    content = _content(path, file, shape, size, packed)
    return np.frombuffer(content, np.uint8).reshape(shape)


def _content(
    path: Path, file: IO[bytes], shape: tuple[int, ...], size: int, packed: bool
) -> bytearray:
    """The bytes that a header promises, and that the rest of the file really is."""
    promised = math.prod(shape)
    if not promised:
        raise damaged(path, "it holds no image")
    if min(shape, default=0) < 0 or promised > size * (_MAX_PACKED if packed else 1):
        raise damaged(path, f"its header promises {promised} bytes, more than it has")
    if packed and promised > _MAX_UNPACKED:
        raise damaged(path, f"{promised} bytes are too many; unpack it first")
    content = bytearray()
    # In blocks: one large read would take what is promised before any of it is there.
    while block := file.read(min(_BLOCK, promised + 1 - len(content))):
        content += block
    if len(content) != promised:
        more = "more" if len(content) > promised else "fewer"
        raise damaged(path, f"it has {more} than the {promised} bytes of its header")
    return content


def read_npz(path: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    """Reads the named uint8 arrays of an `.npz` archive.

    Raises:
        UserError: the file cannot be read, is damaged, lacks a name, or holds
            anything but plain uint8 arrays.
    """
    try:
        with _Thrifty(path) as file, zipfile.ZipFile(file) as archive:
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
    # The others take memory for what they claim to need, not for what they hold.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise damaged(path, f"{name} is packed in a way that NumPy does not use")
    with archive.open(member) as file:
        shape, fortran_order, dtype = _npy_header(path, file)
        if dtype != np.uint8:
            raise damaged(path, f"{name} must hold uint8, not {dtype}")
        packed = member.compress_type != zipfile.ZIP_STORED
        content = _content(path, file, shape, path.stat().st_size, packed)
    values = np.frombuffer(content, np.uint8)
    return values.reshape(shape[::-1]).T if fortran_order else values.reshape(shape)


class _Thrifty(io.FileIO):
    """A file that refuses the one large read of `zipfile`: a list of many members."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > 2 * _BLOCK:
            raise zipfile.BadZipFile("it lists too many members")
        return super().read(size)


def _npy_header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and type of an array in NPY 1.0, which all of uint8 are."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise damaged(
            path, f"it has the NPY version {version}, which uint8 never needs"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return np.lib.format.read_array_header_1_0(file, _MAX_HEADER)
    except Exception as error:  # all that Python's parser and NumPy's types can raise
        raise damaged(path, f"its NPY header is wrong ({error})") from error


def count_records(path: Path, most: int) -> tuple[int, int]:
    """How many whole records of at most `most` bytes a TFRecord file begins with.

    And the bytes that they take: the file's size, if they are all it has.

    Only lengths are looked at. TensorFlow's reader takes memory for any length it is
    told, and a large one ends the process: let it read these records and no more.
    """
    count, end, size = 0, 0, path.stat().st_size
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            (length,) = struct.unpack("<Q", head)
            if length > most or end + length + 16 > size:
                break
            end += length + 16
            file.seek(end)
            count += 1
    return count, end


def damaged(path: Path, why: str) -> UserError:
    """The error for a file that is not what its name says."""
    return UserError(f"{path} cannot be used: {why}. Fetch it again, or name another.")
