"""Differentiable augmentation: what the discriminator sees of a batch of images."""

from __future__ import annotations

import tensorflow as tf

from gan_tf.images import SIDE


def shifted(images: tf.Tensor, pixels: int, bits: tf.Tensor) -> tf.Tensor:
    """Each image moved by up to `pixels` both ways; from outside paper comes in.

    Done to real and generated images alike it keeps the discriminator from learning
    the training set by heart, and the gradient passes through it to the generator
    (Zhao et al. 2020, "Differentiable augmentation", translation).

    Args:
        images: float32 `[B, 784]`, paper 0.
        pixels: the furthest move; 0 gives the images back.
        bits: uint32 `[B, 2]`, random; how far each image moves down and right.
    """
    moves = tf.cast(bits % tf.constant(2 * pixels + 1, tf.uint32), tf.int32)
    moved = tf.reshape(images, (-1, SIDE, SIDE))
    moved = tf.pad(moved, ((0, 0), (pixels, pixels), (pixels, pixels)))
    # Of all moves the right one is picked: on every device faster than a gather, whose
    # gradient would be a scatter.
    rows, columns = moves[:, 0, None, None], moves[:, 1, None, None]
    choices = range(2 * pixels + 1)
    moved = tf.add_n(
        [tf.where(rows == n, moved[:, n : n + SIDE, :], 0.0) for n in choices]
    )
    moved = tf.add_n(
        [tf.where(columns == n, moved[:, :, n : n + SIDE], 0.0) for n in choices]
    )
    return tf.reshape(moved, tf.shape(images))
