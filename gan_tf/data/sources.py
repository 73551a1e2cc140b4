"""Where the images come from, and the `tf.data` stream of training batches."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import struct
import threading
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from gan_tf.data.readers import count_records, damaged, read_idx, read_npz
from gan_tf.data.strokes import draw_digits
from gan_tf.errors import UserError, printable
from gan_tf.files import usable_path
from gan_tf.images import SIDE

# The host tensorflow_datasets fetches MNIST from.
_MNIST_HOST = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_PROBE_SECONDS = 4.0
_MAX_RECORD = 1 << 16  # bytes of one image, packed; MNIST's have a few hundred
_MAX_INFO = 1 << 20
# How a PNG file of 28x28 pixels, 8 bits each, grey, begins.
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">2I2B", SIDE, SIDE, 8, 0)
_STROKES = {"train": (30000, 0), "test": (10000, 1)}  # count, seed
# Digests of MNIST's training and test images and labels, in the order of the official
# files and in that of tensorflow_datasets 3.0.1: what makes the name "mnist" true.
_MNIST_DIGESTS = {
    "edc0d1098aa497be14ace79ddd5171e5a3dcf9c4d196c015389203eb3ba1f59b",
    "c3f9adf9c66efb572b1f9326c3a511b45910c7173b97be66ceceeeeaef6b802b",
    "6d82d9f18df5f5fee79d159b3563eb6adcbd1abce0c4bdf9a7010078c6e75062",
    "bf70cada31279c1e952492c5ac496fe89dae2242110d9e77827607cd9b2e825f",
}


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet:
    """Labelled images of one split.

    Attributes:
        images: uint8 `[N, 28, 28]`, ink 255 on paper 0.
        labels: uint8 `[N]`.
        name: what it is: "mnist", "strokes", or the name of the user's folder.
        digest: SHA-256 of images and labels, hex.
    """

    images: np.ndarray
    labels: np.ndarray
    name: str
    digest: str

    @property
    def classes(self) -> int:
        """How many classes the labels name."""
        return int(self.labels.max()) + 1


def load(dataset: str, data_dir: str = "", split: str = "train") -> ImageSet:
    """Loads one split, "train" or "test", of the data that the flags name.

    Args:
        dataset: "mnist", "strokes", or "auto" (MNIST if it can be had, else strokes
            with a warning).
        data_dir: where MNIST or another set in one of its file forms lies: IDX files
            (plain or gzip), `mnist.npz`, or a prepared tensorflow_datasets folder.
            Empty: the user's own tensorflow_datasets folder, then the download.

    Raises:
        UserError: there is no such data, or it is damaged.
    """
    if dataset == "strokes":
        if data_dir:
            raise UserError(
                "--data_dir has no use with --dataset strokes: leave one out"
            )
        return _image_set(*draw_digits(*_STROKES[split]), "strokes")
    if data_dir:
        return _load_folder(usable_path(data_dir), split)
    tried = []
    for source in (_load_prepared, _load_download):
        try:
            return source(split)
        except _UnavailableError as reason:
            tried.append(str(reason))
    if dataset == "auto":
        warnings.warn(
            f"NO MNIST: {'; '.join(tried)}. Using the built-in drawn digits instead "
            "(--dataset strokes). For MNIST give --data_dir.",
            stacklevel=2,
        )
        return load("strokes", split=split)
    raise UserError(
        f"MNIST cannot be had: {'; '.join(tried)}. Give a folder with its files as "
        "--data_dir, or use the built-in --dataset strokes."
    )


def stream(
    images: np.ndarray,
    batch_size: int,
    steps_per_chunk: int,
    seed: int,
    start: int = 0,
    labels: np.ndarray | None = None,
) -> Iterator[tuple[tf.Tensor, tf.Tensor | None]]:
    """Endless chunks of training batches, and their labels where these are given.

    Images are uint8 `[steps_per_chunk, batch_size, pixels]`, labels int32
    `[steps_per_chunk, batch_size]` or None.

    Batch `t` holds positions `[t * batch_size, (t + 1) * batch_size)` of an endless
    sequence: passes over the images, each in a new order, joined end to end, as the
    document's `next_batch` did. The order is a function of seed and pass alone, so a
    stream started at step `start` goes on exactly as one that came from step 0.

    The images lie on the device, all of them: a chunk costs it their indices and a
    look-up.

    Args:
        images: uint8 `[N, ...]`.
        labels: integers `[N]`.
        start: the step of the first batch of the first chunk.
    """
    count = len(images)
    pixels = tf.constant(images.reshape(count, -1))
    first_pass, skipped = divmod(start * batch_size, count)

    def order(number: tf.Tensor) -> tf.Tensor:
        pass_seed = tf.stack([tf.constant(seed, tf.int64), number])
        indices = tf.random.experimental.stateless_shuffle(tf.range(count), pass_seed)
        begin = skipped if number == first_pass else 0
        return tf.gather(indices, tf.range(begin, count))  # a slice makes TF complain

    chunks = (
        tf.data.Dataset.range(first_pass, np.iinfo(np.int64).max)
        .map(order)
        .rebatch(steps_per_chunk * batch_size, drop_remainder=True)
        .prefetch(2)
    )
    classes = None if labels is None else tf.constant(labels, tf.int32)
    for indices in chunks:
        rows = tf.reshape(indices, (steps_per_chunk, batch_size))
        chosen = None if classes is None else tf.gather(classes, rows)
        yield tf.gather(pixels, rows), chosen


class _UnavailableError(Exception):
    """A source that is not there (as opposed to one that is there and damaged)."""


def _load_folder(folder: Path, split: str) -> ImageSet:
    """Loads whichever of the three file forms `folder` holds."""
    if not folder.exists():
        raise UserError(f"--data_dir {folder} does not exist")
    images_path = _find_idx(folder, split, "images-idx3-ubyte")
    if images_path:
        labels_path = _find_idx(folder, split, "labels-idx1-ubyte")
        if labels_path is None:
            raise UserError(f"{images_path} has no labels file beside it")
        images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
        return _checked_set(images, labels, images_path, folder.name)
    archive = folder if folder.suffix == ".npz" else folder / "mnist.npz"
    if archive.is_file():
        images, labels = read_npz(archive, (f"x_{split}", f"y_{split}"))
        return _checked_set(images, labels, archive, archive.stem)
    prepared = _find_prepared(folder)
    if prepared:
        return _read_prepared(prepared, split)
    raise UserError(
        f"--data_dir {folder} holds no data set: looked for {_PREFIX[split]}-images-"
        "idx3-ubyte (or .gz), mnist.npz and a prepared tensorflow_datasets folder"
    )


_PREFIX = {"train": "train", "test": "t10k"}


def _find_idx(folder: Path, split: str, kind: str) -> Path | None:
    """The IDX file, plain or gzip, in either of the two spellings in use."""
    for name in (kind, kind.replace("-idx", ".idx")):
        for ending in ("", ".gz"):
            path = folder / f"{_PREFIX[split]}-{name}{ending}"
            if path.is_file():
                return path
    return None


def _find_prepared(folder: Path) -> Path | None:
    """The prepared tensorflow_datasets version folder in or below `folder`."""
    found = [
        path.parent
        for pattern in ("", "*/", "mnist/*/", "*/*/")
        for path in sorted(folder.glob(pattern + "dataset_info.json"))
    ]
    others = {path for path in found if path.parent != found[0].parent}
    if others and found[0].parent.name != "mnist":
        names = ", ".join(sorted({path.parent.name for path in found}))
        raise UserError(
            f"--data_dir {folder} holds several data sets ({names}): name one"
        )
    return found[0] if found else None


def _load_prepared(split: str) -> ImageSet:
    """The user's own tensorflow_datasets folder, if MNIST was prepared there."""
    home = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    try:
        prepared = _find_prepared(usable_path(home) / "mnist")
    except (UserError, OSError) as error:  # a folder that the user never named
        raise _UnavailableError(f"{home} cannot be used ({error})") from error
    if prepared is None:
        raise _UnavailableError(f"none is prepared in {home}")
    return _read_prepared(prepared, split)


def _load_download(split: str) -> ImageSet:
    """Downloads MNIST by tensorflow_datasets, once its host has answered."""
    if not _reachable(_MNIST_HOST):
        raise _UnavailableError("its download host does not answer")
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder("mnist", file_format="tfrecord")
        builder.download_and_prepare()
    except Exception as error:  # whatever network, disk or server can do
        raise _UnavailableError(f"its download failed ({error})") from error
    return _read_prepared(Path(builder.data_dir), split)


def _reachable(url: str) -> bool:
    """Whether the host answers at all, told within `_PROBE_SECONDS`.

    In a thread of its own, because a name look-up knows no time-out.
    """
    answered = threading.Event()

    def probe() -> None:
        try:
            urllib.request.urlopen(url, timeout=_PROBE_SECONDS).close()
            answered.set()
        except urllib.error.HTTPError:  # an answer all the same
            answered.set()
        except Exception:  # no answer: no network, a proxy that is none, ...
            pass

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS)
    return answered.is_set()


def _read_prepared(folder: Path, split: str) -> ImageSet:
    """Reads a prepared tensorflow_datasets version folder of grey PNG images.

    Not by tensorflow_datasets itself: it imports whatever Python module and opens
    whatever path the folder's JSON files name.
    """
    try:
        shards = _shards(folder, split)
        for path, count in shards.items():
            if count_records(path, _MAX_RECORD) != (count, path.stat().st_size):
                raise ValueError(f"{path.name} has not the {count} images it should")
        rows = tf.data.TFRecordDataset([str(path) for path in shards])
        rows = rows.map(_prepared_row, tf.data.AUTOTUNE).batch(sum(shards.values()))
        images, labels = next(rows.as_numpy_iterator())
    except Exception as error:  # JSON's, TensorFlow's, a missing file: many kinds
        why = str(error).strip().split("\n")[0]
        raise damaged(folder, f"it is no prepared data set ({why})") from error
    return _checked_set(images, labels, folder, folder.resolve().parent.name)


def _prepared_row(record: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Image and label of one example; a PNG that claims another size is not decoded."""
    string, integer = (tf.io.FixedLenFeature([], t) for t in (tf.string, tf.int64))
    row = tf.io.parse_single_example(record, {"image": string, "label": integer})
    png, label = row["image"], row["label"]
    grey = tf.strings.substr(png, 0, len(_PNG)) == _PNG
    sound = grey & (label >= 0) & (label < 256)
    with tf.control_dependencies([tf.debugging.Assert(sound, ["no 28x28 grey PNG"])]):
        image = tf.io.decode_png(png, channels=1)
    return tf.ensure_shape(image, (SIDE, SIDE, 1)), tf.cast(label, tf.uint8)


def _shards(folder: Path, split: str) -> dict[Path, int]:
    """A split's files in order, and how many examples each has."""
    info = folder / "dataset_info.json"
    if info.stat().st_size > _MAX_INFO:
        raise ValueError(f"{info.name} is too large")
    splits = {entry["name"]: entry for entry in json.loads(info.read_bytes())["splits"]}
    counts = [int(count) for count in splits[split]["shardLengths"]]
    found = sorted(folder.glob(f"*-{split}.tfrecord-*-of-{len(counts):05d}"))
    return dict(zip(found, counts, strict=True))


def _checked_set(
    images: np.ndarray, labels: np.ndarray, path: Path, name: str
) -> ImageSet:
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or images.dtype != np.uint8:
        shape = "x".join(str(size) for size in images.shape[1:])
        raise damaged(path, f"its images are {shape} {images.dtype}, not 28x28 uint8")
    if labels.shape != (len(images),):
        raise damaged(path, f"it has {len(images)} images but {labels.size} labels")
    if not len(images):
        raise damaged(path, "it holds no image")
    return _image_set(images, labels.astype(np.uint8), name)


def _image_set(images: np.ndarray, labels: np.ndarray, name: str) -> ImageSet:
    sha256 = hashlib.sha256(np.ascontiguousarray(images).data)
    sha256.update(np.ascontiguousarray(labels).data)
    digest = sha256.hexdigest()
    if digest in _MNIST_DIGESTS:
        name = "mnist"
    elif name == "mnist":
        name = "mnist-like"  # in the folder of MNIST, but other images
    return ImageSet(images, labels, printable(name, 100), digest)
