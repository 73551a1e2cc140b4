"""Hostile files: what `fuzz.py` and `tests/test_fuzz.py` feed the readers with.

A target makes a file from fuzzer's bytes, has it read by the package, and knows whether
the result is right. The first byte chooses how much of the file's outer form is made to
fit, so that the inner checks are reached: checksums, digests, archives.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import gzip
import hashlib
import io
import json
import math
import re
import struct
import traceback
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ALLOWANCE = 1 << 20  # bytes of buffers that a reader may take for the smallest file
NATIVE = ("checkpoint", "prepared")  # TensorFlow's C++ reads these
IMAGES = np.random.default_rng(0).integers(0, 255, (2, 28, 28), dtype=np.uint8)


class Target(NamedTuple):
    """One reader under fire.

    Attributes:
        seeds: gives the fuzzer's first inputs.
        write: makes the file of the fuzzer's bytes; returns its size.
        read: the package's reader.
        check: raises AssertionError for a wrong result; returns the bytes it holds.
    """

    seeds: Callable[[], list[bytes]]
    write: Callable[[bytes], int]
    read: Callable[[], Any]
    check: Callable[[Any], int]


def attempt(target: Target, data: bytes) -> tuple[str, float]:
    """What came of one input, and its memory over the file's honest need."""
    from gan_tf.errors import UserError

    size = held = target.write(data)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    result = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            result = target.read()
        outcome = "results"
    except UserError as error:
        text = str(error)
        one_line = text.isprintable() and len(text) < 3000
        outcome = "refused" if one_line else f"unprintable: {text[:60]!r}"
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(where.filename).name}:{where.lineno}"
        outcome = f"{type(error).__name__} at {where}: {str(error)[:60]}"
    peak = tracemalloc.get_traced_memory()[1] - before
    if outcome == "results":
        try:
            held = target.check(result)
        except Exception as error:
            outcome = f"wrong: {type(error).__name__} {str(error)[:60]}"
    ratio = peak / (max(size, held) + ALLOWANCE)
    if ratio > 2 and outcome in ("results", "refused"):
        outcome = "took more than twice the memory"
    return outcome, ratio


def _put(path: Path, content: bytes) -> int:
    """Writes a new file: to write over one would wait for the disk each time."""
    path.unlink(missing_ok=True)
    return path.write_bytes(content)


# --- IDX and gzip


def idx(home: Path) -> Target:
    """IDX, plain."""
    path = home / "x"

    def write(data: bytes) -> int:
        if data[:1] < b"\x80":  # the magic fits
            data = bytes((0, 0, 8, 3)) + data[1:]
        return _put(path, data)

    def check(array: np.ndarray) -> int:
        return _check_idx(path.read_bytes(), array)

    header = struct.pack(">3I", *IMAGES.shape)
    seeds = [b"\x01" + header + IMAGES.tobytes()]
    seeds += [b"\x01" + struct.pack(">3I", *[2**32 - 1] * 3) + bytes(9)]
    seeds += [b"\x01" + struct.pack(">3I", 0, 2**32 - 1, 2**32 - 1)]
    return Target(lambda: seeds, write, lambda: _read_idx(path), check)


def _check_idx(whole: bytes, array: np.ndarray) -> int:
    start = 4 + 4 * whole[3]
    assert array.shape == struct.unpack(f">{whole[3]}I", whole[4:start])
    assert array.tobytes() == whole[start:]
    return array.nbytes


def _read_idx(path: Path) -> np.ndarray:
    from gan_tf.data.idx import read_idx

    return read_idx(path)


def gzipped(home: Path) -> Target:
    """IDX in gzip: as it is, or packed by us."""
    path = home / "x.gz"

    def write(data: bytes) -> int:
        kind, data = data[:1], data[1:]
        if kind >= b"\xc0":
            return _put(path, b"\x1f\x8b" + data)
        data += bytes(5 << 20) if kind >= b"\xa8" else b""  # a bomb
        packed = gzip.compress(bytes((0, 0, 8, 3)) + data, 1, mtime=0)
        promised = math.prod(int.from_bytes(data[i : i + 4], "big") for i in (0, 4, 8))
        return max(_put(path, packed), min(promised, len(data)))

    def check(array: np.ndarray) -> int:
        whole = gzip.decompress(path.read_bytes())
        return _check_idx(whole, array)

    header = struct.pack(">3I", *IMAGES.shape)
    content = header + IMAGES.tobytes()
    packed = gzip.compress(bytes((0, 0, 8, 3)) + content, mtime=0)
    seeds = [b"\x01" + content, b"\xff" + packed[2:]]
    seeds += [b"\x01" + struct.pack(">3I", 2000, 28, 28) + IMAGES.tobytes()]
    seeds += [b"\xb0" + header, b"\xb0" + struct.pack(">3I", 5 << 20, 1, 1)]
    return Target(lambda: seeds, write, lambda: _read_idx(path), check)


# --- npz


def npy(header: str, content: bytes, version: bytes = b"\x01\x00") -> bytes:
    """An NPY file with any header."""
    text = header.encode("latin-1", "replace") + b"\n"
    width = "<H" if version < b"\x02" else "<I"
    length = struct.pack(width, len(text) % (1 << 8 * struct.calcsize(width)))
    return b"\x93NUMPY" + version + length + text + content


def zipped(member: bytes, name: str = "images.npy", method: int = 8) -> bytes:
    """A zip archive with one member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo(name), member, method)
    return file.getvalue()


HEADER = "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 28, 28), }"
HEADERS = [
    HEADER,
    "{'descr': '|u1', 'fortran_order': True, 'shape': (28, 2, 28), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-2, -28, 28), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 28, 28), }",
    "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 28L, 28L), }",
    "{'descr': '|O', 'fortran_order': False, 'shape': (2, 28, 28), }",
    "{'descr': [('a', '|u1', (3,))], 'fortran_order': False, 'shape': (2,), }",
    "(" * 300,
    "-" * 900 + "1",
    "'''",
    "\t\n  \n {'a'",
    "'\\d'",
]


def npz(home: Path, name: str = "images") -> Target:
    """An npz: as it is, or an NPY of any content, or of any header, packed by us."""
    path = home / "x.npz"
    from gan_tf.data.arrays import read_npz

    def write(data: bytes) -> int:
        kind, data = data[:1], data[1:]
        whole = 0
        if kind < b"\x60":
            text, _, content = data.partition(b"\n")
            version = b"\x02\x00" if kind > b"\x50" else b"\x01\x00"
            data = zipped(npy(text.decode("latin-1"), content, version), f"{name}.npy")
        elif kind < b"\x80":
            data = zipped(data, f"{name}.npy", 0)
        elif kind < b"\x88":  # a bomb
            shape = re.search(rb"'shape': \(([\d, ]+)\)", data)
            sizes = shape[1].replace(b" ", b"").strip(b",").split(b",") if shape else []
            promised = math.prod(int(size or 0) for size in sizes) if shape else 0
            whole = min(promised, len(data) + (5 << 20))
            data = zipped(data + bytes(5 << 20), f"{name}.npy")
        return max(_put(path, data), whole)

    def check(arrays: list[np.ndarray]) -> int:
        with np.load(path, allow_pickle=False) as reference:
            np.testing.assert_array_equal(arrays[0], reference[f"{name}.npy"])
        assert arrays[0].dtype.kind in "buif"
        return arrays[0].nbytes

    def seeds() -> list[bytes]:
        body = b"\n" + IMAGES.tobytes()
        found = [b"\x01" + header.encode() + body for header in HEADERS]
        found += [b"\x51" + HEADER.encode() + body]
        found += [b"\x70" + npy(HEADER, IMAGES.tobytes())]
        found += [b"\x81" + npy(header, b"") for header in HEADERS]
        found += [b"\x81\x93NUMPY\x02\x00" + struct.pack("<I", 4 << 20)]
        for method in (0, 8, 12, 14):  # stored, deflate, bzip2, lzma
            found += [b"\xa0" + zipped(npy(HEADER, IMAGES.tobytes()), method=method)]
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            for number in range(600):
                archive.writestr(f"{number}\x1b[2J", b"")
        return [*found, b"\xa0" + file.getvalue()]

    return Target(seeds, write, lambda: read_npz(path, (name,)), check)


def samples(home: Path) -> Target:
    """What `evaluate --samples` reads: ten thousand images or a sentence."""
    inner = npz(home)
    import gan_tf.evaluation.scores  # noqa: F401, the reader's, whose memory is not a file's
    from gan_tf import evaluate

    values = argparse.Namespace(all=False, samples=home / "x.npz")

    def write(data: bytes) -> int:
        inner.write(data)
        # A set with a wrong checksum at its end was unpacked before that was seen.
        return max((home / "x.npz").stat().st_size, 10000 * 28 * 28)

    def check(pair: tuple[str, np.ndarray]) -> int:
        assert pair[1].shape == (10000, 28, 28)
        assert pair[1].dtype == np.uint8
        return pair[1].nbytes

    def seeds() -> list[bytes]:
        header = HEADER.replace("(2,", "(10000,")
        whole = zipped(npy(header, bytes(7840000)))
        return [*inner.seeds(), b"\xa0" + whole]

    return Target(seeds, write, lambda: next(evaluate._samples(values)), check)


def judge(home: Path) -> Target:
    """The classifier's weights, when any file is allowed."""
    from gan_tf.evaluation import classifier

    path = home / "judge.npz"
    shipped = classifier._WEIGHTS.read_bytes()

    def write(data: bytes) -> int:
        content = bytearray(shipped)
        for start in range(0, len(data) - 4, 5):  # (place, value) pairs, from the end
            place = int.from_bytes(data[start : start + 4], "little") % len(content)
            content[-place] = data[start + 4]
        return _put(path, content)

    def check(judge: Any) -> int:
        assert all(np.isfinite(w).all() for w in judge.model.get_weights())
        return 10 * path.stat().st_size  # float32 weights, twice

    read = classifier.load_classifier.__wrapped__
    seeds = [b"", b"\x10\0\0\0\1", bytes(range(100))]
    return Target(lambda: seeds, write, lambda: read(path, ""), check)


# --- JSON


def sealed(content: Any) -> bytes:
    """JSON with a digest that fits."""
    if not isinstance(content, dict):
        return json.dumps(content).encode()
    text = json.dumps(content, sort_keys=True).encode()
    return json.dumps(content | {"sha256": hashlib.sha256(text).hexdigest()}).encode()


VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 1.5, -0.0, float("nan"),
    float("inf"), "", "x", "../../x", "/etc/passwd", "\ud800", "\x1b[2J\n", "$\\frac$",
    [], [1], [[]], {}, {"a": 1}, [2**20 - 1] * 40, "x" * 2500, [1] * 300, "sigmoid",
]  # fmt: skip


def altered(content: Any, data: bytes) -> Any:
    """`content` with some values replaced, removed or added, as `data` says."""
    content = json.loads(json.dumps(content))
    for start in range(0, min(len(data), 30) - 2, 3):
        place, what, how = data[start : start + 3]
        holder = content
        while True:
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            if not keys:
                break
            key = list(keys)[place % len(keys)]
            inner = holder[key]
            if isinstance(inner, (dict, list)) and inner and how % 8 < 5:
                holder, place = inner, place // len(keys) + how
                continue
            if how % 16 < 14:
                holder[key] = copy.deepcopy(VALUES[what % len(VALUES)])
            elif isinstance(holder, dict):
                holder[str(VALUES[what % len(VALUES)])] = holder.pop(key)
            else:
                del holder[key]
            break
    return content


def _json_content(data: bytes, honest: Any) -> bytes:
    kind, data = data[:1], data[1:]
    if kind < b"\x80":
        return sealed(altered(honest, data))
    if kind < b"\xc0":
        try:
            return sealed(json.loads(data))
        except (ValueError, RecursionError):
            pass
    return data


def plain_json(home: Path) -> Target:
    """`files.read_json`."""
    from gan_tf.files import read_json

    path = home / "x.json"
    honest = {"a": 1, "b": [1.5, "x"], "c": {"d": None}}

    def write(data: bytes) -> int:
        return _put(path, _json_content(data, honest))

    def check(content: dict) -> int:
        reference = json.loads(path.read_bytes())
        seal = reference.pop("sha256")
        text = json.dumps(content, sort_keys=True)
        assert text == json.dumps(reference, sort_keys=True)
        assert seal == hashlib.sha256(text.encode()).hexdigest()
        return path.stat().st_size

    seeds = [b"\x01", b"\x01abc", b"\x90" + b"[" * 980 + b"]" * 980]
    seeds += [b"\x90" + json.dumps(honest).encode(), b"\xff" + sealed(honest)]
    seeds += [b'\x90{"a": ' + b"[" * n + b"]" * n + b"}" for n in (300, 900, 990)]
    return Target(lambda: seeds, write, lambda: read_json(path), check)


def honest_description(**changes: Any) -> dict:
    """The content of an honest `config.json`."""
    from gan_tf.config import Config
    from gan_tf.storage.description import versions
    from gan_tf.storage.run_directory import FORMAT

    return {
        "format": FORMAT,
        "config": Config(**changes).to_dict(),
        "data": {"name": "mnist", "images": 60000, "sha256": "0" * 64},
        "versions": versions(),
    }


def config(home: Path) -> Target:
    """`description.read_run` and `description.check_run`."""
    from gan_tf.config import Config
    from gan_tf.data.image_set import ImageSet
    from gan_tf.errors import UserError
    from gan_tf.storage import description

    path, honest = home / "config.json", honest_description()
    ours = ImageSet(IMAGES, IMAGES[:, 0, 0], "mnist", "0" * 64)

    def write(data: bytes) -> int:
        return _put(path, _json_content(data, honest))

    def read() -> tuple[Config, dict]:
        with contextlib.suppress(UserError):
            description.check_run(home, Config(), ours)
        return description.read_run(home)

    def check(pair: tuple[Config, dict]) -> int:
        written = json.loads(path.read_bytes())["config"]
        read = json.loads(json.dumps(pair[0].to_dict()))
        assert read == written
        assert len(pair[0].generator_units) < 100
        assert pair[1]["data"]["name"].isprintable()
        return path.stat().st_size

    seeds = [b"\x01", b"\x01\3\4\0", b"\xff" + sealed(honest)]
    seeds += [bytes([1, 1, what, how]) for what in range(30) for how in (5, 14)]
    seeds += [bytes([1, place, 8, 3]) for place in range(100)]
    return Target(lambda: seeds, write, read, check)


# --- PNG and captions

SHEET = (40, 50)


def png_seed(
    mode: str = "L", size: tuple[int, int] = SHEET, form: str = "png"
) -> bytes:
    """A picture file."""
    from PIL import Image

    file = io.BytesIO()
    Image.new(mode, size[::-1]).save(file, form)
    return file.getvalue()


def png(home: Path) -> Target:
    """A sheet for the film."""
    from PIL import Image

    from gan_tf.images import read_png

    path = home / "x.png"

    def write(data: bytes) -> int:
        kind, data = data[:1], data[1:]
        if kind < b"\x80":  # every chunk with a checksum that fits
            whole, place = bytearray(data), 8
            while place + 12 <= len(whole):
                length = int.from_bytes(whole[place : place + 4], "big")
                end = place + 8 + length
                if end + 4 > len(whole):
                    break
                whole[end : end + 4] = struct.pack(
                    ">I", zlib.crc32(whole[place + 4 : end])
                )
                place = end + 4
            data = bytes(whole)
        return _put(path, data)

    def check(picture: np.ndarray) -> int:
        with Image.open(path, formats=["PNG"]) as image:
            np.testing.assert_array_equal(picture, np.asarray(image.convert("L")))
        assert picture.shape == SHEET
        return picture.nbytes

    seeds = [b"\x01" + png_seed(), b"\xff" + png_seed(), b"\x01" + png_seed("RGBA")]
    seeds += [b"\x01" + png_seed("P"), b"\xff" + png_seed(form="gif")]
    seeds += [b"\xff" + png_seed(form="tiff"), b"\x01" + png_seed("L", (3000, 3000))]
    seeds += [b"\xff" + png_seed("RGB", form="eps")]
    return Target(lambda: seeds, write, lambda: read_png(path, SHEET), check)


def caption(home: Path) -> Target:
    """Names of data in captions and titles."""
    from gan_tf import images
    from gan_tf.data.image_set import image_set
    from gan_tf.gan.losses import OBJECTIVES
    from gan_tf.training.pictures import loss_plot

    held = {}

    def write(data: bytes) -> int:
        held["name"] = data.decode("utf-8", "surrogateescape")
        held["plot"] = hashlib.sha256(data).digest()[0] < 8
        return len(data)

    def read() -> np.ndarray:
        labels = np.zeros(2, np.uint8)
        name = image_set(IMAGES, labels, held["name"]).name
        assert name.isprintable()
        if held["plot"]:
            loss_plot({}, name, OBJECTIVES["non_saturating"])
        return images.captioned(images.grid(IMAGES), f"{name}, step 1")

    def check(sheet: np.ndarray) -> int:
        assert sheet.dtype == np.uint8
        return sheet.nbytes + (8 << 20)  # matplotlib's canvas

    seeds = [b"mnist", b"$\\frac$", b"a\nb\x1b[2J", b"\xff\xfe", "Ж漢\u202e".encode()]
    return Target(lambda: seeds, write, read, check)


# --- tables and folders of pictures


def csv_table(home: Path) -> Target:
    """A CSV file: as it is, or with a header that fits."""
    from gan_tf.data.table import read_table

    path = home / "x.csv"
    names = ",".join(["label", *(f"pixel{number}" for number in range(64))])
    row = ",".join(["7"] * 65)

    def write(data: bytes) -> int:
        heads = (b"", f"{names}\n".encode(), f"{row}\n".encode(), b"\xef\xbb\xbf")
        return _put(path, heads[data[0] >> 6 if data else 0] + data[1:])

    def check(found: tuple[np.ndarray, np.ndarray | None]) -> int:
        pixels, labels = found
        assert pixels.ndim == 2
        assert labels is None or labels.shape == pixels.shape[:1]
        return 2 * pixels.nbytes

    rows = f"{row}\n{row}\n".encode()
    seeds = [bytes([kind]) + rows for kind in (1, 65, 129, 193)]
    seeds += [b"\x01" + rows.replace(b",", b";"), b"\x01" + b"1e999," * 64 + b"nan\n"]
    seeds += [b"\x01\0\0", b"\x01" + b"," * 5000, b'\x01"' + rows]
    return Target(lambda: seeds, write, lambda: read_table(path), check)


def pictures(home: Path) -> Target:
    """A folder of PNG or JPEG files, one of them hostile."""
    from gan_tf.data.folders import read_folder

    folder = home / "pictures"
    folder.mkdir()
    _put(folder / "0.png", png_seed(size=(28, 28)))

    def write(data: bytes) -> int:
        return _put(folder / "1.png", data)

    def check(found: tuple[np.ndarray, None]) -> int:
        images, labels = found
        assert (images.dtype, images.shape[:3]) == (np.uint8, (2, 28, 28))
        assert labels is None
        return images.nbytes

    modes = ("L", "RGB", "RGBA", "P", "1", "I;16")
    seeds = [png_seed(mode, (28, 28)) for mode in modes]
    seeds += [png_seed(size=(28, 28), form="jpeg"), png_seed("L", (3000, 3000))]
    seeds += [png_seed(size=(28, 28), form="gif"), b"", b"\xff\xd8\xff"]
    return Target(lambda: seeds, write, lambda: read_folder(folder), check)


# --- TFRecords


def record(content: bytes, length: int | None = None) -> bytes:
    """A TFRecord whose checksums fit, whatever length it claims."""
    head = struct.pack("<Q", len(content) if length is None else length % 2**64)
    return head + _crc(head) + content + _crc(content)


def _crc(content: bytes) -> bytes:
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
        return _put(path, _records(data, [b"abc", b""]))

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
            return _put(path, record(example(data[1:])))
        return _put(path, _records(data, [honest]))

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


def curves(home: Path) -> Target:
    """`curves.csv`, read for the plot and rewritten at a resume."""
    from gan_tf.storage.curves import CurveWriter, curves_path, read_curves

    path = curves_path(home)
    names = ("d_loss", "g_loss")

    def read() -> dict:
        before = read_curves(home)
        CurveWriter(home, names, 10).__exit__(None, None, None)
        return {"before": before, "after": read_curves(home)}

    def check(found: dict) -> int:
        for steps, values in [*found["before"].values(), *found["after"].values()]:
            assert len(steps) == len(values)
            assert steps == sorted(set(steps))
        for steps, _ in found["after"].values():
            assert max(steps) <= 10
        return 40 * path.stat().st_size

    def seeds() -> list[bytes]:
        return [
            b"step,d_loss,g_loss\n5,1.5,2.5\n10,1.25,\n15,1,0.5\n",
            b'step,"a\nb",d_loss\n5,1,2\n', b"step,step\n1,2\n", b"\n\n5\n",
            b"step,d_loss\n" + b"9" * 5000 + b",1\n", b"step,d_loss\n5,1e999\n",
            b"step,d_loss\n5,nan\n5,2\n\xff\xfe,3\n", b"step,d_loss\n5,1",
        ]  # fmt: skip

    return Target(seeds, lambda data: _put(path, data), read, check)


# --- Checkpoints


def table(entries: list[tuple[bytes, bytes]]) -> bytes:
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
        content += block + b"\0" + _crc(block + b"\0")
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
        _put(self.folder / "state.index", index)
        _put(self.folder / "state.data-00000-of-00001", state)
        files = {
            "state.data-00000-of-00001": hashlib.sha256(state).hexdigest(),
            "state.index": hashlib.sha256(index).hexdigest(),
        }
        if manifest is None:
            manifest = self.manifest | {"files": files}
        _put(self.folder / "manifest.json", sealed(manifest))
        return len(index) + len(state)

    def hostile(self, data: bytes) -> tuple[bytes, bytes]:
        """Index and data that are hostile in the way the first byte says."""
        kind, data = data[0] if data else 0, data[1:]
        if kind < 32:  # the index, as bytes
            return _edited(self.index, data), self.state
        if kind < 40:
            return data, self.state
        if kind < 160:  # one entry of it, or its key, with checksums that fit
            return table(self._edited_entries(data)), self.state
        if kind < 192:  # the footer alone
            return self.index[:-48] + data[:40].ljust(40, b"\0") + self.index[-8:], (
                self.state
            )
        if kind < 224:  # the object graph, with checksums that fit
            return self._with_graph(_edited(self._graph(), data))
        return self.index, _edited(self.state, data)  # a tensor: its checksum not

    def _edited_entries(self, data: bytes) -> list[tuple[bytes, bytes]]:
        entries = list(self.entries)
        which = data[0] % len(entries) if data else 0
        how = data[1] % 4 if len(data) > 1 else 0
        key, value = entries[which]
        if how == 0:
            entries[which] = (key, _edited(value, data[2:]))
        elif how == 1:
            entries[which] = (key, data[2:])
        elif how == 2:
            entries[which] = (_edited(key, data[2:]), value)
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
        stored = varint(len(graph)) + _crc(lengths)
        entry = BundleEntryProto.FromString(self.entries[number][1])
        entry.size = len(stored) + len(graph)
        entry.crc32c = struct.unpack("<I", _crc(lengths + _crc(lengths) + graph))[0]
        entries = list(self.entries)
        entries[number] = (entries[number][0], entry.SerializeToString())
        if offset == 0:
            moved = entry.size - size
            for place, (key, value) in enumerate(entries):
                if place not in (number, 0):
                    other = BundleEntryProto.FromString(value)
                    other.offset += moved
                    entries[place] = (key, other.SerializeToString())
            return table(entries), stored + graph + self.state[size:]
        return table(entries), self.state[:offset] + stored + graph

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


def _edited(content: bytes, data: bytes) -> bytes:
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


def index(home: Path) -> Target:
    """The check of a checkpoint's index that guards TensorFlow's reader."""
    from gan_tf.storage import bundle

    saved = Saved(home)

    def write(data: bytes) -> int:
        return saved.write(*saved.hostile(data))

    def check(size: int) -> int:
        assert size <= (saved.folder / "state.data-00000-of-00001").stat().st_size
        return size

    read = bundle.check_bundle
    return Target(saved.seeds, write, lambda: read(saved.folder / "state"), check)


def manifest(home: Path) -> Target:
    """Manifests with seals that fit around honest files."""
    from gan_tf.storage import checkpoints
    from gan_tf.storage.manifest import check_folder

    saved = Saved(home)

    def write(data: bytes) -> int:
        path = saved.folder / "manifest.json"
        return _put(path, _json_content(data, saved.manifest))

    def read() -> Any:
        checkpoints.scored(home)
        checkpoints.distance_of(saved.folder)
        return check_folder(saved.folder)

    def check(_: Any) -> int:
        content = json.loads((saved.folder / "manifest.json").read_bytes())
        assert content["files"] == saved.manifest["files"]
        assert content["step"] == 0
        return len(saved.index) + len(saved.state)

    seeds = [b"\x01", b"\xff" + sealed(saved.manifest)]
    seeds += [bytes([1, p, w, 7]) for p in range(4) for w in range(len(VALUES))]
    seeds += [bytes([1, 3, w, 14]) for w in range(len(VALUES))]
    return Target(lambda: seeds, write, read, check)


def whole_checkpoint(home: Path) -> Target:
    """Checkpoints with digests that fit, read as `train` and `generate` read them."""
    from gan_tf.gan.state import build_gan
    from gan_tf.storage import checkpoints

    saved = Saved(home)
    gan = build_gan(saved.config)

    def write(data: bytes) -> int:
        return saved.write(*saved.hostile(data))

    def read() -> list[np.ndarray]:
        generator = checkpoints.load_generator(home)
        checkpoints.restore(home, gan)
        return generator.get_weights()

    def check(weights: list[np.ndarray]) -> int:
        expected = [array.shape for array in saved.gan.generator.get_weights()]
        assert [array.shape for array in weights] == expected
        ours = saved.gan.average.get_weights()
        assert all(np.array_equal(a, b) for a, b in zip(weights, ours)), "weights"
        assert int(gan.step) == 0
        return 4 << 20  # two networks and what Keras keeps around them

    return Target(saved.seeds, write, read, check)


TARGETS: dict[str, Callable[[Path], Target]] = {
    "idx": idx,
    "gzip": gzipped,
    "npz": npz,
    "json": plain_json,
    "config": config,
    "manifest": manifest,
    "png": png,
    "table": csv_table,
    "pictures": pictures,
    "records": records,
    "samples": samples,
    "judge": judge,
    "caption": caption,
    "index": index,
    "checkpoint": whole_checkpoint,
    "prepared": prepared,
    "curves": curves,
}
