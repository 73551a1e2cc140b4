"""Reads folders of PNG or JPEG images: flat, or one sub-folder a class."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from gan_tf.data.forms import damaged, other_form, refused
from gan_tf.data.layout import MAX_SIDE, MIN_SIDE
from gan_tf.files import readable

_ENDINGS = (".png", ".jpg", ".jpeg")
_MAX_FILES = 2_000_000
_MAX_FILE = 1 << 22  # bytes of one file; 128x128 pixels take far fewer
_MAX_BYTES = 1 << 32  # of all images together
_GREY, _COLOUR = ("L", "1", "LA"), ("RGB", "RGBA", "P", "CMYK", "YCbCr")


def entries(folder: Path) -> list[os.DirEntry]:
    """What a folder holds, sorted, without hidden files such as a Mac's `._*`.

    Raises:
        UserError: it cannot be read, or holds more than two million files.
    """
    with readable(folder), os.scandir(folder) as found:
        listed = [
            entry
            for _, entry in zip(range(_MAX_FILES + 1), found)
            if not entry.name.startswith(".")
        ]
    if len(listed) > _MAX_FILES:
        raise refused(folder, f"it holds more than {_MAX_FILES} files")
    return sorted(listed, key=lambda entry: entry.name)


def image_files(folder: Path) -> list[Path]:
    """The PNG and JPEG files directly in `folder`."""
    return [
        Path(entry.path)
        for entry in entries(folder)
        if entry.name.lower().endswith(_ENDINGS) and entry.is_file()
    ]


def class_folders(folder: Path) -> list[Path]:
    """The sub-folders that hold images, in the order of their labels."""
    found = [
        Path(entry.path)
        for entry in entries(folder)
        if entry.is_dir() and image_files(Path(entry.path))
    ]
    if all(path.name.isdecimal() for path in found):
        found.sort(key=lambda path: int(path.name))
    return found


def read_folder(folder: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Images uint8 `[N, H, W]` or `[N, H, W, 3]`, and labels by sub-folder or None.

    Sub-folders whose names are all numbers have these as labels, others their place in
    the alphabet. Images whose three channels agree are grey.

    Raises:
        DamagedError: an image is cut short or wrong.
        UserError: the images have different or impossible sizes, or cannot be read.
    """
    files, labels = image_files(folder), None
    if not files:
        classes = class_folders(folder)
        per_class = [image_files(path) for path in classes]
        files = [file for members in per_class for file in members]
        numbers = list(range(len(classes)))
        if all(path.name.isdecimal() and len(path.name) < 5 for path in classes):
            numbers = [int(path.name) for path in classes]
        if len(classes) > 1:
            labels = np.repeat(numbers, [len(members) for members in per_class])
    if not files:
        raise refused(folder, "it holds no PNG or JPEG image")
    images = np.stack(list(_decoded(files)))
    if (images == images[..., :1]).all():
        images = np.ascontiguousarray(images[..., 0])
    return images, labels


def _decoded(files: list[Path]) -> Iterator[np.ndarray]:
    """The images as uint8 `[H, W, 3]`, all of the first one's size."""
    size = None
    for path in files:
        image = _decode(path, size)
        if size is None and image.nbytes * len(files) > _MAX_BYTES:
            raise refused(path.parent, f"{len(files)} images of this size are too many")
        size = image.shape[:2]
        yield image


def _decode(path: Path, size: tuple[int, int] | None) -> np.ndarray:
    """One image; another size is refused before it is decoded."""
    with readable(path):
        if path.stat().st_size > _MAX_FILE:
            raise refused(path, f"it has more than {_MAX_FILE} bytes")
        content = path.read_bytes()
    try:
        # From memory: from a file, Pillow takes memory for any length a chunk claims.
        with Image.open(io.BytesIO(content), formats=["PNG", "JPEG"]) as image:
            height, width = image.height, image.width
            if size and (height, width) != size:
                raise refused(
                    path,
                    f"it is {height}x{width}, those before it are {size[0]}x{size[1]}; "
                    "resize all images to one size",
                )
            if not all(MIN_SIDE <= side <= MAX_SIDE for side in (height, width)):
                raise refused(
                    path,
                    f"it is {height}x{width}; possible are {MIN_SIDE} to {MAX_SIDE} "
                    "pixels a side: resize it",
                )
            if image.mode not in _GREY + _COLOUR:
                raise refused(path, f"its pixels are {image.mode}; save it as 8 bits")
            grey = image.mode in _GREY
            return np.asarray(image.convert("L" if grey else "RGB").convert("RGB"))
    except UnidentifiedImageError:
        if content.startswith((b"\x89PNG", b"\xff\xd8\xff")):
            raise damaged(path, "its image data is cut short or wrong") from None
        raise other_form(path, content[:32], "a PNG or JPEG image") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:  # Pillow's
        raise damaged(path, f"its image data is wrong ({error})") from error
    except Image.DecompressionBombError as error:
        raise refused(path, str(error)) from error
