"""The same GAN as other programs write it, and what all of them are given.

Each module has `build(problem, ...) -> Program`, an idiomatic program of its library.
All start from the same weights and train on the same batches, which lie in memory ready
made: the peers are spared reading and shuffling.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gan_tf.config import Config  # without TensorFlow

PIXELS = 784
EPSILON = 1e-7  # Adam's, as in Keras; the other libraries' own default is 1e-8
LAST_RATE = 0.05  # where gan_tf's cosine of the step sizes ends, as a share

Losses = tuple[float, float]  # of D and of G, in nats


class Program(NamedTuple):
    """A program that trains.

    Attributes:
        run: trains so many more steps, waits for the last one, returns its losses.
        step: one step on given images `[B, 784]` and noise `[2, B, latent_dim]`,
            float32, for the tests; or None.
    """

    run: Callable[[int], Losses]
    step: Callable[[np.ndarray, np.ndarray], Losses] | None = None


@dataclasses.dataclass(frozen=True)
class Problem:
    """A recipe and batches of images to train on.

    Attributes:
        config: the recipe; what it does not say (XLA, steps in a call) each peer does
            in its own way.
        batches: uint8 `[N, B, 784]`.
    """

    config: Config
    batches: np.ndarray

    @classmethod
    def read(cls, folder: Path) -> Problem:
        """The inverse of `write`."""
        config = Config.from_dict(json.loads((folder / "config.json").read_text()))
        return cls(config, np.load(folder / "batches.npy", allow_pickle=False))

    def write(self, folder: Path) -> None:
        """Puts the problem where the side's process will find it."""
        (folder / "config.json").write_text(json.dumps(self.config.to_dict()))
        np.save(folder / "batches.npy", self.batches, allow_pickle=False)

    @property
    def noise_shape(self) -> tuple[int, int, int]:
        """Noise of one step: new for each half."""
        return 2, self.config.batch_size, self.config.latent_dim

    @property
    def generator_sizes(self) -> tuple[int, ...]:
        """Sizes from noise to image."""
        return self.config.latent_dim, *self.config.generator_units, PIXELS

    @property
    def discriminator_sizes(self) -> tuple[int, ...]:
        """Sizes from image to logit."""
        return PIXELS, *self.config.discriminator_units, 1

    def unit_batches(self) -> np.ndarray:
        """The batches as float32 in [0, 1]."""
        return self.batches.astype(np.float32) / 255.0

    def weights(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The first weights of G and of D: kernel, bias, kernel, bias, ..."""
        random = np.random.default_rng(self.config.seed)
        return tuple(
            _glorot(random, sizes)
            for sizes in (self.generator_sizes, self.discriminator_sizes)
        )

    def keras_networks(self):
        """G and D as Keras models with the first weights."""
        from gan_tf import build_discriminator, build_generator

        config = self.config
        networks = (
            build_generator(
                config.latent_dim,
                config.generator_units,
                PIXELS,
                config.output_activation,
            ),
            build_discriminator(config.discriminator_units),
        )
        for network, weights in zip(networks, self.weights()):
            network.set_weights(weights)
        return networks


def _glorot(random: np.random.Generator, sizes: tuple[int, ...]) -> list[np.ndarray]:
    weights = []
    for inputs, outputs in itertools.pairwise(sizes):
        limit = np.sqrt(6 / (inputs + outputs))
        kernel = random.uniform(-limit, limit, (inputs, outputs))
        weights += [kernel.astype(np.float32), np.zeros(outputs, np.float32)]
    return weights
