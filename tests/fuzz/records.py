"""Hostile TFRecords, and data sets prepared by tensorflow_datasets."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from tests.fuzz.json_files import altered
from tests.fuzz.pictures import png_seed
from tests.fuzz.target import Target, put


def record(content: bytes, length: int | None = None) -> bytes:
    """A TFRecord whose checksums fit, whatever length it claims."""
    head = struct.pack("<Q", len(content) if length is None else length % 2**64)
    return head + crc(head) + content + crc(content)


def crc(content: bytes) -> bytes:
    from tensorboard.compat.tensorflow_stub import pywrap_tensorflow

    return struct.pack("<I", pywrap_tensorflow.masked_crc32c(content))


def _records(data: bytes, honest: list[bytes]) -> bytes:
    """Records that are honest, hostile inside, or of a hostile length."""
    kind, data = data[:1], data[1:]
    if kind >= b"\xc0":
        return data
    whole = b"".join(map(record, honest))
    if kind < b"\x80":
        return whole + record(data)
    length = int.from_bytes(data[:8].ljust(8, b"\0"), "little")
    return whole + record(data[8:], length)


def records(home: Path) -> Target:
    """The walk over record lengths that guards TensorFlow's reader."""
    from gan_tf.data.prepared import count_records

    path = home / "x.tfrecord"

    def write(data: bytes) -> int:
        return put(path, _records(data, [b"abc", b""]))

    def check(found: tuple[int, int]) -> int:
        content, place = path.read_bytes(), 0
        for _ in range(found[0]):
            place += 16 + int.from_bytes(content[place : place + 8], "little")
        assert place == found[1] <= len(content)
        return len(content)

    seeds = [b"\x01abc", b"\x90" + bytes([255] * 8), b"\xff" + record(b"abc")]
    return Target(lambda: seeds, write, lambda: count_records(path, 1 << 20), check)


def example(image: bytes, label: int = 3) -> bytes:
    """A `tf.train.Example` as tensorflow_datasets writes them."""
    import tensorflow as tf

    features = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[label])),
    }
    message = tf.train.Example(features=tf.train.Features(feature=features))
    return message.SerializeToString(deterministic=True)


def prepared(home: Path) -> Target:
    """A folder prepared by tensorflow_datasets."""
    from gan_tf.data.files import read_set

    folder = home / "drawn" / "1.0.0"
    folder.mkdir(parents=True)
    info = {"splits": [{"name": "train", "shardLengths": ["1"]}]}
    honest = example(png_seed(size=(28, 28)))

    def write(data: bytes) -> int:
        path = folder / "drawn-train.tfrecord-00000-of-00001"
        counts = {"shardLengths": ["1" if data[:1] < b"\x40" else "2"]}
        changed = altered(info, data[1:]) if b"\x70" < data[:1] < b"\x80" else info
        if changed is info:
            changed = {"splits": [{"name": "train", **counts}]}
        (folder / "dataset_info.json").write_text(json.dumps(changed))
        if data[:1] < b"\x40":  # any picture
            return put(path, record(example(data[1:])))
        return put(path, _records(data, [honest]))

    def check(images: Any) -> int:
        assert images.images.shape[1:] == (28, 28)
        assert len(images.images) == len(images.labels)
        return images.images.nbytes

    def seeds() -> list[bytes]:
        bomb = png_seed(size=(5000, 5000))
        return [
            b"\x01" + png_seed(size=(28, 28)), b"\x01" + bomb, b"\x50" + honest,
            b"\x01" + png_seed("RGB", (28, 28)), b"\x01" + png_seed(form="gif"),
            b"\x50" + example(b"x", -1), b"\x75\1\1\1",
            b"\x90" + struct.pack("<Q", 1 << 40),
        ]  # fmt: skip

    return Target(seeds, write, lambda: read_set(folder, "train"), check)
