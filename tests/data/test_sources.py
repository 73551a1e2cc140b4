import contextlib
import errno
import json
import os
import shutil
import socket
import struct
import sys
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from gan_tf.data import sources
from gan_tf.errors import DamagedError, UserError
from tests.conftest import write_idx


@pytest.fixture
def no_mnist(monkeypatch, tmp_path):
    """A machine without a prepared MNIST and without network."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing"))

    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)


def test_idx_plain_and_packed(digits, data_dir, tmp_path):
    packed = sources.load("auto", str(data_dir))
    write_idx(tmp_path / "train-images.idx3-ubyte", digits[0][:500])
    write_idx(tmp_path / "train-labels.idx1-ubyte", digits[1][:500])
    plain = sources.load("auto", str(tmp_path))
    for loaded in (packed, plain):
        np.testing.assert_array_equal(loaded.images, digits[0][:500])
        np.testing.assert_array_equal(loaded.labels, digits[1][:500])
    assert packed.digest == plain.digest
    assert packed.name == data_dir.name  # not MNIST, so not called so
    assert len(sources.load("auto", str(data_dir), "test").images) == 100


def test_npz(digits, tmp_path):
    images, labels = digits
    np.savez(
        tmp_path / "mnist.npz",
        x_train=images[:500],
        y_train=labels[:500],
        x_test=images[500:],
        y_test=labels[500:],
    )
    for place in (tmp_path, tmp_path / "mnist.npz"):
        loaded = sources.load("auto", str(place))
        np.testing.assert_array_equal(loaded.images, images[:500])
    np.testing.assert_array_equal(loaded.labels, labels[:500])
    assert loaded.name == "mnist-like"
    test = sources.load("auto", str(tmp_path), "test")
    np.testing.assert_array_equal(test.images, images[500:])


@pytest.fixture(scope="module")
def prepared(digits, tmp_path_factory):
    """A tensorflow_datasets folder written by tensorflow_datasets itself."""
    import tensorflow_datasets as tfds

    folder = tmp_path_factory.mktemp("tfds")
    images, labels = digits
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(28, 28, 1)),
            "label": tfds.features.ClassLabel(num_classes=10),
        }
    )
    splits = {
        split: tf.data.Dataset.from_tensor_slices(
            {"image": images[rows, ..., None], "label": labels[rows].astype(np.int64)}
        )
        for split, rows in (("train", slice(0, 500)), ("test", slice(500, 600)))
    }
    tfds.dataset_builders.store_as_tfds_dataset(
        name="drawn",
        version="1.0.0",
        features=features,
        split_datasets=splits,
        data_dir=folder,
        disable_shuffling=True,
    )
    return folder


@pytest.mark.filterwarnings("default")  # tensorflow_datasets' own
def test_prepared_tensorflow_datasets_folder(digits, prepared):
    for place in (prepared, prepared / "drawn", prepared / "drawn" / "1.0.0"):
        loaded = sources.load("auto", str(place), "test")
        np.testing.assert_array_equal(loaded.images, digits[0][500:])
        np.testing.assert_array_equal(loaded.labels, digits[1][500:])
        assert loaded.name == "drawn"


@pytest.mark.filterwarnings("default")  # tensorflow_datasets' own
def test_a_prepared_folder_whose_name_is_not_utf8(digits, prepared, tmp_path):
    folder = os.fsdecode(os.fsencode(tmp_path / "tfds") + b"-\xff")
    shutil.copytree(prepared, folder)
    loaded = sources.load("auto", folder)
    np.testing.assert_array_equal(np.sort(loaded.labels), np.sort(digits[1][:500]))


def test_a_prepared_folder_that_cannot_be_read_is_not_damaged(prepared, monkeypatch):
    def fail(path):
        raise OSError(errno.EIO, "Input/output error", str(path))

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(UserError, match=r"json: Input/output error$") as caught:
        sources.load("auto", str(prepared))
    assert not isinstance(caught.value, DamagedError)


def test_prepared_with_a_macs_files_and_in_another_form(prepared, tmp_path):
    folder = shutil.copytree(prepared, tmp_path / "tfds") / "drawn" / "1.0.0"
    for path in list(folder.iterdir()):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7")
    assert len(sources.load("auto", str(tmp_path)).images) == 500
    info = folder / "dataset_info.json"
    sound = info.read_text()
    info.write_text(sound.replace('"tfrecord"', '"riegeli"'))
    with pytest.raises(UserError, match=r"riegeli; prepare it again.*tfrecord"):
        sources.load("auto", str(tmp_path))
    info.write_text(sound)
    shard = next(folder.glob("drawn-train*"))
    shard.write_bytes(shard.read_bytes()[:-5])
    with pytest.raises(DamagedError, match="Fetch it again"):
        sources.load("auto", str(tmp_path))


@pytest.fixture
def array_record(digits, tmp_path):
    """`emnist/letters` as tensorflow_datasets 4.9 lays it out, in array_record."""
    module = pytest.importorskip("array_record.python.array_record_module")
    folder = tmp_path / "emnist" / "letters" / "3.1.0"
    folder.mkdir(parents=True)
    shard = folder / "emnist-train.array_record-00000-of-00001"
    writer = module.ArrayRecordWriter(str(shard), "group_size:1")
    for image, label in zip(digits[0][:300], digits[1]):
        picture = tf.io.encode_png(image[..., None]).numpy()
        writer.write(example(picture, label, "image", "label"))
    writer.close()
    info = {"fileFormat": "array_record"}
    info["splits"] = [{"name": "train", "shardLengths": ["300"]}]
    (folder / "dataset_info.json").write_text(json.dumps(info))
    for path in list(folder.iterdir()):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7")  # a Mac's
    return shard


def test_array_record_by_name(digits, array_record, tmp_path, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    loaded = sources.load("emnist/letters")
    np.testing.assert_array_equal(loaded.images, digits[0][:300])
    np.testing.assert_array_equal(loaded.labels, digits[1][:300])
    assert loaded.name == "emnist-letters"
    monkeypatch.setitem(sys.modules, "array_record.python.array_record_module", None)
    with pytest.raises(UserError, match=r"pip install array_record, or prepare it"):
        sources.load("auto", str(tmp_path))


def test_array_record_is_checked_before_it_is_read(array_record):
    sound = array_record.read_bytes()
    huge = struct.pack("<Q", 1 << 60)
    for content in (
        sound[:100] + sound[164:],
        sound[:-99],
        sound[:96] + huge + sound[104:],  # the first record's size
        sound[:72] + huge + sound[80:],  # and what it takes in the file
        sound[:200] + b"x" + sound[201:],
        b"",
    ):
        array_record.write_bytes(content)
        with pytest.raises(DamagedError, match="Fetch it again") as caught:
            sources.load("auto", str(array_record.parent))
        assert "{{" not in str(caught.value)


def test_a_prepared_colour_set_of_another_name(tmp_path):
    """As `cifar10`: other features, another size, three channels."""
    folder = tmp_path / "tiles" / "1.0.0"
    folder.mkdir(parents=True)
    colours = np.random.default_rng(0).integers(0, 256, (6, 9, 12, 3), dtype=np.uint8)
    with tf.io.TFRecordWriter(str(folder / "t-train.tfrecord-00000-of-00001")) as out:
        for number, image in enumerate(colours):
            out.write(example(picture=tf.io.encode_png(image).numpy(), kind=number))
    shape = {"dimensions": ["9", "12", "3"]}
    features = {
        "picture": {"image": {"shape": shape}},
        "kind": {"classLabel": {"numClasses": "6"}},
        "id": {"text": {}},
    }
    splits = [{"name": "train", "shardLengths": ["6"]}]
    (folder / "features.json").write_text(
        json.dumps({"featuresDict": {"features": features}})
    )
    (folder / "dataset_info.json").write_text(json.dumps({"splits": splits}))
    loaded = sources.load("auto", str(tmp_path))
    np.testing.assert_array_equal(loaded.images, colours)
    assert loaded.labels.tolist() == list(range(6))
    assert loaded.name == "tiles"
    with pytest.raises(UserError, match="no split test, only train"):
        sources.load("auto", str(tmp_path), "test")


def example(picture, kind, image="picture", label="kind"):
    features = {
        image: tf.train.Feature(bytes_list=tf.train.BytesList(value=[picture])),
        label: tf.train.Feature(int64_list=tf.train.Int64List(value=[kind])),
    }
    message = tf.train.Example(features=tf.train.Features(feature=features))
    return message.SerializeToString()


@pytest.mark.usefixtures("no_mnist")
@pytest.mark.parametrize("content", ["{", '{"splits": []}', '{"splits": 3}'])
def test_a_broken_folder_that_nobody_named_is_left_out(monkeypatch, tmp_path, content):
    monkeypatch.setattr(sources, "_STROKES", {"train": (600, 0)})
    folder = tmp_path / "nothing" / "mnist" / "3.0.1"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text(content)
    with (
        pytest.warns(UserWarning, match="is left out"),
        pytest.warns(UserWarning, match="NO MNIST"),
    ):
        assert sources.load("auto").name == "strokes"


@pytest.mark.usefixtures("no_mnist")
def test_other_sets_by_name():
    with pytest.raises(UserError, match=r"--dataset fashion_mnist cannot be had.*host"):
        sources.load("fashion_mnist")


@pytest.mark.parametrize(
    "proxy", ["http://[::1", "http://host:port", "nonsense://", ":", "//", "http://a b"]
)
def test_a_malformed_proxy_means_no_answer(monkeypatch, proxy):
    monkeypatch.setattr(urllib.request, "_opener", None)  # it keeps the first proxy
    monkeypatch.setenv("https_proxy", proxy)
    with monkeypatch.context() as patch:
        seen = []
        patch.setattr(threading, "excepthook", seen.append)
        assert not sources._reachable("https://example.invalid/")
        assert not seen


def test_a_proxy_that_speaks_no_http_means_no_answer(monkeypatch):
    def answer(server):
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):  # it may have hung up
            connection.recv(100)
            connection.sendall(b"220 mail ready\r\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=answer, args=(server,), daemon=True)
        thread.start()
        proxy = f"http://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(urllib.request, "_opener", None)
        monkeypatch.setenv("https_proxy", proxy)
        with monkeypatch.context() as patch:
            seen = []
            patch.setattr(threading, "excepthook", seen.append)
            assert not sources._reachable("https://example.invalid/")
            thread.join(60)  # before its socket is closed
            assert not thread.is_alive()
            assert not seen


def test_strokes_are_built_in():
    train, test = sources.load("strokes"), sources.load("strokes", split="test")
    assert (len(train.images), len(test.images)) == (30000, 10000)
    assert train.name == test.name == "strokes"
    assert train.digest != test.digest


@pytest.mark.usefixtures("no_mnist")
def test_auto_falls_back_with_a_warning_and_mnist_does_not():
    with pytest.warns(UserWarning, match="NO MNIST.*drawn digits"):
        assert sources.load("auto").name == "strokes"
    with pytest.raises(UserError, match=r"cannot be had: none is prepared.*--data_dir"):
        sources.load("mnist")


def test_a_host_that_never_answers_is_given_up(monkeypatch):
    """A name server that hangs, and a server that accepts and stays silent."""
    assert sources._PROBE_SECONDS < 5
    hang, answered = threading.Event(), threading.Event()
    with monkeypatch.context() as patch:

        def resolve(*_, **__):
            hang.wait()
            answered.set()
            raise OSError

        patch.setattr(urllib.request, "urlopen", resolve)
        assert not sources._reachable("https://example.invalid/")
    assert not answered.is_set()  # we did not wait for it
    hang.set()
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not sources._reachable(f"http://127.0.0.1:{server.getsockname()[1]}/")


def test_data_dir_must_be_usable(tmp_path, digits, data_dir):
    with pytest.raises(UserError, match="does not exist"):
        sources.load("auto", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"holds no data set: looked for IDX.*npz"):
        sources.load("auto", str(tmp_path))
    with pytest.raises(UserError, match="leave one out"):
        sources.load("strokes", str(data_dir))
    with pytest.raises(UserError, match=r"other images than MNIST's"):
        sources.load("mnist", str(data_dir))
    write_idx(tmp_path / "train-images-idx3-ubyte", digits[0])
    assert sources.load("auto", str(tmp_path)).labels is None
    write_idx(tmp_path / "train-labels-idx1-ubyte", digits[1][:-1])
    with pytest.raises(UserError, match="600 images but 599 labels"):
        sources.load("auto", str(tmp_path))
    with pytest.raises(UserError, match="only an evaluation on MNIST needs"):
        sources.load("auto", str(tmp_path), "test")
