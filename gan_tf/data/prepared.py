"""Reads sets of images that tensorflow_datasets has prepared.

Not by tensorflow_datasets itself: it imports whatever Python module and opens whatever
path the folder's JSON files name.
"""

from __future__ import annotations

import itertools
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from gan_tf.data.array_records import check_records, read_records, reader_class
from gan_tf.data.forms import damaged, refused
from gan_tf.data.layout import MAX_SIDE, MIN_SIDE
from gan_tf.errors import UserError

_MAX_RECORD = 1 << 17  # bytes of one image, packed; MNIST's have a few hundred
_MAX_INFO = 1 << 20
_COLOUR_TYPES = {1: 0, 3: 2}  # of PNG, by channels


def read_prepared(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Images uint8 `[N, H, W, 1 or 3]` and labels `[N]` of a version folder.

    Raises:
        DamagedError: a file is missing, cut short, or no PNG as it should be.
        UserError: the set is in another form, or has no such split.
    """
    try:
        image, label, shape = _features(folder)
        shards, read = _shards(folder, split)
        rows = read(folder, shards)
        rows = rows.map(_row(image, label, shape), tf.data.AUTOTUNE)
        found = next(rows.batch(sum(shards.values())).as_numpy_iterator())
        return found if label else (found, None)
    except UserError:
        raise
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        raise refused(folder, "its images take more memory than there is") from error
    except Exception as error:  # JSON's, TensorFlow's, a missing file: many kinds
        if isinstance(error, OSError) and not isinstance(error, FileNotFoundError):
            reason = error.strerror or error
            raise refused(folder, f"{error.filename}: {reason}") from error
        why = str(error).strip().split("\n")[0].split("}} ")[-1]  # TensorFlow's node
        raise damaged(folder, f"it is no prepared data set ({why})") from error


def _tfrecords(folder: Path, shards: dict[Path, int]) -> tf.data.Dataset:
    for path, count in shards.items():
        if count_records(path, _MAX_RECORD) != (count, path.stat().st_size):
            raise ValueError(f"{path.name} has not the {count} images it should")
    return tf.data.TFRecordDataset([os.fsencode(path) for path in shards])


def _array_records(folder: Path, shards: dict[Path, int]) -> tf.data.Dataset:
    reader = reader_class(folder)
    for path, count in shards.items():
        check_records(reader, path, count, _MAX_RECORD)
    return tf.data.Dataset.from_generator(
        lambda: itertools.chain.from_iterable(
            read_records(reader, path, count) for path, count in shards.items()
        ),
        output_signature=tf.TensorSpec((), tf.string),
    )


_READERS = {"tfrecord": _tfrecords, "array_record": _array_records}


def count_records(path: Path, most: int) -> tuple[int, int]:
    """How many whole records of at most `most` bytes a TFRecord file begins with.

    And the bytes that they take: the file's size, if they are all it has.

    Only lengths are read. TensorFlow's reader takes memory for any length that it
    finds, and a large one ends the process: let it read these records and no more.
    """
    count, end, size = 0, 0, path.stat().st_size
    with path.open("rb") as file:
        while len(head := file.read(8)) == 8:
            (length,) = struct.unpack("<Q", head)
            if length > most or end + length + 16 > size:
                break
            end += length + 16
            file.seek(end)
            count += 1
    return count, end


def _json(path: Path) -> Any:
    if path.stat().st_size > _MAX_INFO:
        raise ValueError(f"{path.name} is too large")
    return json.loads(path.read_bytes())


def _features(folder: Path) -> tuple[str, str | None, tuple[int, int, int]]:
    """The names of the image and of its label, and the image's shape."""
    path = folder / "features.json"
    if not path.is_file():
        return "image", "label", (28, 28, 1)
    features = _json(path)["featuresDict"]["features"]
    images = [name for name, held in features.items() if "image" in held]
    labels = [name for name, held in features.items() if "classLabel" in held]
    if len(images) != 1:
        raise refused(folder, "its examples do not have one image each")
    image = features[images[0]]["image"]
    sizes = tuple(int(size) for size in image["shape"]["dimensions"])
    if len(sizes) != 3 or sizes[2] not in _COLOUR_TYPES:
        raise refused(folder, f"its images have the shape {sizes}, not (H, W, 1 or 3)")
    if not all(MIN_SIDE <= size <= MAX_SIDE for size in sizes[:2]):
        raise refused(
            folder,
            f"its images have the shape {sizes}; possible are {MIN_SIDE} to {MAX_SIDE} "
            "pixels a side, all of one size",
        )
    if image.get("encodingFormat", "png") != "png":
        raise refused(folder, "its images are JPEG; export them as a folder of files")
    return images[0], "label" if "label" in labels else next(iter(labels), None), sizes


def _row(image: str, label: str | None, shape: tuple[int, int, int]):
    """Reads one example; a PNG that claims another shape is not decoded."""
    height, width, channels = shape
    start = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
    start += struct.pack(">2I2B", width, height, 8, _COLOUR_TYPES[channels])
    what = f"no {height}x{width} PNG of {channels} channels"
    features = {image: tf.io.FixedLenFeature([], tf.string)}
    if label:
        features[label] = tf.io.FixedLenFeature([], tf.int64)

    def read(record: tf.Tensor) -> Any:
        row = tf.io.parse_single_example(record, features)
        sound = tf.strings.substr(row[image], 0, len(start)) == start
        with tf.control_dependencies([tf.debugging.Assert(sound, [what])]):
            pixels = tf.io.decode_png(row[image], channels=channels)
        pixels = tf.ensure_shape(pixels, shape)
        return (pixels, row[label]) if label else pixels

    return read


def _shards(folder: Path, split: str) -> tuple[dict[Path, int], Callable]:
    """A split's files in order with how many examples each has, and their reader."""
    info = _json(folder / "dataset_info.json")
    form = info.get("fileFormat", "tfrecord")
    if form not in _READERS:
        raise refused(
            folder,
            f"it is prepared as {form}; prepare it again with "
            "tfds.builder(name, file_format='tfrecord').download_and_prepare()",
        )
    splits = {entry["name"]: entry for entry in info["splits"]}
    if split not in splits:
        held = ", ".join(splits)
        raise refused(folder, f"it has no split {split}, only {held}")
    counts = [int(count) for count in splits[split]["shardLengths"]]
    found = [
        path
        for path in sorted(folder.glob(f"*-{split}.{form}-*-of-{len(counts):05d}"))
        if not path.name.startswith(".")  # a Mac's ._*
    ]
    if len(found) != len(counts):
        raise ValueError(f"it has {len(found)} of the {len(counts)} files of {split}")
    return dict(zip(found, counts)), _READERS[form]
