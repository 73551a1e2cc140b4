"""Pixels and pictures: the only owner of pixel ranges, grids, PNG and GIF.

Stored pixels are uint8, 0 (paper) to 255 (ink); inside the networks they are float32
in [0, 1].
"""

from __future__ import annotations

import functools
import io
import os
import stat
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf
from matplotlib import get_data_path
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from gan_tf.errors import UserError
from gan_tf.files import readable, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE = 28
FULL = 255  # the largest stored pixel
_GAP = 2  # pixels between two images of a grid
_CAPTION = 16  # pixels of height for the line above a grid
_MAX_BYTES = 1 << 28  # of a picture's file; the largest sample grid has 105 MB unpacked


def to_unit(pixels: tf.Tensor) -> tf.Tensor:
    """uint8 pixels 0..255, any shape, as float32 in [0, 1]."""
    return tf.cast(pixels, tf.float32) / 255.0


def unit_rows(pixels: np.ndarray) -> np.ndarray:
    """uint8 pixels `[N, ...]` as `to_unit` has them, float32 `[N, D]`."""
    return pixels.reshape(len(pixels), -1) / np.float32(FULL)


def to_pixels(unit: np.ndarray) -> np.ndarray:
    """The inverse of `to_unit`: rounds, and clips what lies outside [0, 1]."""
    return np.rint(np.clip(np.asarray(unit), 0.0, 1.0) * 255.0).astype(np.uint8)


def image_layers(values: keras.KerasTensor, pixels: bool) -> keras.KerasTensor:
    """The end of a network that returns images: clipped to [0, 1], or as `to_pixels`.

    Args:
        values: float32, any shape.
        pixels: uint8, 0 to 255, instead of float32.
    """
    if not pixels:
        return keras.layers.ReLU(max_value=1.0)(values)
    # Multiplied first: LiteRT's int8 gives a clipped value that is multiplied later
    # the range after it. Both orders have the same results in float32.
    scaled = keras.layers.ReLU(max_value=255.0)(keras.layers.Rescaling(255.0)(values))
    return keras.ops.cast(keras.ops.round(scaled), "uint8")


def grid(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Lays uint8 images `[N, H, W]` (or `[N, H, W, 3]`) out row by row, as one picture.

    Without `columns` the grid is as square as it can be.
    """
    count, height, width, *channels = images.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    size = rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP
    whole = np.zeros((*size, *channels), np.uint8)
    for index, image in enumerate(images):
        top = _GAP + index // columns * (height + _GAP)
        left = _GAP + index % columns * (width + _GAP)
        whole[top : top + height, left : left + width] = image
    return whole


def captioned(image: np.ndarray, text: str) -> np.ndarray:
    """The image in twice its size, with one line of text above it."""
    picture = enlarged(image, 2)
    height, width = picture.shape[:2]
    mode = "L" if picture.ndim == 2 else "RGB"
    canvas = Image.new(mode, (width, height + _CAPTION), 0)
    canvas.paste(Image.fromarray(picture), (0, _CAPTION))
    ImageDraw.Draw(canvas).text((4, 1), drawable(text), fill="white", font=_font())
    return np.asarray(canvas)


def drawable(text: str) -> str:
    """`text` with a question mark for each letter that Matplotlib's font lacks."""
    letters = FT2Font(_font_path()).get_charmap()
    return "".join(letter if ord(letter) in letters else "?" for letter in text)


def _font_path() -> str:
    """DejaVu Sans, which ships with Matplotlib."""
    return str(Path(get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"))


@functools.cache
def _font() -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_font_path(), 11)


def enlarged(picture: np.ndarray, scale: int) -> np.ndarray:
    """A picture with every pixel drawn as `scale` by `scale` pixels."""
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


def write_npz(
    path: str | os.PathLike,
    images: np.ndarray,
    labels: np.ndarray | None = None,
    comment: str = "",
) -> None:
    """Writes uint8 `[N, ...]` as the array `images` of an `.npz`, atomically.

    Args:
        labels: integers `[N]`, for a second array `labels`.
        comment: of the zip file that an `.npz` is.
    """
    file = io.BytesIO()
    if labels is None:
        np.savez_compressed(file, images=images)
    else:
        np.savez_compressed(file, images=images, labels=labels)
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = comment.encode()
    write_atomically(path, file.getvalue())


def write_png(path: str | os.PathLike, picture: np.ndarray, software: str = "") -> None:
    """Writes a uint8 `[H, W]` picture as PNG, whole or not at all."""
    write_atomically(path, png_bytes(picture, software))


def png_bytes(picture: np.ndarray, software: str = "") -> bytes:
    """A uint8 `[H, W]` picture in PNG's form.

    Args:
        software: what made it, noted in the file.
    """
    file, notes = io.BytesIO(), PngInfo()
    if software:
        notes.add_text("Software", software)
    Image.fromarray(picture).save(file, "png", pnginfo=notes)
    return file.getvalue()


def png_bytes_of_figure(figure: Figure) -> bytes:
    """A matplotlib figure in PNG's form."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()


def read_png(
    path: str | os.PathLike, shape: tuple[int, ...] | None = None
) -> np.ndarray:
    """The inverse of `write_png`.

    Args:
        shape: `[H, W]`, for a file that may come from anyone: another size, or
            colours, are refused before memory is taken.

    Raises:
        UserError: the file cannot be read, or is no PNG picture of that shape.
    """
    # From memory: from a file, Pillow takes memory for any length a chunk claims.
    content = io.BytesIO(picture_bytes(path))
    try:
        with Image.open(content, formats=["PNG"]) as image:  # no other decoder is tried
            mode = "RGB" if shape and len(shape) == 3 else "L"
            if shape and (image.mode, image.size) != (mode, (shape[1], shape[0])):
                raise ValueError(f"it is {image.mode} {image.size}")
            return np.asarray(image.convert(mode))
    except Exception as error:  # a dozen kinds, all of them a damaged file
        raise UserError(f"{path} is no sample grid ({error})") from error


def picture_bytes(path: str | os.PathLike) -> bytes:
    """The content of a picture of a run, which may come from anyone.

    Raises:
        UserError: it cannot be read, is a pipe or a device, or is larger than any.
    """
    with readable(path):
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            raise UserError(f"{path} is no picture of a run")
        return Path(path).read_bytes()


def write_gif(
    path: str | os.PathLike,
    frames: Iterable[np.ndarray],
    seconds: float | list[float],
    comment: str = "",
) -> None:
    """Writes uint8 `[H, W]` frames of one size as an endless animation.

    Args:
        seconds: how long a frame stands; one number, or one for each frame.
        comment: noted in the file.
    """
    first, *others = [Image.fromarray(frame) for frame in frames]
    each = seconds if isinstance(seconds, list) else [seconds] * (len(others) + 1)
    file = io.BytesIO()
    first.save(
        file,
        "gif",
        save_all=True,
        append_images=others,
        duration=[round(1000 * duration) for duration in each],
        loop=0,
        comment=comment.encode(),
    )
    write_atomically(path, file.getvalue())
