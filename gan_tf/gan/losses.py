"""The losses of a GAN, as pure functions of the discriminator's logits.

Notation: D(x) = sigmoid(logit) is the probability that the discriminator gives to x
being real. All means run over the batch; all results are float32 scalars in nats. They
stay finite for any finite logit, since log sigmoid is never computed through sigmoid.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf


def discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """-E[log D(x)] - E[log(1 - D(G(z)))], which the discriminator minimises.

    The negative of Goodfellow et al. 2014, eq. 1. At equilibrium D = 1/2 and the loss
    is log 4 = 1.386.

    Args:
        real_logits: `[B, 1]`, logits of real images.
        fake_logits: `[B, 1]`, logits of generated images.
    """
    return _cross_entropy(real_logits, 1.0) + _cross_entropy(fake_logits, 0.0)


def generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """-E[log D(G(z))], the non-saturating loss that the generator minimises.

    Goodfellow et al. 2014, section 3: the same fixed point as the minimax loss, with a
    strong gradient -(1 - D) while the discriminator is winning. log 2 at equilibrium.
    """
    return _cross_entropy(fake_logits, 1.0)


def saturating_generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """E[log(1 - D(G(z)))], the generator's side of eq. 1 as it stands (minimax).

    For teaching: its gradient with respect to the logit is -D, so it vanishes just when
    the discriminator tells every sample and the generator has most to learn.
    """
    return -_cross_entropy(fake_logits, 0.0)


def r1_penalty(
    discriminator: Callable[[tf.Tensor], tf.Tensor], real: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """E[|grad_x D_logit(x)|^2] on real images: R1, Mescheder et al. 2018, eq. 9.

    The caller scales it by gamma / 2. It punishes a discriminator that is steep around
    the data, which makes training converge where the plain GAN circles.

    Args:
        discriminator: maps `[B, ...]` to logits `[B, 1]`.
        real: `[B, ...]`, float.

    Returns:
        The penalty, and the logits `[B, 1]` that were needed for it.
    """
    with tf.GradientTape() as tape:
        tape.watch(real)
        logits = discriminator(real)
    # Each logit depends on its own image alone, so the gradient of their sum holds
    # every image's gradient.
    gradient = tape.gradient(logits, real)
    axes = list(range(1, len(gradient.shape)))
    penalty = tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=axes))
    return penalty, logits


def _cross_entropy(logits: tf.Tensor, label: float) -> tf.Tensor:
    return tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(
            labels=tf.fill(tf.shape(logits), label), logits=logits
        )
    )
