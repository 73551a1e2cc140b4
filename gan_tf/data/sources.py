"""Which source the images come from: the user's files, a prepared set, a download."""

from __future__ import annotations

import os
import re
import threading
import urllib.error
import urllib.request
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from gan_tf.config import Config
from gan_tf.data.files import read_set
from gan_tf.data.image_set import ImageSet, from_arrays, image_set, turned
from gan_tf.data.strokes import draw_digits
from gan_tf.errors import UserError
from gan_tf.files import usable_path

# The host tensorflow_datasets fetches MNIST from, and what it asks for other sets.
_MNIST_HOST = "https://storage.googleapis.com/cvdf-datasets/mnist/"
_OTHER_HOST = "https://storage.googleapis.com/tfds-data/"
_PROBE_SECONDS = 4.0
_STROKES = {"train": (30000, 0), "test": (10000, 1)}  # count, seed


def load(
    dataset: str,
    data_dir: str = "",
    split: str = "train",
    transpose: bool = False,
    invert: bool = False,
) -> ImageSet:
    """Loads one split, "train" or "test", of the data that the flags name.

    Args:
        dataset: "mnist", "strokes", "auto" (MNIST if it can be had, else strokes with
            a warning), or another set of images that tensorflow_datasets knows.
        data_dir: a file or folder with images in one of the forms of docs/data.md.
            Empty: the user's own tensorflow_datasets folder, then the download.
        transpose: exchange rows and columns (EMNIST's files need it).
        invert: exchange ink and paper, for black ink on white paper.

    Raises:
        UserError: there is no such data, or it is damaged.
    """
    return turned(_load(dataset, data_dir, split), transpose, invert)


def load_for(config: Config, images: Any = None) -> ImageSet:
    """The training images that a configuration names; raises as `load`.

    Raises also if a conditional run is asked for and they have no labels.

    Args:
        images: the caller's own array, or a tuple of images and labels, instead.
    """
    if images is None:
        data = load(config.dataset, config.data_dir)
    elif config.data_dir or config.dataset != "auto":
        raise UserError(
            "images= and --data_dir or --dataset name two sets of images: leave one out"
        )
    else:
        pair = images if isinstance(images, tuple) else (images, None)
        if len(pair) != 2:
            raise UserError("images= takes an array, or a tuple of images and labels")
        data = from_arrays(*pair)
    data = turned(data, config.transpose, config.invert)
    if config.conditional:
        if data.labels is None:
            raise UserError(
                f"--conditional true needs labels, and {data.name} has none: leave it "
                "out"
            )
        _warn_of_gaps(data.name, data.labels)
    return data


def _warn_of_gaps(name: str, labels: np.ndarray) -> None:
    """Warns of numbers below the largest label that no image has."""
    empty = np.setdiff1d(np.arange(labels.max()), labels)
    if len(empty):
        few = ", ".join(map(str, empty[:5])) + (", ..." if len(empty) > 5 else "")
        warnings.warn(
            f"{name} has no image with the label {few}: samples with such a label "
            "are of a class that the run never sees; number the classes from 0 on",
            stacklevel=3,
        )


def _load(dataset: str, data_dir: str, split: str) -> ImageSet:
    if dataset.casefold() in ("auto", "mnist", "strokes"):
        dataset = dataset.casefold()
    if dataset == "strokes":
        if data_dir:
            raise UserError(
                "--data_dir has no use with --dataset strokes: leave one out"
            )
        return image_set(*draw_digits(*_STROKES[split]), "strokes", built_in=True)
    if data_dir:
        found = read_set(usable_path(data_dir), split)
        if dataset == "mnist" and found.name != "mnist":
            raise UserError(
                f"--data_dir {data_dir} holds other images than MNIST's; leave out "
                "--dataset mnist to use them"
            )
        return found
    name = "mnist" if dataset == "auto" else dataset
    tried = []
    for source in (_load_prepared, _load_download):
        try:
            return source(name, split)
        except _UnavailableError as reason:
            tried.append(str(reason))
    if dataset == "auto":
        warnings.warn(
            f"NO MNIST: {'; '.join(tried)}. Using the built-in drawn digits instead "
            "(--dataset strokes). For MNIST give --data_dir.",
            stacklevel=2,
        )
        return _load("strokes", "", split)
    shown = "MNIST" if name == "mnist" else f"--dataset {name}"
    raise UserError(
        f"{shown} cannot be had: {'; '.join(tried)}. Give a folder with its files as "
        "--data_dir, or use the built-in --dataset strokes."
    )


class _UnavailableError(Exception):
    """A source that is not there or that nobody can use here."""


def _load_prepared(name: str, split: str) -> ImageSet:
    """The user's own tensorflow_datasets folder, if the set was prepared there.

    The user never named it: what is wrong there is a warning, and no more.
    """
    home = os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets"
    try:
        folder = usable_path(home) / name
        if not folder.is_dir() or not any(folder.glob("**/dataset_info.json")):
            raise _UnavailableError(f"none is prepared in {home}")
        found = read_set(folder, split)
    except (UserError, OSError) as error:
        warnings.warn(f"{home} is left out: {error}", stacklevel=2)
        raise _UnavailableError(f"{home} cannot be used") from error
    if name == "mnist" and found.name != "mnist":
        raise _UnavailableError(f"{home} holds other images under that name")
    return found


def _load_download(name: str, split: str) -> ImageSet:
    """Downloads a set by tensorflow_datasets, once the host has answered."""
    if not re.fullmatch(r"\w+(/\w+)?", name):
        raise _UnavailableError("tensorflow_datasets has no set of such a name")
    if not _reachable(_MNIST_HOST if name == "mnist" else _OTHER_HOST):
        raise _UnavailableError("its download host does not answer")
    import tensorflow_datasets as tfds

    try:
        builder = tfds.builder(name, file_format="tfrecord")
        builder.download_and_prepare()
    except Exception as error:  # whatever network, disk or server can do
        why = str(error).strip().split("\n")[0]
        raise _UnavailableError(f"its download failed ({why})") from error
    return read_set(Path(builder.data_dir), split)


def _reachable(url: str) -> bool:
    """Whether the host answers at all, known within `_PROBE_SECONDS`.

    In a thread of its own, because looking up a name has no time limit.
    """
    answered = threading.Event()

    def probe() -> None:
        try:
            urllib.request.urlopen(url, timeout=_PROBE_SECONDS).close()
            answered.set()
        except urllib.error.HTTPError:  # an answer all the same
            answered.set()
        except Exception:  # no answer: no network, a proxy that is none, ...
            pass

    thread = threading.Thread(target=probe, daemon=True)
    thread.start()
    thread.join(_PROBE_SECONDS)
    return answered.is_set()
