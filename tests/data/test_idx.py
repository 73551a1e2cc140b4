import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from gan_tf.data.idx import read_idx
from gan_tf.errors import DamagedError, UserError
from tests.conftest import write_idx

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
HEADER = bytes((0, 0, 8, 3)) + struct.pack(">3I", 30, 28, 28)


def packed(content):
    return gzip.compress(content, mtime=0)


@pytest.mark.parametrize("name", ["x", "x.gz"])
def test_idx_comes_back(tmp_path, name):
    write_idx(tmp_path / name, IMAGES)
    np.testing.assert_array_equal(read_idx(tmp_path / name), IMAGES)
    write_idx(tmp_path / name, IMAGES[:, 0, 0])
    np.testing.assert_array_equal(read_idx(tmp_path / name), IMAGES[:, 0, 0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (HEADER[:9], "within its header"),
        (HEADER + IMAGES.tobytes()[:-1], "fewer than|more than it has"),
        (HEADER + IMAGES.tobytes() + b"x", "more than"),
        (packed(HEADER + IMAGES.tobytes())[:-200], "cut short"),
        (packed(HEADER + IMAGES.tobytes()[:-5]), "fewer than"),
        (packed(HEADER + IMAGES.tobytes() + b"x"), "more than"),
        (b"\x1f\x8b\x08garbage-garbage", "gzip"),
    ],
)
def test_damaged_idx_is_refused_as_damaged(tmp_path, content, words):
    path = tmp_path / "train-images"
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=words) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)
    assert "Fetch it again" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 a zip file", "zip archive.*npz"),
        (b"\x93NUMPY\x01\x00", "NumPy array.*npy"),
        (packed(b"MATLAB 5.0 MAT-file, Platform"), "MATLAB.*loadmat"),
        (b"\x80\x04\x95 a pickle", "pickle.*unsafe.*savez"),
        (b"\x89HDF\r\n", "HDF5.*savez"),
        (b"<!DOCTYPE html>", "web page"),
        (b"hello", "not an IDX file"),
        (HEADER[:3] + b"\x09", "9 dimensions"),
        (HEADER[:4] + bytes(12), "no image"),
    ],
)
def test_another_form_is_named_and_not_called_damaged(tmp_path, content, words):
    path = tmp_path / "train-images"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        read_idx(path)
    assert not isinstance(caught.value, DamagedError)
    assert "Fetch it again" not in str(caught.value)


def test_all_types_of_idx(tmp_path):
    for code, dtype in ((9, "i1"), (11, ">i2"), (12, ">i4"), (13, ">f4"), (14, ">f8")):
        array = np.arange(12).reshape(3, 4).astype(dtype)
        header = bytes((0, 0, code, 2)) + struct.pack(">2I", 3, 4)
        (tmp_path / "x").write_bytes(header + array.tobytes())
        np.testing.assert_array_equal(read_idx(tmp_path / "x"), array)


def test_a_flipped_bit_in_gzip_data_is_noticed(tmp_path):
    path = tmp_path / "x.gz"
    write_idx(path, IMAGES)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)
    with pytest.raises(UserError, match="gzip data"):
        read_idx(path)


@pytest.mark.parametrize("pack", [bytes, packed])
def test_a_header_cannot_make_us_take_memory(tmp_path, pack):
    path = tmp_path / "x"
    path.write_bytes(pack(HEADER[:4] + struct.pack(">3I", *[2**32 - 1] * 3) + b"12345"))
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="promises"):
            read_idx(path)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_missing_files_are_named(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_idx(tmp_path / "none")
