"""The endless `tf.data` stream of training batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf


def pass_order(count: int, seed: int, number: int | tf.Tensor) -> tf.Tensor:
    """The order of `count` images in a pass, int32 `[count]`.

    Args:
        number: of the pass, from 0; int64.
    """
    pass_seed = tf.stack([tf.constant(seed, tf.int64), number])
    return tf.random.experimental.stateless_shuffle(tf.range(count), pass_seed)


def stream(
    images: np.ndarray,
    batch_size: int,
    steps_per_chunk: int,
    seed: int,
    start: int = 0,
    labels: np.ndarray | None = None,
) -> Iterator[tuple[tf.Tensor, tf.Tensor | None]]:
    """Endless chunks of training batches, and their labels where these are given.

    Images are uint8 `[steps_per_chunk, batch_size, pixels]`, labels int32
    `[steps_per_chunk, batch_size]` or None.

    Batch `t` holds positions `[t * batch_size, (t + 1) * batch_size)` of an endless
    sequence: passes over the images, each in a new order, joined end to end, as the
    tutorial's `next_batch` did. The order is a function of seed and pass alone, so a
    stream started at step `start` goes on exactly as one that came from step 0.

    The images lie on the device, all of them: a chunk costs it their indices and a
    look-up.

    Args:
        images: uint8 `[N, ...]`.
        labels: integers `[N]`.
        start: the step of the first batch of the first chunk.
    """
    count = len(images)
    pixels = tf.constant(images.reshape(count, -1))
    first_pass, skipped = divmod(start * batch_size, count)

    def order(number: tf.Tensor) -> tf.Tensor:
        indices = pass_order(count, seed, number)
        begin = skipped if number == first_pass else 0
        return tf.gather(indices, tf.range(begin, count))  # a slice makes TF complain

    chunks = (
        tf.data.Dataset.range(first_pass, np.iinfo(np.int64).max)
        .map(order)
        .rebatch(steps_per_chunk * batch_size, drop_remainder=True)
        .prefetch(2)
    )
    classes = None if labels is None else tf.constant(labels, tf.int32)
    for indices in chunks:
        rows = tf.reshape(indices, (steps_per_chunk, batch_size))
        chosen = None if classes is None else tf.gather(classes, rows)
        yield tf.gather(pixels, rows), chosen
