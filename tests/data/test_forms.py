"""Each form in which people have images, written by the test itself."""

import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_tf.data import files, sources
from gan_tf.errors import DamagedError, UserError
from tests.conftest import write_idx

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (20, 8, 8), dtype=np.uint8)
LABELS = (np.arange(20) % 5).astype(np.uint8)
COLOUR = RANDOM.integers(0, 256, (20, 9, 12, 3), dtype=np.uint8)
EMPTY_ZIP = b"PK\5\6"
EYE = np.eye(5)[LABELS]


def check(path, name=None, labels=LABELS, images=IMAGES, split="train"):
    data = sources.load("auto", str(path), split)
    np.testing.assert_array_equal(data.images, images)
    if labels is None:
        assert data.labels is None
    else:
        np.testing.assert_array_equal(data.labels, labels)
    assert name is None or data.name == name
    return data


@pytest.mark.parametrize(
    "arrays",
    [
        {"x_train": IMAGES, "y_train": LABELS},
        {"x_train": IMAGES / 255, "y_train": EYE},
        {"train_images": IMAGES[..., None], "train_labels": LABELS[:, None]},
        {"images": IMAGES, "labels": LABELS.astype(np.int64)},
        {"arr_0": IMAGES.reshape(20, 64), "arr_1": LABELS},
        {"X": IMAGES, "y": LABELS, "more": np.array(["a"])},
    ],
)
def test_npz_with_labels(tmp_path, arrays):
    np.savez(tmp_path / "mine.npz", **arrays)
    digests = {
        check(place, "mine").digest for place in (tmp_path, tmp_path / "mine.npz")
    }
    assert len(digests) == 1


def test_npz_and_npy_without_labels(tmp_path):
    np.savez(tmp_path / "a.npz", pictures=COLOUR)
    check(tmp_path / "a.npz", "a", None, COLOUR)
    np.save(tmp_path / "b.npy", IMAGES)
    check(tmp_path / "b.npy", "b", None)
    np.save(tmp_path / "b_labels.npy", LABELS)
    check(tmp_path / "b.npy", "b")
    with pytest.raises(UserError, match=r"several data sets.*a\.npz.*b\.npy"):
        sources.load("auto", str(tmp_path))
    with pytest.raises(UserError, match="only an evaluation on MNIST needs"):
        sources.load("auto", str(tmp_path / "b.npy"), "test")


def test_files_of_one_split_each(tmp_path):
    """KMNIST's names, and x_train.npy beside y_train.npy."""
    for split, rows in (("train", slice(0, 12)), ("test", slice(12, 20))):
        np.savez(tmp_path / f"kmnist-{split}-imgs.npz", IMAGES[rows])
        np.savez(tmp_path / f"kmnist-{split}-labels.npz", LABELS[rows])
        (tmp_path / "below").mkdir(exist_ok=True)
        np.save(tmp_path / "below" / f"x_{split}.npy", IMAGES[rows])
        np.save(tmp_path / "below" / f"y_{split}.npy", LABELS[rows])
        for place, name in ((tmp_path, "kmnist"), (tmp_path / "below", "below")):
            check(place, name, LABELS[rows], IMAGES[rows], split)
    first = tmp_path / "kmnist-train-imgs.npz"
    check(first, "kmnist", LABELS[12:], IMAGES[12:], "test")


def test_idx_under_other_names(tmp_path):
    folder = tmp_path / "EMNIST" / "raw"
    folder.mkdir(parents=True)
    images = folder / "emnist-letters-train-images-idx3-ubyte.gz"
    write_idx(images, IMAGES)
    check(tmp_path, "emnist-letters", None)
    write_idx(folder / "emnist-letters-train-labels-idx1-ubyte.gz", LABELS)
    for place in (tmp_path, folder, images):
        check(place, "emnist-letters")
    qmnist = tmp_path / "q"
    qmnist.mkdir()
    write_idx(qmnist / "qmnist-train-images-idx3-ubyte.gz", IMAGES)
    rows = np.c_[LABELS, np.arange(20), np.arange(20)].astype(">i4")
    header = bytes((0, 0, 12, 2)) + struct.pack(">2I", *rows.shape)
    (qmnist / "qmnist-train-labels-idx2-int").write_bytes(header + rows.tobytes())
    check(qmnist, "qmnist")
    images = images.rename(qmnist / "my own name")
    check(images, "my own name", None)


def test_idx_from_a_system_of_upper_case(tmp_path):
    write_idx(tmp_path / "TRAIN-IMAGES.IDX3-UBYTE", IMAGES)
    write_idx(tmp_path / "TRAIN-LABELS-IDX1-UBYTE", LABELS)
    check(tmp_path)


def test_arrays_and_qmnist_from_a_system_of_upper_case(tmp_path):
    for name, array in (("X_TRAIN.NPY", IMAGES), ("Y_TRAIN.NPY", LABELS)):
        with (tmp_path / name).open("wb") as file:
            np.save(file, array)
    check(tmp_path)
    images, _ = files.read_samples(tmp_path / "X_TRAIN.NPY")
    np.testing.assert_array_equal(images, IMAGES)
    folder = tmp_path / "QMNIST"
    folder.mkdir()
    write_idx(folder / "QMNIST-TRAIN-IMAGES-IDX3-UBYTE", IMAGES)
    rows = np.c_[LABELS, LABELS + 7].astype(">i4")
    header = bytes((0, 0, 12, 2)) + struct.pack(">2I", *rows.shape)
    (folder / "QMNIST-TRAIN-LABELS-IDX2-INT").write_bytes(header + rows.tobytes())
    check(folder)


def test_a_link_in_a_circle_beside_a_file_of_images(tmp_path):
    np.save(tmp_path / "digits.npy", IMAGES)
    (tmp_path / "loop").symlink_to("loop")
    check(tmp_path / "digits.npy", labels=None)


def test_torchvisions_layout_has_the_name_above_raw(tmp_path):
    folder = tmp_path / "FashionMNIST" / "raw"
    folder.mkdir(parents=True)
    for ending in ("", ".gz"):
        write_idx(folder / f"train-images-idx3-ubyte{ending}", IMAGES)
        write_idx(folder / f"train-labels-idx1-ubyte{ending}", LABELS)
    check(tmp_path, "FashionMNIST")
    folder.parent.rename(tmp_path / "MNIST")
    check(tmp_path, "MNIST-like")


def test_a_point_is_called_by_its_folders_name(tmp_path, monkeypatch):
    (tmp_path / "fonts").mkdir()
    write_idx(tmp_path / "fonts" / "train-images-idx3-ubyte", IMAGES)
    monkeypatch.chdir(tmp_path / "fonts")
    check(".", "fonts", None)


def csv(path, rows, header=""):
    lines = [",".join(str(value) for value in row) for row in rows]
    path.write_text("\n".join([header, *lines] if header else lines) + "\n")


def test_kaggles_tables(tmp_path):
    flat = IMAGES.reshape(20, 64).astype(int)
    names = ",".join(f"pixel{number}" for number in range(64))
    csv(tmp_path / "train.csv", np.c_[LABELS, flat], f"label,{names}")
    csv(tmp_path / "test.csv", flat, names)
    csv(tmp_path / "sample_submission.csv", [[1, 0]], "ImageId,Label")
    check(tmp_path, tmp_path.name)
    check(tmp_path, labels=None, split="test")
    csv(tmp_path / "plain.csv", np.c_[LABELS, flat])
    check(tmp_path / "plain.csv", "plain")
    csv(tmp_path / "last.csv", np.c_[flat, LABELS], f"{names},label")
    check(tmp_path / "last.csv")
    (tmp_path / "last.csv").rename(tmp_path / "with_labels.csv")
    check(tmp_path / "with_labels.csv")
    csv(tmp_path / "odd.csv", flat[:, :50])
    with pytest.raises(UserError, match="50 columns"):
        sources.load("auto", str(tmp_path / "odd.csv"))
    for content in ("1,2,x\n", "", "label\n", "\0\0", "1," * 64 + "2\n1,2\n"):
        (tmp_path / "bad.csv").write_text(content)
        with pytest.raises(UserError, match="cannot be used"):
            sources.load("auto", str(tmp_path / "bad.csv"))


def test_other_tables(tmp_path):
    """scikit-learn's own file (the label last, no header), and pandas' row numbers."""
    levels = IMAGES // 16
    levels[:, 0, 0], levels[0, 0, 1] = 0, 16
    images = np.rint(levels * (255 / 16)).astype(np.uint8)
    flat = levels.reshape(20, 64)
    names = ",".join(f"pixel_{place}" for place in range(64))
    csv(tmp_path / "a.csv", np.c_[flat, LABELS])
    check(tmp_path / "a.csv", images=images)
    rows = np.c_[np.arange(20), flat, LABELS]
    csv(tmp_path / "b.csv", rows, f",{names},target")
    check(tmp_path / "b.csv", images=images)
    csv(tmp_path / "c.csv", rows, f"id,{names},target")
    with pytest.raises(UserError, match="66 columns"):
        sources.load("auto", str(tmp_path / "c.csv"))
    packed = tmp_path / "d" / "digits.csv.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    with pytest.raises(UserError, match="gzip data, not a CSV file; unpack it"):
        sources.load("auto", str(packed.parent))


def test_lists_of_labels_do_not_hide_the_pictures(tmp_path):
    """Kaggle's CIFAR-10."""
    pictures(tmp_path / "train", COLOUR)
    (tmp_path / "trainLabels.csv").write_text("id,label\n1,frog\n2,truck\n")
    check(tmp_path, labels=None, images=COLOUR)
    (tmp_path / "labels.csv.gz").write_bytes(gzip.compress(b"1,frog\n"))
    check(tmp_path, labels=None, images=COLOUR)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("data_batch_1", b"\x80\x04\x95", "data_batch_1 is perhaps a Python pickle"),
        ("train_32x32.mat", b"MATLAB 5.0 MAT-file", "MATLAB file; load it with scipy"),
        ("a.parquet", b"PAR1", "Parquet file; save its images"),
        ("a.tif", b"II*\0", "TIFF picture; convert it to PNG"),
        ("a.webp", b"RIFF0000WEBP", "WebP picture; convert it to PNG"),
        ("a.npz", EMPTY_ZIP + bytes(18), "zip archive without arrays; unpack it"),
        ("a.bin", b"\1\2\3", "tensorflow_datasets folders$"),
    ],
)
def test_a_folder_of_another_form_is_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=words):
        sources.load("auto", str(tmp_path))


def test_one_of_several_sets_is_asked_for_by_its_training_images(tmp_path):
    for name in ("letters", "digits"):
        for split in ("train", "test"):
            file = f"emnist-{name}-{split}-images-idx3-ubyte.gz"
            write_idx(tmp_path / file, IMAGES)
    with pytest.raises(UserError, match=r"name one of \S+digits-train\S+ \S+s-train"):
        sources.load("auto", str(tmp_path))


def pictures(folder, images, ending="png"):
    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:03d}.{ending}")
    (folder / "._000.png").write_bytes(b"\0\5\x16\7 a Mac's")
    (folder / "notes.txt").write_text("x")


def test_a_file_in_a_folder_that_cannot_be_listed_loads(tmp_path, monkeypatch):
    def refuse(folder):
        raise UserError(f"cannot list {folder}")

    np.save(tmp_path / "digits.npy", np.zeros((3, 28, 28), np.uint8))
    monkeypatch.setattr(files, "entries", refuse)
    assert sources.load("auto", str(tmp_path / "digits.npy")).images.shape[0] == 3


def test_flat_folders_of_pictures(tmp_path):
    pictures(tmp_path / "grey", IMAGES)
    check(tmp_path / "grey", "grey", None)
    pictures(tmp_path / "colour", COLOUR)
    check(tmp_path / "colour", "colour", None, COLOUR)
    pictures(tmp_path / "rgb", np.repeat(IMAGES[..., None], 3, axis=3))
    check(tmp_path / "rgb", "rgb", None)  # grey, saved in colours
    pictures(tmp_path / "jpeg", COLOUR, "JPG")
    found = sources.load("auto", str(tmp_path / "jpeg"))
    assert found.images.shape == COLOUR.shape
    np.testing.assert_array_equal(files.read_samples(tmp_path / "grey")[0], IMAGES)


def test_folders_of_pictures_by_class(tmp_path):
    order = np.argsort(LABELS, kind="stable")
    for split in ("train", "test"):
        for label in range(5):
            folder = tmp_path / "set" / split / f"class {label}"
            pictures(folder, IMAGES[label == LABELS])
        check(tmp_path / "set", "set", LABELS[order], IMAGES[order], split)
    for label, name in ((0, "10"), (1, "9")):
        pictures(tmp_path / "numbers" / name, IMAGES[label == LABELS])
    nine_first = IMAGES[[1, 6, 11, 16, 0, 5, 10, 15]]
    check(tmp_path / "numbers", labels=[9] * 4 + [10] * 4, images=nine_first)


def test_pictures_that_cannot_be_used_are_named(tmp_path):
    folder = tmp_path / "x"
    pictures(folder, IMAGES)
    sound = (folder / "003.png").read_bytes()
    for image, words in (
        (np.zeros((9, 8), np.uint8), "003.png.*9x8, those before it are 8x8; resize"),
        (np.zeros((8, 8), np.uint16), "8 bits"),
    ):
        Image.fromarray(image).save(folder / "003.png")
        with pytest.raises(UserError, match=words):
            sources.load("auto", str(folder))
    Image.fromarray(np.zeros((3000, 3000), np.uint8)).save(folder / "000.png")
    with pytest.raises(UserError, match="3000x3000; possible are 8 to 128"):
        sources.load("auto", str(folder))
    (folder / "000.png").write_bytes(b"GIF89a")
    with pytest.raises(UserError, match=r"GIF picture.*convert"):
        sources.load("auto", str(folder))
    (folder / "000.png").write_bytes(sound[:-30])
    with pytest.raises(DamagedError, match="Fetch it again"):
        sources.load("auto", str(folder))


@pytest.mark.parametrize("form", ["npz", "npy", "folder"])
def test_samples_come_in_these_forms(tmp_path, form):
    path = tmp_path / f"x.{form}"
    if form == "npz":
        np.savez(path, images=IMAGES, labels=LABELS)
    elif form == "npy":
        np.save(path, IMAGES[..., None] / 255)
    else:
        pictures(path, IMAGES)
    np.testing.assert_array_equal(files.read_samples(path)[0], IMAGES)


def test_the_names_of_our_sets_count_in_any_case(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES)
    with pytest.raises(UserError, match="other images than MNIST's"):
        sources.load("MNIST", str(tmp_path / "a.npz"))
    with pytest.raises(UserError, match="has no use with --dataset strokes"):
        sources.load("Strokes", str(tmp_path / "a.npz"))


def test_conditional_runs_need_labels(tmp_path, tiny):
    np.save(tmp_path / "a.npy", IMAGES)
    config = tiny(data_dir=str(tmp_path), conditional=True)
    with pytest.raises(UserError, match="needs labels, and a has none"):
        sources.load_for(config)
    config = tiny(data_dir="", conditional=True)
    labels = np.where(np.arange(len(IMAGES)) % 2, 1, 4)
    with pytest.warns(UserWarning, match="no image with the label 0, 2, 3: samples"):
        sources.load_for(config, (IMAGES, labels))
    turned = sources.load_for(tiny(data_dir=str(tmp_path), transpose=True))
    np.testing.assert_array_equal(turned.images, IMAGES.swapaxes(1, 2))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.npz", b"hello", "is text, not an npz archive"),
        ("a.npy", b"\x00\x01\x02\x03", "is unknown data, not a NumPy array"),
        ("a-idx3-ubyte", b"0123", "is text, not an IDX file"),
        ("a.csv", b"\xe9\xe8,1\n", "is unknown data, not a CSV file"),
        ("a.csv", b"1,2,3,4\n" * 9, "4 columns"),
        ("a.csv", b"1," * 63 + b"2\n" + b"1," * 63 + b"x\n", "'x' is no number$"),
        ("a.csv", b"1," * 63 + b"2\n" + b"1,2\n", "columns changed from 64 to 2 at"),
    ],
)
def test_messages_name_the_form_in_plain_words(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=words) as caught:
        sources.load("auto", str(tmp_path / name))
    assert "usecols" not in str(caught.value)


@pytest.mark.parametrize("length", [4, 8, 40])
def test_a_picture_that_is_cut_short_is_damaged(tmp_path, length):
    path = tmp_path / "a.png"
    Image.fromarray(IMAGES[0]).save(path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DamagedError, match=r"a\.png cannot be used: its image data"):
        sources.load("auto", str(tmp_path))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes")
@pytest.mark.parametrize("name", ["pipe", "pipe.npz", "pipe.npy"])
def test_pipes_and_devices_are_refused(tmp_path, name):
    os.mkfifo(tmp_path / name)
    for place in (tmp_path / name, Path(os.devnull)):
        with pytest.raises(UserError, match="is neither a file nor a folder"):
            sources.load("auto", str(place))
        with pytest.raises(UserError, match="is neither a file nor a folder"):
            files.read_samples(place)


def test_a_path_that_goes_in_a_circle_is_not_called_missing(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UserError, match="Too many levels of symbolic links"):
        sources.load("auto", str(tmp_path / "loop"))
