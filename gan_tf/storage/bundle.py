"""Checks a checkpoint's files before TensorFlow's reader, written in C++, opens them.

That reader takes memory for whatever sizes stand in the index; made-up ones can end the
process. What is checked here: every size and place in the index lies within the files,
the tensors fill the data file without overlap, and the object graph names each at most
once. Checksums are left to TensorFlow. The form: leveldb's `table_format.md` and
TensorFlow's `tensor_bundle.proto`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import tensor_bundle_pb2, trackable_object_graph_pb2

from gan_tf.errors import DamagedError
from gan_tf.files import readable

SUFFIXES = (".data-00000-of-00001", ".index")
_MAGIC = bytes.fromhex("57fb808b247547db")
_FOOTER = 48
_TRAILER = 5  # after each block: its kind of packing and its checksum
_GRAPH = b"_CHECKPOINTABLE_OBJECT_GRAPH"
_MAX_INDEX = 1 << 24  # bytes; a network of 64 layers needs 50 000
_MAX_GRAPH = 1 << 21  # bytes; parsed, hostile ones take up to 170 times as much
_MAX_KEY = 1 << 10


def check_bundle(prefix: Path) -> int:
    """Checks the files of one checkpoint, `prefix.index` and its single data file.

    Returns:
        The bytes of its tensors.

    Raises:
        DamagedError: they are not what TensorFlow writes for a model.
        UserError: they cannot be read.
    """
    data, index = (prefix.with_name(prefix.name + suffix) for suffix in SUFFIXES)
    with readable(prefix.parent):
        if index.stat().st_size > _MAX_INDEX:
            raise DamagedError("its index is larger than any model's")
        try:
            return _check(index.read_bytes(), data)
        except OSError:
            raise
        except Exception as error:  # ours, and those of protocol buffers
            raise DamagedError(f"its index is not valid ({error})") from error


def _check(index: bytes, data: Path) -> int:
    (_, first), *others = rows(index)
    header = tensor_bundle_pb2.BundleHeaderProto.FromString(first)
    if header.num_shards != 1 or header.endianness:
        raise ValueError("it is not of one data file")
    names = [name for name, _ in others]
    if names != sorted(set(names)):
        raise ValueError("its names are out of order")
    entries = [tensor_bundle_pb2.BundleEntryProto.FromString(row) for _, row in others]
    for name, entry in zip(names, entries):
        _check_entry(name, entry)
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if entry.offset != end:
            raise ValueError("its tensors overlap or leave gaps")
        end += entry.size
    if end != data.stat().st_size:
        raise ValueError("its tensors do not fill the data file")
    _check_graph(data, dict(zip(names, entries)))
    return end


def rows(index: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and values of an index: an SSTable without packing."""
    footer = index[-_FOOTER:]
    if len(footer) != _FOOTER or not footer.endswith(_MAGIC):
        raise ValueError("no table")
    *metaindex, place = _varints(footer, 0, 2)
    for _ in _block(index, *metaindex):
        raise ValueError("it has a filter")
    for _, handle in _block(index, *_varints(footer, place, 2)[:2]):
        yield from _block(index, *_varints(handle, 0, 2)[:2])


def _block(index: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """The rows of one block, whose names share their beginnings with the one before."""
    if offset + size + _TRAILER > len(index) - _FOOTER or index[offset + size]:
        raise ValueError("a block is packed or lies outside")
    block = index[offset : offset + size]
    restarts = int.from_bytes(block[-4:], "little")
    end = size - 4 - 4 * restarts
    if restarts < 1 or end < 0:
        raise ValueError("a block is too short")
    name, place = b"", 0
    while place < end:
        shared, fresh, length, place = _varints(block, place, 3)
        if shared > len(name) or shared + fresh > _MAX_KEY:
            raise ValueError("a name is too long")
        name = name[:shared] + block[place : place + fresh]
        place += fresh + length
        if place > end:
            raise ValueError("a row is too long")
        yield name, block[place - length : place]


def _varints(content: bytes, place: int, count: int) -> list[int]:
    """`count` numbers of 7 bits a byte from `place` on, and the place after them."""
    numbers = []
    for _ in range(count):
        number = 0
        for shift in range(0, 64, 7):
            byte = content[place]
            place += 1
            number |= (byte & 127) << shift
            if byte < 128:
                break
        else:
            raise ValueError("a number is too long")
        numbers.append(number)
    return [*numbers, place]


def _check_entry(name: bytes, entry: tensor_bundle_pb2.BundleEntryProto) -> None:
    """Raises unless shape, type and size of a tensor agree."""
    if entry.shard_id or entry.slices or entry.shape.unknown_rank:
        raise ValueError("a tensor is in pieces")
    sizes = [dimension.size for dimension in entry.shape.dim]
    if entry.offset < 0 or entry.size < 0 or min(sizes, default=0) < 0:
        raise ValueError("a size is negative")
    if name == _GRAPH:
        fits = entry.dtype == tf.string.as_datatype_enum and not sizes
        fits = fits and entry.size <= _MAX_GRAPH
    else:
        kind = tf.dtypes.as_dtype(entry.dtype)
        fits = kind.is_floating or kind.is_integer or kind.is_bool
        fits = fits and entry.size == math.prod(sizes) * kind.size
    if not fits:
        raise ValueError("a tensor's type, shape and size do not fit each other")


def _check_graph(
    data: Path, entries: dict[bytes, tensor_bundle_pb2.BundleEntryProto]
) -> None:
    """Raises unless the object graph is that of variables, each restored once."""
    if _GRAPH not in entries:
        raise ValueError("it has no object graph")
    entry = entries[_GRAPH]
    with data.open("rb") as file:
        file.seek(entry.offset)
        stored = file.read(entry.size)
    length, place = _varints(stored, 0, 1)
    place += 4  # a checksum
    if place + length != len(stored):
        raise ValueError("its object graph is cut")
    nodes = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
        stored[place:]
    ).nodes
    if any(node.slot_variables or node.HasField("registered_saver") for node in nodes):
        raise ValueError("its object graph is not of plain variables")
    children = itertools.chain.from_iterable(node.children for node in nodes)
    if any(not 0 <= child.node_id < len(nodes) for child in children):
        raise ValueError("its object graph names what it does not have")
    keys = [value.checkpoint_key for node in nodes for value in node.attributes]
    if len(set(keys)) != len(keys) or {key.encode() for key in keys} - entries.keys():
        raise ValueError("its object graph names a tensor twice or one that is missing")
