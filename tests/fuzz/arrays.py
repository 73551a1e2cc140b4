"""Hostile IDX, gzip and npz files."""

from __future__ import annotations

import argparse
import gzip
import io
import math
import re
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.target import IMAGES, Target, put


def idx(home: Path) -> Target:
    """IDX, plain."""
    path = home / "x"

    def write(data: bytes) -> int:
        if data[:1] < b"\x80":  # the magic fits
            data = bytes((0, 0, 8, 3)) + data[1:]
        return put(path, data)

    def check(array: np.ndarray) -> int:
        return _check_idx(path.read_bytes(), array)

    header = struct.pack(">3I", *IMAGES.shape)
    seeds = [b"\x01" + header + IMAGES.tobytes()]
    seeds += [b"\x01" + struct.pack(">3I", *[2**32 - 1] * 3) + bytes(9)]
    seeds += [b"\x01" + struct.pack(">3I", 0, 2**32 - 1, 2**32 - 1)]
    return Target(lambda: seeds, write, lambda: _read_idx(path), check)


def _check_idx(whole: bytes, array: np.ndarray) -> int:
    start = 4 + 4 * whole[3]
    assert array.shape == struct.unpack(f">{whole[3]}I", whole[4:start])
    assert array.tobytes() == whole[start:]
    return array.nbytes


def _read_idx(path: Path) -> np.ndarray:
    from gan_tf.data.idx import read_idx

    return read_idx(path)


def gzipped(home: Path) -> Target:
    """IDX in gzip: as it is, or packed by us."""
    path = home / "x.gz"

    def write(data: bytes) -> int:
        kind, data = data[:1], data[1:]
        if kind >= b"\xc0":
            return put(path, b"\x1f\x8b" + data)
        data += bytes(5 << 20) if kind >= b"\xa8" else b""  # a bomb
        packed = gzip.compress(bytes((0, 0, 8, 3)) + data, 1, mtime=0)
        promised = math.prod(int.from_bytes(data[i : i + 4], "big") for i in (0, 4, 8))
        return max(put(path, packed), min(promised, len(data)))

    def check(array: np.ndarray) -> int:
        whole = gzip.decompress(path.read_bytes())
        return _check_idx(whole, array)

    header = struct.pack(">3I", *IMAGES.shape)
    content = header + IMAGES.tobytes()
    packed = gzip.compress(bytes((0, 0, 8, 3)) + content, mtime=0)
    seeds = [b"\x01" + content, b"\xff" + packed[2:]]
    seeds += [b"\x01" + struct.pack(">3I", 2000, 28, 28) + IMAGES.tobytes()]
    seeds += [b"\xb0" + header, b"\xb0" + struct.pack(">3I", 5 << 20, 1, 1)]
    return Target(lambda: seeds, write, lambda: _read_idx(path), check)


def npy(header: str, content: bytes, version: bytes = b"\x01\x00") -> bytes:
    """An NPY file with any header."""
    text = header.encode("latin-1", "replace") + b"\n"
    width = "<H" if version < b"\x02" else "<I"
    length = struct.pack(width, len(text) % (1 << 8 * struct.calcsize(width)))
    return b"\x93NUMPY" + version + length + text + content


def zipped(member: bytes, name: str = "images.npy", method: int = 8) -> bytes:
    """A zip archive with one member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo(name), member, method)
    return file.getvalue()


HEADER = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 28, 28), }"


HEADERS = [
    HEADER,
    "{'descr': '|u1', 'fortran_order': True, 'shape': (28, 2, 28), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-2, -28, 28), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 28L, 28L), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (2, 28, 28), }",
    "{'descr': [('a', '|u1', (3,))], 'fortran_order': False, 'shape': (2,), }",
    "(" * 300,
    "-" * 900 + "1",
    "'''",
    "\t\n  \n {'a'",
    "'\\d'",
]


def npz(home: Path, name: str = "images") -> Target:
    """An npz: as it is, or an NPY of any content, or of any header, packed by us."""
    path = home / "x.npz"
    from gan_tf.data.arrays import read_npz

    def write(data: bytes) -> int:
        kind, data = data[:1], data[1:]
        whole = 0
        if kind < b"\x60":
            text, _, content = data.partition(b"\n")
            version = b"\x02\x00" if kind > b"\x50" else b"\x01\x00"
            data = zipped(npy(text.decode("latin-1"), content, version), f"{name}.npy")
        elif kind < b"\x80":
            data = zipped(data, f"{name}.npy", 0)
        elif kind < b"\x88":  # a bomb
            shape = re.search(rb"'shape': \(([\d, ]+)\)", data)
            sizes = shape[1].replace(b" ", b"").strip(b",").split(b",") if shape else []
            promised = math.prod(int(size or 0) for size in sizes) if shape else 0
            whole = min(promised, len(data) + (5 << 20))
            data = zipped(data + bytes(5 << 20), f"{name}.npy")
        return max(put(path, data), whole)

    def check(arrays: list[np.ndarray]) -> int:
        with np.load(path, allow_pickle=False) as reference:
            np.testing.assert_array_equal(arrays[0], reference[f"{name}.npy"])
        assert arrays[0].dtype.kind in "buif"
        return arrays[0].nbytes

    def seeds() -> list[bytes]:
        body = b"\n" + IMAGES.tobytes()
        found = [b"\x01" + header.encode() + body for header in HEADERS]
        found += [b"\x51" + HEADER.encode() + body]
        found += [b"\x70" + npy(HEADER, IMAGES.tobytes())]
        found += [b"\x81" + npy(header, b"") for header in HEADERS]
        found += [b"\x81\x93NUMPY\x02\x00" + struct.pack("<I", 4 << 20)]
        for method in (0, 8, 12, 14):  # stored, deflate, bzip2, lzma
            found += [b"\xa0" + zipped(npy(HEADER, IMAGES.tobytes()), method=method)]
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for number in range(600):
                archive.writestr(f"{number}\x1b[2J", b"")
        return [*found, b"\xa0" + file.getvalue()]

    return Target(seeds, write, lambda: read_npz(path, (name,)), check)


def plain_npy(home: Path) -> Target:
    """A `.npy` file: as it is, or of any header."""
    from gan_tf.data.arrays import read_npy

    path = home / "x.npy"

    def write(data: bytes) -> int:
        kind, data = data[:1], data[1:]
        if kind < b"\x80":
            text, _, content = data.partition(b"\n")
            data = npy(text.decode("latin-1"), content)
        return put(path, data)

    def check(array: np.ndarray) -> int:
        np.testing.assert_array_equal(array, np.load(path, allow_pickle=False))
        assert array.dtype.kind in "buif"
        return array.nbytes

    body = b"\n" + IMAGES.tobytes()
    seeds = [b"\x01" + header.encode() + body for header in HEADERS]
    seeds += [b"\xff" + npy(HEADER, IMAGES.tobytes()), b"\xff\x93NUMPY\x02\0"]
    return Target(lambda: seeds, write, lambda: read_npy(path), check)


def samples(home: Path) -> Target:
    """What `evaluate --samples` reads: ten thousand images or a sentence."""
    inner = npz(home)
    import gan_tf.evaluation.scores  # noqa: F401, the reader's, whose memory is not a file's
    from gan_tf import evaluate

    values = argparse.Namespace(all=False, samples=home / "x.npz")

    def write(data: bytes) -> int:
        inner.write(data)
        # A set with a wrong checksum at its end was unpacked before that was seen.
        return max((home / "x.npz").stat().st_size, 10000 * 28 * 28)

    def check(pair: tuple[str, np.ndarray]) -> int:
        assert pair[1].shape == (10000, 28, 28)
        assert pair[1].dtype == np.uint8
        return pair[1].nbytes

    def seeds() -> list[bytes]:
        header = HEADER.replace("(2,", "(10000,")
        whole = zipped(npy(header, bytes(7840000)))
        return [*inner.seeds(), b"\xa0" + whole]

    return Target(seeds, write, lambda: next(evaluate._samples(values)), check)


def classifier_weights(home: Path) -> Target:
    """The classifier's weights, when any file is allowed."""
    from gan_tf.evaluation import classifier

    path = home / "classifier.npz"
    shipped = classifier._WEIGHTS.read_bytes()

    def write(data: bytes) -> int:
        content = bytearray(shipped)
        for start in range(0, len(data) - 4, 5):  # (place, value) pairs, from the end
            place = int.from_bytes(data[start : start + 4], "little") % len(content)
            content[-place] = data[start + 4]
        return put(path, content)

    def check(loaded: Any) -> int:
        assert all(np.isfinite(w).all() for w in loaded.model.get_weights())
        return 10 * path.stat().st_size  # float32 weights, twice

    read = classifier.load_classifier.__wrapped__
    seeds = [b"", b"\x10\0\0\0\1", bytes(range(100))]
    return Target(lambda: seeds, write, lambda: read(path, ""), check)
