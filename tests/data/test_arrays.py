import io
import tracemalloc
import zipfile

import numpy as np
import pytest

from gan_tf.data.arrays import npz_names, read_npy, read_npz
from gan_tf.errors import DamagedError, UserError

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 28, 28), dtype=np.uint8)


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


def test_an_empty_array_is_named(tmp_path):
    path = npz(tmp_path / "x.npz", images=IMAGES, labels=np.zeros(0, np.uint8))
    with pytest.raises(UserError, match="labels is empty"):
        read_npz(path, ("images", "labels"))


def test_pickled_objects_are_refused_unread(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    path = npz(tmp_path / "x.npz", x_train=np.array([Trap()], dtype=object))
    with pytest.raises(UserError, match="x_train holds Python objects"):
        read_npz(path, ("x_train",))


@pytest.mark.parametrize("dtype", ["u1", "i8", "f4", "f8", "?", ">i2", "f2"])
def test_plain_numbers_come_back(tmp_path, dtype):
    array = IMAGES.astype(dtype)
    path = npz(tmp_path / "x.npz", images=array)
    np.save(tmp_path / "x.npy", array)
    assert npz_names(path) == ["images"]
    for found in (*read_npz(path, ("images",)), read_npy(tmp_path / "x.npy")):
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("dtype", ["U3", "S2", "M8[s]", "c16", [("a", "u1")]])
def test_other_types_are_explained(tmp_path, dtype):
    path = npz(tmp_path / "x.npz", x_train=np.zeros(4, dtype))
    with pytest.raises(UserError, match="plain numbers") as caught:
        read_npz(path, ("x_train",))
    assert not isinstance(caught.value, DamagedError)


def test_a_cut_npy_is_damaged(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, IMAGES)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DamagedError, match=r"promises|fewer"):
        read_npy(path)


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
        read_npy(tmp_path / "none")
    with pytest.raises(UserError, match="directory"):
        read_npz(tmp_path, ("x_train",))
