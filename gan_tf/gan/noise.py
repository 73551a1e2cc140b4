"""Noise as a function of (seed, stream, index): no generator, no hidden state.

Whoever knows the seed and the step knows the noise, so a resumed run, a fused call and
a single step all get the same (stateless random numbers: Salmon et al. 2011).
"""

from __future__ import annotations

import math

import tensorflow as tf

# Streams keep the uses of one seed apart.
TRAINING = 1
SAMPLING = 2
INTERPOLATION = 3


def latent(
    seed: int | tf.Tensor, stream: int, index: tf.Tensor | int, shape: tuple[int, ...]
) -> tf.Tensor:
    """Standard normal latent vectors, float32, for one index of a stream.

    Made from integers by the inverse of the normal distribution function, since
    `tf.random.stateless_normal` takes another way, to other noise, under XLA.
    """
    # Symmetric around 0 and never at an end of (-1, 1).
    centred = _steps(seed, stream, index, shape) * 2.0**-22 - (1.0 - 2.0**-23)
    return math.sqrt(2.0) * tf.math.erfinv(centred)


def uniform(
    seed: int | tf.Tensor, stream: int, index: tf.Tensor | int, shape: tuple[int, ...]
) -> tf.Tensor:
    """Uniform numbers on (0, 1), float32, for one index of a stream."""
    return (_steps(seed, stream, index, shape) + 0.5) * 2.0**-23


def _steps(
    seed: int | tf.Tensor, stream: int, index: tf.Tensor | int, shape: tuple[int, ...]
) -> tf.Tensor:
    """Random whole numbers below 2^23, as float32."""
    base = tf.stack([tf.convert_to_tensor(n, tf.int64) for n in (seed, stream)])
    # The same number in another integer type would be another seed.
    folded = tf.random.fold_in(base, tf.cast(index, tf.int64), alg="philox")
    bits = tf.random.stateless_uniform(
        shape, folded, None, None, tf.uint32, alg="philox"
    )
    return tf.cast(tf.bitwise.right_shift(bits, tf.constant(9, tf.uint32)), tf.float32)
