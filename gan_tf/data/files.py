"""Reads the files of a set in whichever form: its images, and its labels if any."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from gan_tf.data.arrays import npz_names, read_npy, read_npz
from gan_tf.data.folders import entries, read_folder
from gan_tf.data.forms import UNPACK, check_file, refused
from gan_tf.data.idx import read_idx
from gan_tf.data.image_set import ImageSet, image_set
from gan_tf.data.layout import as_images, as_labels
from gan_tf.data.prepared import read_prepared
from gan_tf.data.search import Found, find
from gan_tf.data.table import read_table
from gan_tf.errors import UserError
from gan_tf.files import exists

Arrays = tuple[np.ndarray, np.ndarray | None]

# Names of arrays in an npz: of one split, and of a set without splits.
_SPLIT_IMAGES = ("x_{}", "X_{}", "{}_images", "{}_x", "images_{}")
_SPLIT_LABELS = ("y_{}", "Y_{}", "{}_labels", "{}_y", "labels_{}")
_IMAGES = ("images", "image", "x", "X", "arr_0", "data", "samples")
_LABELS = ("labels", "label", "y", "Y", "arr_1", "targets", "target")


def read_set(path: Path, split: str) -> ImageSet:
    """The split "train" or "test" of the set that `path` is or holds.

    Raises:
        DamagedError: a file of it contradicts itself.
        UserError: there is no such set or split, or it is no set of images.
    """
    found = find(path)
    place = found.splits.get(split) or found.splits.get("")
    if place is None:
        raise refused(path, _no_split(split))
    images, labels = _read(found, place, split)
    pixels = as_images(images, place)
    return image_set(pixels, as_labels(labels, len(pixels), place), found.name)


def read_samples(path: str | Path) -> Arrays:
    """Generated images as uint8 `[N, H, W]` or `[N, H, W, 3]`, and their labels `[N]`.

    Args:
        path: an npz with one array, or one called `images` and perhaps `labels`; a
            `.npy` file; a folder of PNG or JPEG files of one size each, such as
            `generate` writes, in one subfolder for each class if they have labels.

    Raises:
        DamagedError: a file contradicts itself.
        UserError: it cannot be read, or holds no such images.
    """
    path = Path(path)
    if not exists(path):
        raise UserError(f"{path} does not exist")
    if path.is_dir():
        images, labels = read_folder(path)
    elif path.suffix.lower() == ".npy" and path.is_file():
        images, labels = read_npy(path), None
    else:
        check_file(path)
        images, labels = _read_npz(path, "train")
    pixels = as_images(images, path)
    return pixels, as_labels(labels, len(pixels), path)


def _no_split(split: str) -> str:
    if split == "test":
        return "it has no test images, which only an evaluation on MNIST needs"
    return "it has no training images; name the file or folder that has them"


def _read(found: Found, path: Path, split: str) -> Arrays:
    """The arrays of one split as they are in the files."""
    if found.form == "prepared":
        return read_prepared(path, split)
    if found.form == "npz":
        images, labels = _read_npz(path, "" if split in found.splits else split)
        return images, _labels_beside(path) if labels is None else labels
    if split not in found.splits and split == "test":
        raise refused(path, _no_split(split))
    if found.form == "csv":
        return read_table(path)
    if found.form == "folder":
        return read_folder(path)
    images = read_idx(path) if found.form == "idx" else read_npy(path)
    return images, _labels_beside(path)


def _read_npz(path: Path, split: str) -> Arrays:
    """Images and labels by the arrays' names.

    Args:
        split: "" for a file that has one split only.
    """
    names = npz_names(path)
    has_splits = any(
        template.format(kind) in names
        for template in _SPLIT_IMAGES
        for kind in ("train", "test")
    )
    if has_splits:
        images = [template.format(split or "train") for template in _SPLIT_IMAGES]
        labels = [template.format(split or "train") for template in _SPLIT_LABELS]
    else:
        images, labels = list(_IMAGES), list(_LABELS)
    chosen = next((name for name in images if name in names), None)
    if chosen is None and len(names) == 1:
        chosen = names[0]
    if chosen is None and has_splits:
        raise refused(path, _no_split(split))
    if not names:
        raise refused(path, f"it is a zip archive without arrays; {UNPACK}")
    if chosen is None:
        held = ", ".join(names[:8])
        raise refused(
            path,
            f"it holds {held}; call its arrays x_train, y_train, x_test, y_test, or "
            "images and labels",
        )
    if split == "test" and not has_splits:
        raise refused(path, _no_split(split))
    label = next((name for name in labels if name in names and name != chosen), None)
    if label is None:
        return read_npz(path, (chosen,))[0], None
    found, numbers = read_npz(path, (chosen, label))
    return found, numbers


def _labels_beside(path: Path) -> np.ndarray | None:
    """The labels in a file of their own beside the images'; None if there is none."""
    bare = path.name.lower().removesuffix(".gz")
    stem, ending = Path(bare).stem, Path(bare).suffix
    swapped = re.sub("^x([-_])", r"y\1", re.sub("images|imgs", "labels", bare))
    names = [
        re.sub(r"idx[34]-\w+", kind, swapped) for kind in ("idx1-ubyte", "idx2-int")
    ]
    names += [f"{stem}_labels{ending}", f"{stem}-labels{ending}"]
    try:
        around = entries(path.parent)
    except UserError:  # its folder cannot be listed: the file itself may do
        return None
    beside = {
        entry.name.lower().replace(".idx", "-idx"): Path(entry.path)
        for entry in reversed(around)
    }
    for name in (name.replace(".idx", "-idx") for name in names):
        for place in (beside.get(name), beside.get(f"{name}.gz")):
            if place and name != bare.replace(".idx", "-idx") and place.is_file():
                return _read_labels(place)
    return None


def _read_labels(path: Path) -> np.ndarray:
    name = path.name.lower()
    if name.endswith(".npz"):
        names = npz_names(path)
        if len(names) != 1:
            raise refused(path, f"it holds {len(names)} arrays, not one of labels")
        return read_npz(path, (names[0],))[0]
    if name.endswith(".npy"):
        return read_npy(path)
    labels = read_idx(path)
    if labels.ndim == 2 and "idx2-int" in name:
        return labels[:, 0]  # QMNIST: the class, then who wrote it and where
    return labels
