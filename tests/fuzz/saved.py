"""An honest checkpoint, and ways to make it hostile while its digests fit."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

from tests.fuzz.json_files import honest_description, sealed
from tests.fuzz.records import crc
from tests.fuzz.target import put


def sorted_table(entries: list[tuple[bytes, bytes]]) -> bytes:
    """An SSTable of one block, with checksums that fit."""
    content = b""

    def add(rows: list[tuple[bytes, bytes]]) -> bytes:
        nonlocal content
        block = b"".join(
            b"\0" + varint(len(key)) + varint(len(value)) + key + value
            for key, value in rows
        )
        block += struct.pack("<II", 0, 1)
        handle = varint(len(content)) + varint(len(block))
        content += block + b"\0" + crc(block + b"\0")
        return handle

    handle = add(entries)
    last = entries[-1][0] if entries else b""
    metaindex, index = add([]), add([(last, handle)])
    footer = (metaindex + index).ljust(40, b"\0")
    return content + footer + bytes.fromhex("57fb808b247547db")


def varint(number: int) -> bytes:
    """A whole number as LEB128."""
    result = b""
    while number > 127:
        result += bytes([number & 127 | 128])
        number >>= 7
    return result + bytes([number])


TINY = {
    "latent_dim": 2,
    "generator_units": (3,),
    "discriminator_units": (3,),
    "jit_compile": False,
}


class Saved:
    """An honest run with one checkpoint, whose files can be replaced at will."""

    def __init__(self, home: Path) -> None:
        from gan_tf.config import Config
        from gan_tf.gan.state import build_gan
        from gan_tf.storage import bundle, checkpoints

        self.home = home
        self.config = Config(**TINY)
        self.gan = build_gan(self.config)
        self.folder = checkpoints.save(home, self.gan)
        (home / "config.json").write_bytes(sealed(honest_description(**TINY)))
        self.index = (self.folder / "state.index").read_bytes()
        self.state = (self.folder / "state.data-00000-of-00001").read_bytes()
        self.manifest = json.loads((self.folder / "manifest.json").read_text())
        self.manifest.pop("sha256")
        self.entries = list(bundle.rows(self.index))

    def write(self, index: bytes, state: bytes, manifest: dict | None = None) -> int:
        """Puts files in place whose digests fit."""
        put(self.folder / "state.index", index)
        put(self.folder / "state.data-00000-of-00001", state)
        files = {
            "state.data-00000-of-00001": hashlib.sha256(state).hexdigest(),
            "state.index": hashlib.sha256(index).hexdigest(),
        }
        if manifest is None:
            manifest = self.manifest | {"files": files}
        put(self.folder / "manifest.json", sealed(manifest))
        return len(index) + len(state)

    def hostile(self, data: bytes) -> tuple[bytes, bytes]:
        """Index and data that are hostile in the way the first byte says."""
        kind, data = data[0] if data else 0, data[1:]
        if kind < 32:  # the index, as bytes
            return edited(self.index, data), self.state
        if kind < 40:
            return data, self.state
        if kind < 160:  # one entry of it, or its key, with checksums that fit
            return sorted_table(self._edited_entries(data)), self.state
        if kind < 192:  # the footer alone
            return self.index[:-48] + data[:40].ljust(40, b"\0") + self.index[-8:], (
                self.state
            )
        if kind < 224:  # the object graph, with checksums that fit
            return self._with_graph(edited(self._graph(), data))
        return self.index, edited(self.state, data)  # a tensor: its checksum not

    def _edited_entries(self, data: bytes) -> list[tuple[bytes, bytes]]:
        entries = list(self.entries)
        which = data[0] % len(entries) if data else 0
        how = data[1] % 4 if len(data) > 1 else 0
        key, value = entries[which]
        if how == 0:
            entries[which] = (key, edited(value, data[2:]))
        elif how == 1:
            entries[which] = (key, data[2:])
        elif how == 2:
            entries[which] = (edited(key, data[2:]), value)
        else:
            entries[which] = (key, entries[data[-1] % len(entries)][1])
        return entries

    def _graph_place(self) -> tuple[int, int, int]:
        from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto

        for number, (key, value) in enumerate(self.entries):
            if key == b"_CHECKPOINTABLE_OBJECT_GRAPH":
                entry = BundleEntryProto.FromString(value)
                return number, entry.offset, entry.size
        raise AssertionError

    def _graph(self) -> bytes:
        _, offset, size = self._graph_place()
        stored = self.state[offset : offset + size]
        return stored[-(size - 4 - (1 if size < 132 else 2 if size < 16390 else 3)) :]

    def _with_graph(self, graph: bytes) -> tuple[bytes, bytes]:
        from tensorflow.core.protobuf.tensor_bundle_pb2 import BundleEntryProto

        number, offset, size = self._graph_place()
        assert offset + size == len(self.state) or offset == 0
        lengths = struct.pack("<I", len(graph))  # the checksum is of plain integers
        stored = varint(len(graph)) + crc(lengths)
        entry = BundleEntryProto.FromString(self.entries[number][1])
        entry.size = len(stored) + len(graph)
        entry.crc32c = struct.unpack("<I", crc(lengths + crc(lengths) + graph))[0]
        entries = list(self.entries)
        entries[number] = (entries[number][0], entry.SerializeToString())
        if offset == 0:
            moved = entry.size - size
            for place, (key, value) in enumerate(entries):
                if place not in (number, 0):
                    other = BundleEntryProto.FromString(value)
                    other.offset += moved
                    entries[place] = (key, other.SerializeToString())
            return sorted_table(entries), stored + graph + self.state[size:]
        return sorted_table(entries), self.state[:offset] + stored + graph

    def seeds(self) -> list[bytes]:
        """Inputs for `hostile` that reach each of its ways."""
        found = [b"\0", b"\x20" + self.index, bytes([200]), bytes([240, 1, 2, 3])]
        found += [bytes([50, n, 1]) + self.entries[n][1] for n in range(4)]
        found += [bytes([50, n, 0, n, 0, n]) for n in range(len(self.entries))]
        found += [bytes([50, n, 3, 2]) for n in range(len(self.entries))]
        for size in (8, 1 << 30, 1 << 40, 1 << 62):
            found += [bytes([170]) + bytes(2) + varint(8) + varint(size)]
        found += [bytes([200]) + struct.pack("<HB", n * 17, 255) for n in range(60)]
        return found


def edited(content: bytes, data: bytes) -> bytes:
    """`content` with single bytes replaced, added or removed as `data` says."""
    result = bytearray(content)
    for start in range(0, min(len(data), 30) - 2, 3):
        place, value = struct.unpack("<HB", data[start : start + 3])
        how, place = place % 8, (place // 8) % max(1, len(result))
        if how == 7:
            result[place:place] = bytes([value]) * 9
        elif how == 6:
            del result[place : place + 1 + value % 8]
        elif result:
            result[place] = value
    return bytes(result)
