import gzip
import struct
import tracemalloc

import numpy as np
import pytest
from conftest import write_idx

from gan_tf.data.readers import read_idx, read_npz
from gan_tf.errors import UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)
HEADER = bytes((0, 0, 8, 3)) + struct.pack(">3I", 30, 28, 28)


@pytest.mark.parametrize("name", ["x", "x.gz"])
def test_idx_comes_back(tmp_path, name):
    write_idx(tmp_path / name, IMAGES)
    np.testing.assert_array_equal(read_idx(tmp_path / name, 3), IMAGES)
    write_idx(tmp_path / name, IMAGES[:, 0, 0])
    np.testing.assert_array_equal(read_idx(tmp_path / name, 1), IMAGES[:, 0, 0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "starts with"),
        (HEADER[:9], "within its header"),
        (HEADER + IMAGES.tobytes()[:-1], "fewer than"),
        (HEADER + IMAGES.tobytes() + b"x", "more than"),
        (b"\x00\x00\x0d\x03" + HEADER[4:] + IMAGES.tobytes(), "starts with 00000d03"),
        (b"\x00\x00\x08\x01" + struct.pack(">I", 4) + b"1234", "starts with 00000801"),
        (gzip.compress(HEADER + IMAGES.tobytes())[:-200], "cut short"),
        (gzip.compress(HEADER + IMAGES.tobytes()[:-5]), "fewer than"),
        (gzip.compress(HEADER + IMAGES.tobytes() + b"x"), "more than"),
        (b"\x1f\x8b\x08garbage-garbage", "gzip"),
        (b"PK\x03\x04 a zip file", "starts with 504b0304"),
    ],
)
def test_damaged_idx_is_refused(tmp_path, content, words):
    path = tmp_path / "train-images"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        read_idx(path, 3)
    assert str(path) in str(caught.value)


def test_a_flipped_bit_in_gzip_data_is_noticed(tmp_path):
    path = tmp_path / "x.gz"
    write_idx(path, IMAGES)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)
    with pytest.raises(UserError, match="gzip data"):
        read_idx(path, 3)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_header_cannot_make_us_take_memory(tmp_path, pack):
    path = tmp_path / "x"
    path.write_bytes(pack(HEADER[:4] + struct.pack(">3I", *[2**32 - 1] * 3) + b"12345"))
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="promises"):
            read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_comes_back(tmp_path, save):
    path = tmp_path / "mnist.npz"
    save(path, x_train=np.asfortranarray(IMAGES), y_train=IMAGES[:, 0, 0])
    images, labels = read_npz(path, ("x_train", "y_train"))
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, IMAGES[:, 0, 0])


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def test_npz_without_the_keys_is_refused(tmp_path):
    path = npz(tmp_path / "x.npz", pictures=IMAGES)
    with pytest.raises(UserError, match=r"holds pictures\.npy, but no x_train"):
        read_npz(path, ("x_train",))


def test_pickled_objects_are_refused_unread(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    path = npz(tmp_path / "x.npz", x_train=np.array([Trap()], dtype=object))
    with pytest.raises(UserError, match="must hold uint8, not object"):
        read_npz(path, ("x_train",))


def test_other_types_are_refused(tmp_path):
    path = npz(tmp_path / "x.npz", x_train=IMAGES.astype(np.float32))
    with pytest.raises(UserError, match="not float32"):
        read_npz(path, ("x_train",))


def test_damaged_npz_is_refused_wherever_it_is_cut_or_flipped(tmp_path):
    path = npz(tmp_path / "x.npz", x_train=IMAGES)
    sound = path.read_bytes()
    random = np.random.default_rng(0)
    for _ in range(300):
        place = int(random.integers(len(sound)))
        changed = bytearray(sound)
        changed[place] ^= 1 << int(random.integers(8))
        for content in (bytes(changed), sound[:place]):
            path.write_bytes(content)
            try:
                (images,) = read_npz(path, ("x_train",))
            except UserError as error:
                assert "cannot be used" in str(error)
            else:  # a byte that carries nothing, such as a time stamp
                np.testing.assert_array_equal(images, IMAGES)


def test_an_npz_header_cannot_make_us_take_memory(tmp_path):
    path = tmp_path / "x.npz"
    npz(path, x_train=np.zeros((7, 28, 28), np.uint8))
    content = path.read_bytes()
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = archive.read("x_train.npy").replace(
            b"(7, 28, 28), ", b"(7777777,),   "
        )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", member)
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="promises 7777777 bytes"):
            read_npz(path, ("x_train",))
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_missing_and_unreadable_files_are_named(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_idx(tmp_path / "none", 3)
    with pytest.raises(UserError, match="directory"):
        read_npz(tmp_path, ("x_train",))
