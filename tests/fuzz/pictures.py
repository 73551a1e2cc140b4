"""Hostile PNG files, folders of pictures, and names in captions."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np

from tests.fuzz.target import IMAGES, Target, put

GRID = (40, 50)


def png_seed(mode: str = "L", size: tuple[int, int] = GRID, form: str = "png") -> bytes:
    """A picture file."""
    from PIL import Image

    file = io.BytesIO()
    Image.new(mode, size[::-1]).save(file, form)
    return file.getvalue()


def png(home: Path) -> Target:
    """A sample grid for the animation."""
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
        return put(path, data)

    def check(picture: np.ndarray) -> int:
        with Image.open(path, formats=["PNG"]) as image:
            np.testing.assert_array_equal(picture, np.asarray(image.convert("L")))
        assert picture.shape == GRID
        return picture.nbytes

    seeds = [b"\x01" + png_seed(), b"\xff" + png_seed(), b"\x01" + png_seed("RGBA")]
    seeds += [b"\x01" + png_seed("P"), b"\xff" + png_seed(form="gif")]
    seeds += [b"\xff" + png_seed(form="tiff"), b"\x01" + png_seed("L", (3000, 3000))]
    seeds += [b"\xff" + png_seed("RGB", form="eps")]
    return Target(lambda: seeds, write, lambda: read_png(path, GRID), check)


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

    def check(picture: np.ndarray) -> int:
        assert picture.dtype == np.uint8
        return picture.nbytes + (8 << 20)  # matplotlib's canvas

    seeds = [b"mnist", b"$\\frac$", b"a\nb\x1b[2J", b"\xff\xfe", "Ж漢\u202e".encode()]
    return Target(lambda: seeds, write, read, check)


def picture_folder(home: Path) -> Target:
    """A folder of PNG or JPEG files, one of them hostile."""
    from gan_tf.data.folders import read_folder

    folder = home / "pictures"
    folder.mkdir()
    put(folder / "0.png", png_seed(size=(28, 28)))

    def write(data: bytes) -> int:
        return put(folder / "1.png", data)

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
