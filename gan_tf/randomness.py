"""Noise as a function of (seed, stream, index): no generator, no hidden state.

Whoever knows the seed and the step knows the noise, so a resumed run, a fused call and
a single step all draw the same (stateless random numbers: Salmon et al. 2011).
"""

from __future__ import annotations

import tensorflow as tf

# Streams keep the uses of one seed apart.
TRAINING = 1
SAMPLING = 2


def latent(
    seed: int, stream: int, index: tf.Tensor | int, shape: tuple[int, ...]
) -> tf.Tensor:
    """Standard normal latent vectors, float32, for the `index`-th draw of a stream.

    Under XLA the same integers become slightly other floats than without.
    """
    base = tf.constant([seed, stream], tf.int64)
    return tf.random.stateless_normal(shape, tf.random.fold_in(base, index))
