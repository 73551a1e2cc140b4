"""Pixels and pictures: the only owner of pixel ranges, grids, PNG and GIF.

Stored pixels are uint8, 0 (paper) to 255 (ink); inside the networks they are float32
in [0, 1].
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from PIL import Image, ImageDraw, ImageFont

from gan_tf.errors import UserError
from gan_tf.files import write_atomically

SIDE = 28
_GAP = 2  # pixels between two images of a sheet
_CAPTION = 16  # pixels of height for the line above a sheet


def to_unit(pixels: tf.Tensor) -> tf.Tensor:
    """uint8 pixels 0..255, any shape, as float32 in [0, 1]."""
    return tf.cast(pixels, tf.float32) / 255.0


def to_pixels(unit: np.ndarray) -> np.ndarray:
    """The inverse of `to_unit`: rounds, and clips what lies outside [0, 1]."""
    return np.rint(np.clip(np.asarray(unit), 0.0, 1.0) * 255.0).astype(np.uint8)


def grid(images: np.ndarray, columns: int | None = None) -> np.ndarray:
    """Lays uint8 images `[N, H, W]` out row by row, uint8 `[rows, columns]` pixels.

    Without `columns` the sheet is as square as it can be.
    """
    count, height, width = images.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    sheet = np.zeros(
        (rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP), np.uint8
    )
    for index, image in enumerate(images):
        top = _GAP + index // columns * (height + _GAP)
        left = _GAP + index % columns * (width + _GAP)
        sheet[top : top + height, left : left + width] = image
    return sheet


def captioned(sheet: np.ndarray, text: str, scale: int = 2) -> np.ndarray:
    """`sheet` enlarged `scale` times, with one line of text above it."""
    picture = enlarged(sheet, scale)
    height, width = picture.shape
    canvas = Image.new("L", (width, height + _CAPTION), 0)
    canvas.paste(Image.fromarray(picture), (0, _CAPTION))
    font = ImageFont.load_default(12)
    ImageDraw.Draw(canvas).text((2 * scale, 1), text, fill=255, font=font)
    return np.asarray(canvas)


def enlarged(picture: np.ndarray, scale: int) -> np.ndarray:
    """A picture with every pixel drawn as `scale` by `scale` pixels."""
    return np.kron(picture, np.ones((scale, scale), np.uint8))


def write_npz(path: str | os.PathLike, images: np.ndarray) -> None:
    """Writes uint8 `[N, 28, 28]` as the array `images` of an `.npz`, atomically."""
    file = io.BytesIO()
    np.savez_compressed(file, images=images)
    write_atomically(path, file.getvalue())


def write_png(path: str | os.PathLike, picture: np.ndarray) -> None:
    """Writes a uint8 `[H, W]` picture as PNG, whole or not at all."""
    write_atomically(path, png_bytes(picture))


def png_bytes(picture: np.ndarray) -> bytes:
    """A uint8 `[H, W]` picture in PNG's form."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "png")
    return file.getvalue()


def png_bytes_of_figure(figure: Figure) -> bytes:
    """A matplotlib figure in PNG's form."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=120)
    return file.getvalue()


def read_png(
    path: str | os.PathLike, shape: tuple[int, int] | None = None
) -> np.ndarray:
    """The inverse of `write_png`.

    Args:
        shape: `[H, W]`, for a file that may come from anyone: another size, or
            colours, are refused before memory is taken.

    Raises:
        UserError: the file cannot be read, or is no PNG picture of that shape.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:  # no other decoder is tried
            if shape and (image.mode, image.size) != ("L", shape[::-1]):
                raise ValueError(f"it is {image.mode} {image.size}")
            return np.asarray(image.convert("L"))
    except Exception as error:  # a dozen kinds, all of them a damaged file
        raise UserError(f"{path} is no sample sheet ({error}); remove it") from error


def write_gif(
    path: str | os.PathLike,
    frames: Iterable[np.ndarray],
    seconds: float | Sequence[float],
) -> None:
    """Writes uint8 `[H, W]` frames of one size as an endless film.

    Args:
        seconds: how long a frame stands; one number, or one for each frame.
    """
    first, *others = [Image.fromarray(frame) for frame in frames]
    each = [seconds] * (len(others) + 1) if np.isscalar(seconds) else seconds
    file = io.BytesIO()
    first.save(
        file,
        "gif",
        save_all=True,
        append_images=others,
        duration=[round(1000 * duration) for duration in each],
        loop=0,
    )
    write_atomically(path, file.getvalue())
