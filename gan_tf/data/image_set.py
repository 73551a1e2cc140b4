"""The images of one split as a value: pixels, labels, true name, digest."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from typing import Any

import numpy as np

from gan_tf.data.layout import as_images, as_labels
from gan_tf.data.stream import pass_order
from gan_tf.errors import UserError, printable
from gan_tf.images import grid

# Digests of MNIST's training and test images and labels, in the order of the official
# files and in that of tensorflow_datasets 3.0.1: what makes the name "mnist" true.
_MNIST_DIGESTS = {
    "edc0d1098aa497be14ace79ddd5171e5a3dcf9c4d196c015389203eb3ba1f59b",
    "c3f9adf9c66efb572b1f9326c3a511b45910c7173b97be66ceceeeeaef6b802b",
    "6d82d9f18df5f5fee79d159b3563eb6adcbd1abce0c4bdf9a7010078c6e75062",
    "bf70cada31279c1e952492c5ac496fe89dae2242110d9e77827607cd9b2e825f",
}
_RESERVED = ("mnist", "strokes")  # the real ones only


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSet:
    """The images of one split.

    Attributes:
        images: uint8 `[N, H, W]` or `[N, H, W, 3]`; grey ones with ink 255 on paper 0.
        labels: integers `[N]`, or None.
        name: what it is: "mnist", "strokes", or the name of the user's folder or file.
        digest: SHA-256 of images and labels, hex.
    """

    images: np.ndarray
    labels: np.ndarray | None
    name: str
    digest: str

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one image, `(H, W)` or `(H, W, 3)`: the owner of the size."""
        return self.images.shape[1:]

    @property
    def classes(self) -> int | None:
        """How many classes the labels name (the largest + 1); None without labels."""
        return None if self.labels is None else int(self.labels.max()) + 1


def image_set(
    images: np.ndarray,
    labels: np.ndarray | None,
    name: str,
    built_in: bool = False,
) -> ImageSet:
    """The set of arrays that already have the layout of `ImageSet`.

    Args:
        name: a name for it; "mnist" and "strokes" are kept for the real ones.
        built_in: whether it really is the built-in set `name`.
    """
    sha256 = hashlib.sha256(np.ascontiguousarray(images).data)
    if labels is not None:
        sha256.update(np.ascontiguousarray(labels).data)
    if images.shape[1:] != (28, 28):  # version 0.1.0 knew no other
        sha256.update(repr(images.shape).encode())
    digest = sha256.hexdigest()
    if digest in _MNIST_DIGESTS:
        name = "mnist"
    elif name.strip().casefold() in _RESERVED and not built_in:
        name = f"{name}-like"  # called so, but other images
    return ImageSet(images, labels, printable(name, 100), digest)


def from_arrays(images: Any, labels: Any = None, name: str = "images") -> ImageSet:
    """The set of a caller's own arrays, in any layout that `layout` knows.

    Raises:
        UserError: they are no images, or labels that do not fit.
    """
    wanted = "an array of numbers [N, H, W] or [N, H, W, 3], all images of one size"
    if isinstance(images, (str, bytes, os.PathLike)):
        raise UserError(
            f"{name} must be {wanted}; give the path of a file or folder as data_dir "
            "of the configuration"
        )
    try:
        array = np.asarray(images)
        numbers = None if labels is None else np.asarray(labels)
    except Exception as error:  # whatever NumPy or the array's own library says
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{name} must be {wanted}: {why}") from error
    if array.dtype == object:
        kind = type(images).__name__
        raise UserError(f"{name} must be {wanted}, and this {kind} is none")
    pixels = as_images(array, name)
    return image_set(pixels, as_labels(numbers, len(pixels), name), name)


def turned(data: ImageSet, transpose: bool, invert: bool) -> ImageSet:
    """The set with rows and columns exchanged, or ink and paper, or as it is."""
    if not (transpose or invert):
        return data
    images, name = data.images, data.name
    if transpose:
        images, name = images.swapaxes(1, 2), f"{name}-transposed"
    if invert:
        images, name = 255 - images, f"{name}-inverted"
    return image_set(np.ascontiguousarray(images), data.labels, name)


def preview(data: ImageSet, seed: int) -> np.ndarray:
    """The first 64 images that training sees as one picture, uint8 `[H, W]` or color.

    In its order, because the first ones of a file may all be of one class.
    """
    first = pass_order(len(data.images), seed, 0)[:64].numpy()
    return grid(data.images[first], columns=8)
