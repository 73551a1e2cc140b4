"""Trained generators that ship with the package: digits without training.

A file holds the weights as float16 and the run's `config.json`, as an npz without
pickle. Its SHA-256 is part of the program.
"""

from __future__ import annotations

import hashlib
import io
import json
import math

import keras
import numpy as np

from gan_tf.config import Config
from gan_tf.environment import keras_defaults
from gan_tf.errors import UserError
from gan_tf.gan.state import new_generator
from gan_tf.storage.checkpoints import Trained
from gan_tf.storage.description import class_count, image_shape
from gan_tf.weights import FOLDER, PRETRAINED


def load_pretrained(name: str = "mnist") -> keras.Model:
    """A generator that ships with the package; sample from it with `gan_tf.sample`.

    Args:
        name: "mnist", the default recipe after 30000 steps; or "mnist_conditional",
            the same with labels.

    Returns:
        A Keras model: noise float32 `[N, 100]` (and labels int32 `[N]` for the
        conditional one) to pixels in [0, 1], float32 `[N, 784]`.

    Raises:
        UserError: no such name, or its file is missing or damaged.
    """
    return pretrained(name).generator


def pretrained(name: str) -> Trained:
    """The generator with all that is known of its run; see `load_pretrained`."""
    if name not in PRETRAINED:
        raise UserError(
            f"no pretrained generator {name!r}; there are {', '.join(PRETRAINED)}"
        )
    path = FOLDER / f"{name}.npz"
    try:
        file = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error
    if hashlib.sha256(file).hexdigest() != PRETRAINED[name]:
        raise UserError(f"{path} is damaged; install gan_tf again")
    with np.load(io.BytesIO(file), allow_pickle=False) as arrays:
        content = json.loads(str(arrays["description"]))
        weights = [arrays[key] for key in weight_names(len(arrays.files) - 1)]
    config = Config.from_dict(content["config"])
    with keras_defaults():
        generator = new_generator(
            config, math.prod(image_shape(content)), class_count(content)
        )
    generator.set_weights([array.astype(np.float32) for array in weights])
    return Trained(f"--pretrained {name}", config, content, config.epochs, generator)


def weight_names(count: int) -> list[str]:
    """The names of so many arrays of weights, in the order of `get_weights`."""
    return [f"weight_{number:02d}" for number in range(count)]


def to_bytes(generator: keras.Model, content: dict) -> bytes:
    """The content of a file of this form; the reverse of `pretrained`."""
    weights = [array.astype(np.float16) for array in generator.get_weights()]
    arrays = dict(zip(weight_names(len(weights)), weights))
    file = io.BytesIO()
    np.savez_compressed(file, description=np.array(json.dumps(content)), **arrays)
    return file.getvalue()
