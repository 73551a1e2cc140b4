"""Reads NumPy's `.npy` and `.npz` files safely: nothing is ever unpickled.

The formats: `numpy.lib.format`. Every size that a header promises is checked against
the bytes that the file has before memory is taken for it.
"""

from __future__ import annotations

import io
import math
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from gan_tf.data.forms import BLOCK, content, damaged, other_form, refused
from gan_tf.files import readable

_MAX_HEADER = 1000  # characters; an honest one has about 120


def read_npy(path: Path) -> np.ndarray:
    """The array in a `.npy` file.

    Raises:
        DamagedError: it is cut short or its header is wrong.
        UserError: it cannot be read, or holds something else than plain numbers.
    """
    with readable(path), path.open("rb") as file:
        return _array(path, path.name, file, packed=False)


def npz_names(path: Path) -> list[str]:
    """The names of the arrays in a `.npz` archive; raises as `read_npz`."""
    return [
        name.removesuffix(".npy")
        for name in _with_archive(path, zipfile.ZipFile.namelist)
        if name.endswith(".npy")
    ]


def read_npz(path: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    """The named arrays of an `.npz` archive.

    Raises:
        DamagedError: the archive or an array in it is damaged.
        UserError: it cannot be read, lacks a name, or holds something else than plain
            numbers.
    """
    return _with_archive(
        path, lambda archive: [_member(path, archive, name) for name in names]
    )


def _with_archive(path: Path, read):
    """What `read` returns of the open archive."""
    try:
        with readable(path):
            with path.open("rb") as plain:
                start = plain.read(32)
            if not start.startswith(b"PK"):
                raise other_form(path, start, "an npz archive")
            with _Thrifty(path) as file, zipfile.ZipFile(file) as archive:
                return read(archive)
    except (zipfile.BadZipFile, EOFError, zlib.error, ValueError) as error:
        raise damaged(path, str(error) or "it ends too early") from error
    except (NotImplementedError, RuntimeError) as error:  # odd packing, encryption
        raise refused(path, f"{error}; save it with numpy.savez") from error


def _member(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    try:
        member = archive.getinfo(name + ".npy")
    except KeyError:
        held = ", ".join(sorted(archive.namelist())[:8]) or "nothing"
        raise refused(path, f"it holds {held}, but no {name}.npy") from None
    # The others take memory for what they claim to need, not for what they hold.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise refused(path, f"{name} is packed in a way that NumPy does not use")
    with archive.open(member) as file:
        return _array(path, name, file, member.compress_type != zipfile.ZIP_STORED)


def _array(path: Path, name: str, file: IO[bytes], packed: bool) -> np.ndarray:
    shape, fortran_order, dtype = _header(path, file)
    if dtype.kind == "O":
        raise refused(
            path,
            f"{name} holds Python objects, which are unsafe to load; save an array of "
            "plain numbers",
        )
    if dtype.kind not in "buif" or dtype.itemsize > 8:
        held = {"U": "text", "S": "text"}.get(dtype.kind, dtype.name)
        raise refused(path, f"{name} holds {held}, not plain numbers")
    promised = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0:
        raise damaged(path, "its header promises a negative size")
    if promised == 0:  # of the images or of the labels
        raise refused(path, f"{name} is empty")
    found = content(path, file, promised, path.stat().st_size, packed)
    array = np.frombuffer(found, dtype)
    return array.reshape(shape[::-1]).T if fortran_order else array.reshape(shape)


class _Thrifty(io.FileIO):
    """A file that refuses the one large read of `zipfile`: a list of many members."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > 2 * BLOCK:
            raise zipfile.BadZipFile("it lists too many members")
        return super().read(size)


def _header(path: Path, file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, Fortran order and type of an array in NPY 1.0, as all numbers are."""
    start = file.read(8)
    if start[:6] != b"\x93NUMPY":
        raise other_form(path, start, "a NumPy array")
    if start[6:] != b"\x01\x00":
        raise refused(path, "it has an NPY version that plain numbers never need")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return np.lib.format.read_array_header_1_0(file, _MAX_HEADER)
    except Exception as error:  # all that Python's parser and NumPy's types can raise
        raise damaged(path, f"its NPY header is wrong ({error})") from error
