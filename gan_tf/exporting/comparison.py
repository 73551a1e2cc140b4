"""An export compared with the run's generator, in the export's own runtime."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from gan_tf.errors import UserError
from gan_tf.exporting.formats import Export, Runtime
from gan_tf.exporting.network import Feed, feed
from gan_tf.gan.sampling import outputs
from gan_tf.images import to_pixels

# How far values in [0, 1] may be off: a single one, and all of them on average. The
# largest that were measured (docs/export.md): float32 3e-6 and 4e-8, float16 3e-3 and
# 2e-5. In int8 single values at steep edges are off by any amount, 5e-3 on average;
# a wrong scale shows as 3e-2 and more.
TOLERANCES = {"": (1e-5, 1e-5), "float16": (2e-2, 1e-3), "int8": (1.0, 2e-2)}
BATCHES = (1, 7, 64)
_LEVEL = 1 / 255  # rounding to pixels may go to either side


@dataclasses.dataclass(frozen=True)
class Difference:
    """Absolute differences of values in [0, 1].

    Attributes:
        largest: of all values of all batches.
        mean: of them.
        batches: the sizes of the batches.
        allowed: the largest, and the mean, that are no error.
    """

    largest: float
    mean: float
    batches: tuple[int, ...]
    allowed: tuple[float, float]

    def __str__(self) -> str:
        most, mean = self.allowed
        return (
            f"largest difference {self.largest:.2g}, mean {self.mean:.2g} (allowed: "
            f"{most:.2g} and {mean:.2g}, of values in [0, 1])"
        )


def compare(
    export: Export, runtime: Runtime, seed: int, classes: int | None
) -> Difference:
    """Computes batches of several sizes, with every class, in both.

    Raises:
        UserError: the images differ by more than `TOLERANCES`, or in shape or type.
    """
    batches = (*BATCHES[:-1], max(BATCHES[-1], classes or 0))
    every = feed(export.generator, seed, sum(batches), classes)
    expected = reference(export.generator, every, export.shape, export.pixels)
    differences = []
    ends = np.cumsum(batches)
    for size, end in zip(batches, ends):
        rows = slice(end - size, end)
        images = runtime({name: values[rows] for name, values in every.items()})
        same = expected[rows]
        if images.shape != same.shape or images.dtype != same.dtype:
            raise UserError(
                f"the export returns {images.dtype} {list(images.shape)}, the run's "
                f"generator {same.dtype} {list(same.shape)}; nothing was written"
            )
        differences.append(np.abs(images.astype(np.float64) - same).ravel())
    values = np.concatenate(differences) / (255 if export.pixels else 1)
    most, mean = TOLERANCES[export.quantize]
    allowed = (most + _LEVEL, mean) if export.pixels else (most, mean)
    found = Difference(float(values.max()), float(values.mean()), batches, allowed)
    # Written so that a difference that is no number is an error too.
    if not (found.largest <= allowed[0] and found.mean <= allowed[1]):
        raise UserError(
            f"the export differs from the run's generator: {found}; nothing was written"
        )
    return found


def reference(
    generator: keras.Model, feed: Feed, shape: tuple[int, ...], pixels: bool
) -> np.ndarray:
    """The images of the run's generator, as the export shall return them."""
    values = outputs(generator, feed["noise"], feed.get("label")).reshape(-1, *shape)
    return to_pixels(values) if pixels else np.clip(values, 0.0, 1.0)
