"""Reads `array_record` files, the other form that tensorflow_datasets writes.

They are Riegeli files ("Riegeli/records file format specification"): chunks, each with
a header of 40 bytes, and a header of 24 bytes in between wherever 64 KiB begin.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from gan_tf.data.forms import refused

_BLOCK, _BLOCK_HEADER, _CHUNK_HEADER = 1 << 16, 24, 40
_PAYLOAD = _BLOCK - _BLOCK_HEADER
_AT_ONCE = 100  # records


def reader_class(folder: Path) -> Any:
    """The reader of the package array_record, which not every system has.

    Raises:
        UserError: it is not installed.
    """
    try:
        from array_record.python.array_record_module import ArrayRecordReader
    except ImportError as error:
        raise refused(
            folder,
            "it is prepared as array_record, and the package for that is not "
            "installed: pip install array_record, or prepare it again with "
            "tfds.builder(name, file_format='tfrecord').download_and_prepare()",
        ) from error
    return ArrayRecordReader


def read_records(reader: Any, path: Path, count: int) -> Iterator[bytes]:
    """The `count` records of a file."""
    file = reader(os.fsencode(path), "readahead_buffer_size:0,max_parallelism:0")
    for start in range(0, count, _AT_ONCE):
        yield from file.read(start, min(start + _AT_ONCE, count))


def check_records(reader: Any, path: Path, count: int, most: int) -> None:
    """Checks that a file has `count` records of at most `most` bytes each.

    Only the headers of its chunks are read: the package takes memory for any size that
    it finds there.

    Raises:
        ValueError: it has other ones, or contradicts itself.
    """
    for kind, records, size in _chunks(path):
        # Usually one record a chunk; the last one has the places of all others.
        if kind not in b"srpm" or records > count + 1 or size > max(most, 64 * records):
            raise ValueError(f"{path.name} has a chunk of {size} bytes")
    if reader(os.fsencode(path)).num_records() != count:
        raise ValueError(f"{path.name} has not the {count} images it should")


def _chunks(path: Path) -> Iterator[tuple[int, int, int]]:
    """Kind, number of records and unpacked bytes of each chunk."""
    blocks, rest = divmod(path.stat().st_size, _BLOCK)
    total = blocks * _PAYLOAD + max(0, rest - _BLOCK_HEADER)
    place = 0
    with path.open("rb") as file:
        while place < total:
            header = _payload(file, place)
            if len(header) < _CHUNK_HEADER:
                raise ValueError(f"{path.name} ends within a chunk")
            packed, kind, size = struct.unpack("<8xQ8xQQ", header)
            place += _CHUNK_HEADER + packed
            if place > total:
                raise ValueError(f"{path.name} ends within a chunk")
            yield kind & 255, kind >> 8, size


def _payload(file: BinaryIO, place: int) -> bytes:
    """A chunk's header, at a place that does not count the headers of blocks."""
    block, within = divmod(place, _PAYLOAD)
    file.seek(block * _BLOCK + _BLOCK_HEADER + within)
    found = file.read(min(_CHUNK_HEADER, _PAYLOAD - within))
    if len(found) < _CHUNK_HEADER:
        file.seek((block + 1) * _BLOCK + _BLOCK_HEADER)
        found += file.read(_CHUNK_HEADER - len(found))
    return found
