import socket
import threading
import urllib.request

import numpy as np
import pytest
import tensorflow as tf
from conftest import write_idx

from gan_tf.data import sources
from gan_tf.errors import UserError


@pytest.fixture
def no_mnist(monkeypatch, tmp_path):
    """A machine without a prepared MNIST and without network."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing"))

    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", unreachable)


def batches(images, start, count, batch_size=16, steps_per_chunk=3, seed=0):
    """The batches `start` to `start + count` as one array of pixels."""
    chunks = iter(sources.stream(images, batch_size, steps_per_chunk, seed, start))
    needed = -(-count // steps_per_chunk)
    return np.concatenate([next(chunks)[0].numpy() for _ in range(needed)])[:count]


def numbered(count):
    """Images that carry their own number in the first two pixels."""
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.arange(count) // 256, np.arange(count) % 256
    return images


def numbers(stack):
    return (stack[..., 0].astype(int) * 256 + stack[..., 1]).ravel()


def test_idx_plain_and_packed(digits, data_dir, tmp_path):
    packed = sources.load("mnist", str(data_dir))
    write_idx(tmp_path / "train-images.idx3-ubyte", digits[0][:500])
    write_idx(tmp_path / "train-labels.idx1-ubyte", digits[1][:500])
    plain = sources.load("auto", str(tmp_path))
    for loaded in (packed, plain):
        np.testing.assert_array_equal(loaded.images, digits[0][:500])
        np.testing.assert_array_equal(loaded.labels, digits[1][:500])
    assert packed.digest == plain.digest
    assert packed.name == data_dir.name  # not MNIST, so not called so
    assert len(sources.load("mnist", str(data_dir), "test").images) == 100


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
        loaded = sources.load("mnist", str(place))
        np.testing.assert_array_equal(loaded.images, images[:500])
    np.testing.assert_array_equal(loaded.labels, labels[:500])
    assert loaded.name == "mnist-like"
    test = sources.load("mnist", str(tmp_path), "test")
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
        loaded = sources.load("mnist", str(place), "test")
        np.testing.assert_array_equal(loaded.images, digits[0][500:])
        np.testing.assert_array_equal(loaded.labels, digits[1][500:])
        assert loaded.name == "drawn"


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
    """A look-up that hangs, and a server that accepts and stays silent."""
    assert sources._PROBE_SECONDS < 5
    hang, answered = threading.Event(), threading.Event()
    with monkeypatch.context() as patch:

        def look_up(*_, **__):
            hang.wait()
            answered.set()
            raise OSError

        patch.setattr(urllib.request, "urlopen", look_up)
        assert not sources._reachable("https://example.invalid/")
    assert not answered.is_set()  # we did not wait for it
    hang.set()
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not sources._reachable(f"http://127.0.0.1:{server.getsockname()[1]}/")


def test_data_dir_must_be_usable(tmp_path, digits, data_dir):
    with pytest.raises(UserError, match="does not exist"):
        sources.load("auto", str(tmp_path / "none"))
    with pytest.raises(UserError, match=r"looked for train-images-idx3-ubyte.*npz"):
        sources.load("auto", str(tmp_path))
    with pytest.raises(UserError, match="leave one out"):
        sources.load("strokes", str(data_dir))
    write_idx(tmp_path / "train-images-idx3-ubyte", digits[0])
    with pytest.raises(UserError, match="no labels file"):
        sources.load("mnist", str(tmp_path))
    write_idx(tmp_path / "train-labels-idx1-ubyte", digits[1][:-1])
    with pytest.raises(UserError, match="600 images but 599 labels"):
        sources.load("mnist", str(tmp_path))
    write_idx(tmp_path / "train-images-idx3-ubyte", digits[0][:, :20])
    write_idx(tmp_path / "train-labels-idx1-ubyte", digits[1])
    with pytest.raises(UserError, match="20x28 uint8, not 28x28"):
        sources.load("mnist", str(tmp_path))
    write_idx(tmp_path / "train-images-idx3-ubyte", digits[0][:0])
    write_idx(tmp_path / "train-labels-idx1-ubyte", digits[1][:0])
    with pytest.raises(UserError, match="no image"):
        sources.load("mnist", str(tmp_path))


def test_each_pass_is_a_new_permutation_and_passes_join_end_to_end():
    images = numbered(50)  # 16 does not divide 50
    seen = numbers(batches(images, 0, 25))
    assert len(seen) == 8 * 50
    passes = seen.reshape(8, 50)
    for order in passes:
        np.testing.assert_array_equal(np.sort(order), np.arange(50))
    assert len(np.unique(passes, axis=0)) == 8


@pytest.mark.parametrize("start", [1, 3, 4, 25, 40])
def test_a_stream_can_start_at_any_step(start):
    images = numbered(50)
    whole = batches(images, 0, start + 9)
    np.testing.assert_array_equal(batches(images, start, 9), whole[start:])


def test_chunk_length_does_not_change_the_batches():
    images = numbered(50)
    whole = batches(images, 0, 12, steps_per_chunk=12)
    np.testing.assert_array_equal(batches(images, 0, 12, steps_per_chunk=5), whole)


def test_a_batch_may_be_larger_than_the_data():
    seen = numbers(batches(numbered(10), 2, 2, batch_size=25, steps_per_chunk=1))
    assert len(seen) == 50
    for order in seen.reshape(5, 10):
        np.testing.assert_array_equal(np.sort(order), np.arange(10))


def test_seeds_give_other_orders_and_chunks_have_their_shape():
    images = numbered(50)
    first, second = batches(images, 0, 3), batches(images, 0, 3, seed=1)
    assert (numbers(first) != numbers(second)).any()
    assert (first.shape, first.dtype) == ((3, 16, 784), np.uint8)
    chunk, labels = next(sources.stream(images, 16, 3, 0))
    assert labels is None
    assert chunk.shape == (3, 16, 784)
    assert chunk.dtype == np.uint8
