"""Brings images and labels from the layouts in use into the one of `ImageSet`.

Images become uint8 `[N, H, W]` or `[N, H, W, 3]`, labels integers `[N]`. What cannot be
known is not guessed but explained.
"""

from __future__ import annotations

import math

import numpy as np

from gan_tf.data.forms import refused

MIN_SIDE, MAX_SIDE = 8, 128
_MAX_CLASSES = 4095
_LEVELS_OF_DIGITS = 16  # scikit-learn's 8x8 digits go from 0 to this
_SIZES = f"{MIN_SIDE} to {MAX_SIDE} pixels a side"


def as_images(array: np.ndarray, source: object) -> np.ndarray:
    """Any usual array of images as uint8 `[N, H, W]` or `[N, H, W, 3]`.

    Args:
        array: numbers `[N, H, W]`, `[N, H, W, 1 or 3]`, `[N, 1 or 3, H, W]` or flat
            `[N, H * W]` of square grey images; uint8, or with values 0 to 255, 0 to 1,
            -1 to 1, or 0 to 16 (scikit-learn's digits).
        source: what the messages call it.

    Raises:
        UserError: it is none of these; the message says what to do.
    """
    if array.ndim < 2 or array.shape[0] == 0:
        raise refused(str(source), "it holds no image")
    images = _as_grid(array, source)
    height, width = images.shape[1:3]
    if not (MIN_SIDE <= height <= MAX_SIDE and MIN_SIDE <= width <= MAX_SIDE):
        raise refused(
            str(source),
            f"its images are {height}x{width}; possible are {_SIZES}, and the number "
            "of images comes first in the shape",
        )
    return np.ascontiguousarray(_as_bytes(images, source))


def _as_grid(array: np.ndarray, source: object) -> np.ndarray:
    """The same values as `[N, H, W]` or `[N, H, W, 3]`."""
    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    elif array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    elif array.ndim == 4 and array.shape[1] == 3 and array.shape[3] != 3:
        array = np.moveaxis(array, 1, 3)
    if array.ndim == 3 and 1 in array.shape[1:]:
        array = array.reshape(len(array), -1)
    if array.ndim == 2:
        side = math.isqrt(array.shape[1])
        if side * side != array.shape[1]:
            raise refused(
                str(source),
                f"{array.shape[1]} values are no square image; reshape the array to "
                "[N, H, W] or [N, H, W, 3]",
            )
        array = array.reshape(len(array), side, side)
    if array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 3):
        return array
    raise refused(
        str(source),
        f"its shape is {list(array.shape)}; reshape it to [N, H, W] or [N, H, W, 3]",
    )


def _as_bytes(images: np.ndarray, source: object) -> np.ndarray:
    """The same images as uint8, by the range of their values."""
    if images.dtype == np.uint8 and images.max() > _LEVELS_OF_DIGITS:
        return images
    if images.dtype.kind not in "buif":
        raise refused(str(source), f"it holds {images.dtype}, not plain numbers")
    low, high = float(images.min()), float(images.max())
    if not (math.isfinite(low) and math.isfinite(high)):
        raise refused(str(source), "some of its pixels are infinite or NaN")
    if low >= 0 and high <= 1:
        scale, shift = 255.0, 0.0
    elif low >= -1 and high <= 1:
        scale, shift = 127.5, 127.5
    elif low == 0 and high == _LEVELS_OF_DIGITS and images.shape[1:] == (8, 8):
        scale, shift = 255.0 / high, 0.0
    elif low >= 0 and (128 <= high <= 255 or images.dtype == np.uint8):
        scale, shift = 1.0, 0.0
    else:
        raise refused(
            str(source),
            f"its pixels go from {low:g} to {high:g}; scale them to 0 to 255, 0 to 1 "
            "or -1 to 1",
        )
    result = np.empty(images.shape, np.uint8)
    for row, image in zip(result, images):  # not all of them as float64 at once
        row[...] = np.rint(image.astype(np.float64) * scale + shift)
    return result


def as_labels(
    labels: np.ndarray | None, count: int, source: object
) -> np.ndarray | None:
    """Labels as integers `[N]`, uint8 where they fit; None stays None.

    Args:
        labels: whole numbers `[N]` or `[N, 1]`, or one-hot rows `[N, classes]`.
        count: N.

    Raises:
        UserError: they are something else; the message says what.
    """
    if labels is None:
        return None
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 0 or len(labels) != count:
        number = labels.size if labels.ndim < 2 else len(labels)
        raise refused(str(source), f"it has {count} images but {number} labels")
    if labels.dtype.kind not in "buif":
        raise refused(str(source), f"its labels are {labels.dtype}, not numbers")
    if labels.ndim == 2:
        one_hot = ((labels == 0) | (labels == 1)).all() and (
            labels.sum(axis=1) == 1
        ).all()
        labels = labels.argmax(axis=1) if one_hot else labels
    whole = labels.ndim == 1 and bool((labels == np.floor(labels)).all())
    if not whole or not 0 <= labels.min() <= labels.max() < _MAX_CLASSES:
        raise refused(
            str(source),
            f"its labels must be whole numbers from 0 to {_MAX_CLASSES - 1}, or "
            "one-hot; leave them out if they are no classes",
        )
    return labels.astype(np.uint8 if labels.max() < 256 else np.int32)
