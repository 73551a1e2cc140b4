"""The classification accuracy score: what a classifier learns from the samples."""

from __future__ import annotations

import keras
import numpy as np

from gan_tf.environment import keras_defaults

COUNT = 60000  # samples to learn from, as many as MNIST's training images
_EPOCHS, _BATCH, _RATE, _SEED = 4, 128, 3e-3, 0


def classification_accuracy_score(
    images: np.ndarray,
    labels: np.ndarray,
    test_images: np.ndarray,
    test_labels: np.ndarray,
) -> float:
    """The accuracy on real test images of a classifier trained on samples only (CAS).

    Ravuri and Vinyals 2019: samples of which some are missing or mislabelled teach
    less than real images do. The classifier is small and always the same: two
    convolutions, four passes of Adam. Deterministic on one machine.

    Args:
        images: samples, uint8 `[N, H, W]`; `COUNT` by custom.
        labels: what they were generated for, integers 0 to 9, `[N]`.
        test_images: real images, uint8 `[M, H, W]`.
        test_labels: what they show, integers `[M]`.
    """
    random = np.random.default_rng(_SEED)
    with keras_defaults():
        model = _untrained(images.shape[1:], len(images) * _EPOCHS // _BATCH)
        for _ in range(_EPOCHS):
            order = random.permutation(len(images))
            model.fit(
                images[order],
                labels[order].astype(np.int32),
                batch_size=_BATCH,
                shuffle=False,
                verbose=0,
            )
        logits = model.predict(test_images, batch_size=1000, verbose=0)
    return float(np.mean(logits.argmax(axis=1) == test_labels))


def _untrained(shape: tuple[int, ...], steps: int) -> keras.Model:
    """The compiled network: uint8 images to 10 logits; its rate falls to 0."""
    layers, seeds = keras.layers, keras.random.SeedGenerator(_SEED)

    def start() -> keras.initializers.Initializer:
        return keras.initializers.HeNormal(seeds)

    image = keras.Input(shape, dtype="uint8")
    x = layers.Rescaling(1 / 255)(layers.Reshape((*shape, 1))(image))
    for channels, size, stride in ((32, 4, 4), (64, 3, 2)):
        x = layers.Conv2D(
            channels, size, stride, activation="relu", kernel_initializer=start()
        )(x)
    logits = layers.Dense(10, kernel_initializer=start())(layers.Flatten()(x))
    model = keras.Model(image, logits)
    model.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(_RATE, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    return model
