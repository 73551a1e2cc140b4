"""A frozen MNIST classifier whose features the metrics are computed on.

Its weights and the real data's statistics under it are shipped with the package
(`classifier.npz`, made by `benchmarks/train_classifier.py`), so that samples can be
scored without any download.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import io
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from gan_tf.environment import keras_defaults
from gan_tf.errors import UserError
from gan_tf.evaluation.metrics import Gaussian
from gan_tf.images import SIDE, to_unit

FEATURES = 64
_WEIGHTS = Path(__file__).parents[1] / "weights" / "classifier.npz"
_SHA256 = "45d582767c306c98d8c8bf69b415483872153623a4fd4e26b0634405ff7ac6ab"
_REAL = "floor_"  # begins the names of real data's scores in the file
_BATCH = 100  # 500 take 220 MB more


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """The classifier and the statistics of MNIST's 10000 test images under it.

    Attributes:
        model: images `[N, 28, 28, 1]` to features `[N, 64]` and logits `[N, 10]`.
        real: mean and covariance of the test images' features.
        real_scores: what 10000 real training images score, by metric: as good as any
            generator should be expected to be.
        digest: SHA-256 of the weights file, hex; names the classifier.
    """

    model: keras.Model
    real: Gaussian
    real_scores: dict[str, float]
    digest: str


def build_classifier(seed: int = 0, normalized: bool = True) -> keras.Model:
    """The untrained network: `[N, 28, 28, 1]` in [0, 1] to features and logits.

    Args:
        normalized: with batch normalization, as it is trained; see `_folded`.
    """
    seeds = keras.random.SeedGenerator(seed)
    layers = keras.layers
    image = keras.Input((SIDE, SIDE, 1))
    x = image
    for channels, padding, shrink in (
        (24, "same", True),
        (48, "same", False),
        (48, "same", True),
        (64, "same", False),
        (64, "valid", False),
    ):
        start = keras.initializers.HeNormal(seeds)
        x = layers.Conv2D(channels, 3, padding=padding, kernel_initializer=start)(x)
        x = layers.BatchNormalization()(x) if normalized else x
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x) if shrink else x
    x = layers.GlobalAveragePooling2D()(x)
    start = keras.initializers.HeNormal(seeds)
    features = layers.Dense(FEATURES, "relu", kernel_initializer=start)(x)
    start = keras.initializers.GlorotUniform(seeds)
    logits = layers.Dense(10, kernel_initializer=start)(features)
    return keras.Model(image, [features, logits], name="classifier")


@functools.cache
def load_classifier(path: Path = _WEIGHTS, digest: str = _SHA256) -> Classifier:
    """Loads the shipped classifier (or another made by the same script).

    Args:
        digest: the SHA-256 that the file must have; empty for any.

    Raises:
        UserError: the file is missing or is not the one this version was made with.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(
            f"cannot read the classifier {path}: {error.strerror}"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if digest and found != digest:
        raise UserError(f"the classifier {path} is damaged; install gan_tf again")
    try:
        return _read(content, found)
    except Exception as error:  # only with `digest` empty; NumPy's, zip's, Keras's
        raise UserError(f"{path} is no classifier's file ({error})") from error


def _read(content: bytes, digest: str) -> Classifier:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        with keras_defaults():
            model = build_classifier()
        names = [f"weight_{number:02d}" for number in range(len(model.weights))]
        model.set_weights([arrays[name].astype(np.float32) for name in names])
        model = _folded(model)
        real = Gaussian(arrays["real_mean"], arrays["real_covariance"])
        real_scores = {
            name.removeprefix(_REAL): float(arrays[name])
            for name in arrays.files
            if name.startswith(_REAL)
        }
    return Classifier(model, real, real_scores, digest)


def _folded(model: keras.Model) -> keras.Model:
    """The same function without batch normalizations, a fifth faster.

    Each is part of the convolution before it: only scale and shift differ.
    """
    with keras_defaults():
        folded = build_classifier(normalized=False)
    weights: list[np.ndarray] = []
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            scale, shift, mean, variance = layer.get_weights()
            scale = scale / np.sqrt(variance + layer.epsilon)
            kernel, bias = weights[-2:]
            weights[-2:] = kernel * scale, (bias - mean) * scale + shift
        else:
            weights += layer.get_weights()
    folded.set_weights(weights)
    return folded


def classify(
    classifier: Classifier, images: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Features, float64 `[N, 64]`, and labels, int `[N]`, of uint8 `[N, 28, 28]`."""
    features, labels = [], []
    for start in range(0, len(images), _BATCH):
        batch = to_unit(images[start : start + _BATCH])[..., None]
        some_features, logits = _compiled(classifier.model, batch)
        features.append(some_features.numpy().astype(np.float64))
        labels.append(logits.numpy().argmax(axis=1))
    return np.concatenate(features), np.concatenate(labels)


@tf.function(reduce_retracing=True)  # twice as fast as layer by layer
def _compiled(model: keras.Model, batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return model(batch, training=False)
