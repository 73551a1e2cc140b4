"""When something is due in a run, and the data cut at these steps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from gan_tf.config import Config
from gan_tf.data.image_set import ImageSet
from gan_tf.data.stream import stream
from gan_tf.gan.state import GAN
from gan_tf.gan.step import Chunk


def calls(
    gan: GAN, data: ImageSet, config: Config, step: int
) -> Iterator[tuple[Chunk, int, int]]:
    """Splits the chunks of the stream at the events: (chunk, first, last step)."""
    size = config.steps_per_call
    chunks = _stream(gan, data, config, step)
    for start, chunk in zip(itertools.count(step, size), chunks):
        while step < min(start + size, config.epochs):
            until = min(start + size, _next_event(config, step))
            yield chunk, step - start, until - start
            step = until
        if step == config.epochs:
            return


def due(step: int, every: int) -> bool:
    """Whether something that is due every so many steps is due at this one."""
    return step % every == 0


def _stream(gan: GAN, data: ImageSet, config: Config, step: int) -> Iterator[Chunk]:
    """Chunks of the data from `step` on; a step takes `d_steps` batches."""
    return stream(
        data.images,
        config.batch_size * config.d_steps,
        config.steps_per_call,
        config.seed,
        step,
        data.labels if gan.conditional else None,
    )


def _next_event(config: Config, step: int) -> int:
    """The first step after `step` at which something is due."""
    intervals = (config.log_every, config.sample_every, config.save_every)
    return min(config.epochs, *(step + every - step % every for every in intervals))
