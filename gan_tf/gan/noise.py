"""Noise as a function of (seed, stream, index): no generator, no hidden state.

Whoever knows the seed and the step knows the noise, so a resumed run, a fused call and
a single step all draw the same (stateless random numbers: Salmon et al. 2011).
"""

from __future__ import annotations

import math

import tensorflow as tf

# Streams keep the uses of one seed apart.
TRAINING = 1
SAMPLING = 2


def latent(
    seed: int, stream: int, index: tf.Tensor | int, shape: tuple[int, ...]
) -> tf.Tensor:
    """Standard normal latent vectors, float32, for the `index`-th draw of a stream.

    Made from integers by the inverse of the normal distribution function, since
    `tf.random.stateless_normal` takes another way, to other noise, under XLA.
    """
    base = tf.constant([seed, stream], tf.int64)
    # The same number in another integer type would be another seed.
    folded = tf.random.fold_in(base, tf.cast(index, tf.int64), alg="philox")
    bits = tf.random.stateless_uniform(
        shape, folded, None, None, tf.uint32, alg="philox"
    )
    # 23 bits as the middles of equal steps through (-1, 1): symmetric, never at an end.
    steps = tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.float32)
    return math.sqrt(2.0) * tf.math.erfinv(steps * 2.0**-22 - (1.0 - 2.0**-23))
