"""What a file is, by its first bytes, and the two ways of refusing it.

A file in another form is not damaged: its form is named, with the way to convert it.
Only a file that contradicts itself (a failed checksum, fewer bytes than its header
promises) is damaged.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

from gan_tf.errors import DamagedError, UserError

# DEFLATE cannot pack better than this (zlib's technical notes: 1032 to 1).
_MAX_PACKED = 1032
# What packed data may unpack to: over a million images of MNIST's size. Larger sets,
# given unpacked, are bounded by the disk they already take.
_MAX_UNPACKED = 1 << 30
BLOCK = 1 << 16  # bytes read at a time

_ARRAY = "save its images with numpy.savez as x_train, y_train, x_test, y_test"
UNPACK = "unpack it and name the folder"
_TABLE = "if it is a table with one image in each row, name it .csv"
# How a form begins, its name, and what to do with it.
_FORMS: tuple[tuple[bytes, str, str], ...] = (
    (b"PK\x03\x04", "a zip archive", f"if it is an npz, name it .npz; else {UNPACK}"),
    (b"\x93NUMPY", "a NumPy array", "name it .npy"),
    (b"\x1f\x8b", "gzip data", UNPACK),
    (b"BZh", "bzip2 data", UNPACK),
    (b"\xfd7zXZ", "xz data", UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", UNPACK),
    (b"\x89PNG", "a PNG picture", "name the folder that holds such files"),
    (b"\xff\xd8\xff", "a JPEG picture", "name the folder that holds such files"),
    (b"GIF8", "a GIF picture", "convert it to PNG"),
    (b"BM", "a BMP picture", "convert it to PNG"),
    (b"II*\0", "a TIFF picture", "convert it to PNG"),
    (b"MM\0*", "a TIFF picture", "convert it to PNG"),
    (b"RIFF", "perhaps a WebP picture", "convert it to PNG"),
    (b"\x89HDF", "an HDF5 file", _ARRAY),
    (b"MATLAB", "a MATLAB file", f"load it with scipy.io.loadmat and {_ARRAY}"),
    (b"PAR1", "a Parquet file", _ARRAY),
    (b"SQLite", "an SQLite file", _ARRAY),
    (b"\x80", "perhaps a Python pickle, which is unsafe to load", _ARRAY),
    (b"<", "a web page or XML", "download the data file itself"),
    (b"version https://git-lfs", "a Git LFS pointer", "run git lfs pull"),
)


def damaged(path: Path, why: str) -> DamagedError:
    """The error for a file that contradicts itself."""
    return DamagedError(
        f"{path} cannot be used: {why}. Fetch it again, or name another."
    )


def refused(path: Path | str, why: str) -> UserError:
    """The error for data that are whole, but not what the program can take."""
    return UserError(f"{path} cannot be used: {why}")


def other_form(path: Path, start: bytes, wanted: str) -> UserError:
    """The error for a file in another form than its name says."""
    if not start:
        return damaged(path, "it is empty")
    if known := form_of(start):
        name, advice = known
        return refused(path, f"it is {name}, not {wanted}; {advice}")
    if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in start):
        return refused(path, f"it is text, not {wanted}; {_TABLE}")
    return refused(path, f"it is unknown data, not {wanted}")


def form_of(start: bytes) -> tuple[str, str] | None:
    """The name of the form that a file begins like, and what to do with the file."""
    for signature, name, advice in _FORMS:
        if start.startswith(signature):
            return name, advice
    return None


def check_file(path: Path) -> None:
    """Raises `UserError` for a pipe, which would let us wait, or a device."""
    if not path.is_file():
        raise refused(path, "it is neither a file nor a folder")


def content(
    path: Path, file: IO[bytes], promised: int, size: int, packed: bool
) -> bytearray:
    """The `promised` bytes of a header, if they are all that the file still has.

    Args:
        size: the bytes that the file takes on the disk.
        packed: whether `file` unpacks them.

    Raises:
        DamagedError: there are more or fewer.
        UserError: they are too many.
    """
    if promised == 0:
        raise refused(path, "it holds no image")
    if promised < 0 or promised > size * (_MAX_PACKED if packed else 1):
        raise damaged(path, f"its header promises {promised} bytes, more than it has")
    if packed and promised > _MAX_UNPACKED:
        raise refused(path, f"{promised} bytes are too many; unpack it first")
    found = bytearray()
    # In blocks: one large read would take what is promised before any of it is there.
    while block := file.read(min(BLOCK, promised + 1 - len(found))):
        found += block
    if len(found) != promised:
        more = "more" if len(found) > promised else "fewer"
        raise damaged(path, f"it has {more} than the {promised} bytes of its header")
    return found
