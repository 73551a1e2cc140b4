"""The objectives of a GAN and its gradient penalties, as pure functions.

D's output is a logit. Where an objective gives it the meaning of a probability, that
is D(x) = sigmoid(logit). All means run over the batch; all results are float32 scalars.
The losses stay finite for any finite logit, since log sigmoid is never computed through
sigmoid.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


def discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """-E[log D(x)] - E[log(1 - D(G(z)))], which the discriminator minimizes.

    The negative of Goodfellow et al. 2014, eq. 1, in nats. At equilibrium D = 1/2 and
    the loss is log 4 = 1.386.

    Args:
        real_logits: `[B, 1]`, logits of real images.
        fake_logits: `[B, 1]`, logits of generated images.
    """
    return _cross_entropy(real_logits, 1.0) + _cross_entropy(fake_logits, 0.0)


def generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """-E[log D(G(z))], the non-saturating loss that the generator minimizes, in nats.

    Goodfellow et al. 2014, section 3: the same fixed point as the minimax loss, with a
    strong gradient -(1 - D) while the discriminator is winning. log 2 at equilibrium.
    """
    return _cross_entropy(fake_logits, 1.0)


def saturating_generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """E[log(1 - D(G(z)))], the generator's side of eq. 1 as it stands (minimax).

    Its gradient with respect to the logit is -D: it vanishes just when D recognizes
    every sample and the generator has most to learn. -log 2 at equilibrium.
    """
    return -_cross_entropy(fake_logits, 0.0)


def hinge_discriminator_loss(
    real_logits: tf.Tensor, fake_logits: tf.Tensor
) -> tf.Tensor:
    """E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))]: Lim and Ye 2017; Miyato 2018."""
    return tf.reduce_mean(tf.nn.relu(1.0 - real_logits)) + tf.reduce_mean(
        tf.nn.relu(1.0 + fake_logits)
    )


def least_squares_discriminator_loss(
    real_logits: tf.Tensor, fake_logits: tf.Tensor
) -> tf.Tensor:
    """(E[(D(x) - 1)^2] + E[D(G(z))^2]) / 2: Mao et al. 2017, eq. 2 with a=0, b=1."""
    real_part = tf.reduce_mean(tf.square(real_logits - 1.0))
    return (real_part + tf.reduce_mean(tf.square(fake_logits))) / 2.0


def least_squares_generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """E[(D(G(z)) - 1)^2] / 2: Mao et al. 2017, eq. 2 with c=1."""
    return tf.reduce_mean(tf.square(fake_logits - 1.0)) / 2.0


def wasserstein_discriminator_loss(
    real_logits: tf.Tensor, fake_logits: tf.Tensor
) -> tf.Tensor:
    """E[D(G(z))] - E[D(x)]: Arjovsky et al. 2017, the negative of eq. 2.

    It needs a Lipschitz discriminator: a gradient penalty.
    """
    return tf.reduce_mean(fake_logits) - tf.reduce_mean(real_logits)


def mean_score_generator_loss(fake_logits: tf.Tensor) -> tf.Tensor:
    """-E[D(G(z))], the generator's loss of the hinge and Wasserstein objectives."""
    return -tf.reduce_mean(fake_logits)


class Objective(NamedTuple):
    """One objective: two losses and how to read D's output.

    Attributes:
        discriminator_loss: of real and fake logits `[B, 1]`.
        generator_loss: of fake logits `[B, 1]`.
        d_equilibrium: discriminator loss when both distributions are equal.
        g_equilibrium: generator loss there; None where it has no fixed value.
        probability: whether sigmoid(logit) is the probability of being real.
        threshold: output above which D calls an image real; None where the output
            has no zero point.
    """

    discriminator_loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    generator_loss: Callable[[tf.Tensor], tf.Tensor]
    d_equilibrium: float
    g_equilibrium: float | None
    probability: bool
    threshold: float | None


OBJECTIVES = {
    "non_saturating": Objective(
        discriminator_loss, generator_loss, math.log(4), math.log(2), True, 0.0
    ),
    "minimax": Objective(
        discriminator_loss,
        saturating_generator_loss,
        math.log(4),
        -math.log(2),
        True,
        0.0,
    ),
    "hinge": Objective(
        hinge_discriminator_loss, mean_score_generator_loss, 2.0, 0.0, False, 0.0
    ),
    "least_squares": Objective(
        least_squares_discriminator_loss,
        least_squares_generator_loss,
        1 / 4,
        1 / 8,
        False,
        0.5,
    ),
    "wasserstein": Objective(
        wasserstein_discriminator_loss,
        mean_score_generator_loss,
        0.0,
        None,
        False,
        None,
    ),
}


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
    squares, logits = _squared_gradient_norms(discriminator, real)
    return tf.reduce_mean(squares), logits


def gradient_penalty(
    discriminator: Callable[[tf.Tensor], tf.Tensor],
    real: tf.Tensor,
    fake: tf.Tensor,
    weights: tf.Tensor,
) -> tf.Tensor:
    """E[(|grad_u D_logit(u)| - 1)^2] at u = e x + (1 - e) G(z): Gulrajani et al. 2017.

    Equation 3 and algorithm 1; the caller scales it by lambda.

    Args:
        discriminator: maps `[B, ...]` to logits `[B, 1]`.
        real: `[B, ...]`, float.
        fake: as `real`.
        weights: e, `[B]`, uniform on [0, 1], one for each pair of images.
    """
    e = tf.reshape(weights, [-1] + [1] * (len(real.shape) - 1))
    squares, _ = _squared_gradient_norms(discriminator, e * real + (1.0 - e) * fake)
    # The root of 0 has no gradient: a dead network would make the weights NaN.
    norms = tf.sqrt(tf.maximum(squares, 1e-12))
    return tf.reduce_mean(tf.square(norms - 1.0))


def _squared_gradient_norms(
    discriminator: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """|grad D_logit|^2 of each image, `[B]`, and the logits `[B, 1]`."""
    with tf.GradientTape() as tape:
        tape.watch(images)
        logits = discriminator(images)
    # Each logit depends on its own image alone, so the gradient of their sum holds
    # every image's gradient.
    gradient = tape.gradient(logits, images)
    axes = list(range(1, len(gradient.shape)))
    return tf.reduce_sum(tf.square(gradient), axis=axes), logits


def _cross_entropy(logits: tf.Tensor, label: float) -> tf.Tensor:
    return tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(
            labels=tf.fill(tf.shape(logits), label), logits=logits
        )
    )
