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
    """The check of all record lengths that guards TensorFlow's reader."""
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


def array_record(home: Path) -> Target:
    """The same in array_record: any bytes changed, with a PNG that is whole or not."""
    from array_record.python.array_record_module import ArrayRecordWriter

    from gan_tf.data.files import read_set
    from tests.fuzz.saved import edited

    folder = home / "drawn" / "1.0.0"
    folder.mkdir(parents=True)
    info = {"fileFormat": "array_record"}
    info["splits"] = [{"name": "train", "shardLengths": ["3"]}]
    (folder / "dataset_info.json").write_text(json.dumps(info))
    path = folder / "drawn-train.array_record-00000-of-00001"

    def file_of(pictures: list[bytes]) -> bytes:
        writer = ArrayRecordWriter(str(path), "group_size:1")
        for picture in pictures:
            writer.write(example(picture))
        writer.close()
        return path.read_bytes()

    sound = png_seed(size=(28, 28))
    honest = file_of([sound] * 3)

    def write(data: bytes) -> int:
        if data[:1] < b"\x20":
            return put(path, file_of([sound, data[1:], sound]))
        if data[:1] < b"\xe0":  # in what is not padding
            return put(path, edited(honest[:1000], data[1:]) + honest[1000:])
        return put(path, data[1:])

    def check(images: Any) -> int:
        assert images.images.shape == (3, 28, 28)
        return 2 * len(honest)

    def seeds() -> list[bytes]:
        found = [b"\x30", b"\x01" + sound, b"\x01" + png_seed(size=(5000, 5000))]
        found += [b"\xff", b"\xff" + honest[:500]]
        return found + [
            struct.pack("<BHB", 0x30, 8 * place, 255) for place in range(0, 600, 5)
        ]

    return Target(seeds, write, lambda: read_set(folder, "train"), check)


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
