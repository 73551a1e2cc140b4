"""The losses against NumPy formulas, closed forms and the theory of the GAN paper."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.gan import losses
from gan_tf.gan.models import build_discriminator, build_generator

REAL = np.array([[-5.0], [1.4], [12.5], [2.7]], np.float32)
FAKE = np.array([[10.0], [4.4], [-5.5], [3.6]], np.float32)


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.float64(logits)))


def test_losses_are_the_formulas():
    d_loss = -np.mean(np.log(sigmoid(REAL))) - np.mean(np.log(1 - sigmoid(FAKE)))
    assert float(losses.discriminator_loss(REAL, FAKE)) == pytest.approx(
        d_loss, rel=1e-5
    )
    g_loss = -np.mean(np.log(sigmoid(FAKE)))
    assert float(losses.generator_loss(FAKE)) == pytest.approx(g_loss, rel=1e-6)


def test_losses_are_finite_for_large_logits():
    large = tf.constant([[1e4], [-1e4]])
    for loss in (
        losses.discriminator_loss(large, large),
        losses.generator_loss(large),
        losses.saturating_generator_loss(large),
    ):
        assert np.isfinite(float(loss))


@pytest.mark.parametrize(
    ("loss", "gradient"),
    [
        (losses.generator_loss, lambda d: -(1 - d)),
        (losses.saturating_generator_loss, lambda d: -d),
    ],
)
def test_logit_gradients(loss, gradient):
    logits = tf.constant(FAKE)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        value = loss(logits)
    expected = gradient(sigmoid(FAKE)) / len(FAKE)
    np.testing.assert_allclose(tape.gradient(value, logits), expected, rtol=1e-4)


def test_optimal_discriminator_reaches_the_value_of_theorem_1():
    # p = N(0,1), q = N(1,1): D* has the logit 1/2 - x; the value is -log 4 + 2 JSD.
    x = np.linspace(-12, 13, 200001)
    p, q = (np.exp(-0.5 * (x - m) ** 2) / math.sqrt(2 * math.pi) for m in (0, 1))
    step = x[1] - x[0]
    jsd = 0.1114214822
    value = np.sum(p * np.log(sigmoid(0.5 - x)) + q * np.log(sigmoid(x - 0.5))) * step
    assert value == pytest.approx(-math.log(4) + 2 * jsd, abs=1e-6)
    samples = np.random.default_rng(0).normal(size=(200000, 1)).astype(np.float32)
    d_loss = float(losses.discriminator_loss(0.5 - samples, -0.5 - samples))
    assert d_loss == pytest.approx(-value, abs=0.01)


def test_r1_of_a_linear_discriminator_is_its_squared_norm():
    weights = tf.constant([[3.0], [-4.0]])
    real = tf.random.stateless_normal([5, 2], [0, 0])
    penalty, logits = losses.r1_penalty(lambda x: x @ weights, real)
    assert float(penalty) == pytest.approx(25.0)
    np.testing.assert_array_equal(logits, real @ weights)


def test_r1_is_a_mean_over_images_of_any_shape():
    def quadratic(x):
        return tf.reduce_sum(x**2, axis=[1, 2])[:, None] / 2  # its gradient is x

    real = tf.random.stateless_normal([6, 3, 4], [1, 2])
    expected = np.mean(np.sum(real.numpy() ** 2, axis=(1, 2)))
    penalty, _ = losses.r1_penalty(quadratic, real)
    assert float(penalty) == pytest.approx(expected, rel=1e-5)


def gradients_of(loss_of_logits):
    """Gradients of the tutorial's losses with respect to both networks' weights."""
    generator, discriminator = build_generator(4, (5,)), build_discriminator((5,))
    noise = tf.random.stateless_normal([3, 4], [0, 1])
    with tf.GradientTape(persistent=True) as tape:
        loss = loss_of_logits(discriminator(generator(noise)))
    return [
        tape.gradient(loss, network.trainable_variables)
        for network in (generator, discriminator)
    ]


def tutorials_loss(label):
    """BCE(ones_like(logits), label): 1 stands where the logit should."""

    def loss(logits):
        return tf.reduce_mean(
            tf.nn.sigmoid_cross_entropy_with_logits(
                labels=tf.fill(logits.shape, label), logits=tf.ones_like(logits)
            )
        )

    return loss


def test_the_tutorials_generator_loss_trains_nothing():
    gradients = gradients_of(tutorials_loss(1.0))
    assert all(g is None for network in gradients for g in network)
    of_generator, _ = gradients_of(losses.generator_loss)
    assert max(float(tf.reduce_max(abs(g))) for g in of_generator) > 0


def test_the_fake_half_of_the_tutorials_discriminator_loss_trains_nothing():
    """It is log(1 + e) whatever the discriminator says."""
    gradients = gradients_of(tutorials_loss(0.0))
    assert all(g is None for network in gradients for g in network)
    assert float(tutorials_loss(0.0)(tf.constant([[-3.0]]))) == pytest.approx(
        math.log(1 + math.e), rel=1e-6
    )


@pytest.mark.parametrize(
    ("objective", "d_loss", "g_loss"),
    [  # by hand from the papers' formulas
        ("non_saturating", 5.833865891654, 1.385820879946),
        ("minimax", 5.833865891654, -4.510820879946),
        ("hinge", 6.75, -3.125),
        ("least_squares", 41.73375, 17.69625),
        ("wasserstein", 0.225, -3.125),
    ],
)
def test_reference_values_of_every_objective(objective, d_loss, g_loss):
    row = losses.OBJECTIVES[objective]
    assert float(row.discriminator_loss(REAL, FAKE)) == pytest.approx(d_loss, rel=1e-6)
    assert float(row.generator_loss(FAKE)) == pytest.approx(g_loss, rel=1e-6)


@pytest.mark.parametrize(("objective", "row"), losses.OBJECTIVES.items())
def test_equilibrium_of_every_objective(objective, row):
    """Where D cannot tell the two apart it outputs its threshold everywhere."""
    output = tf.fill([8, 1], row.threshold or 0.0)
    d_loss = float(row.discriminator_loss(output, output))
    assert d_loss == pytest.approx(row.d_equilibrium, rel=1e-6)
    if row.g_equilibrium is not None:
        g_loss = float(row.generator_loss(output))
        assert g_loss == pytest.approx(row.g_equilibrium, rel=1e-6, abs=1e-6)


def test_the_configuration_names_the_objectives():
    (field,) = [f for f in dataclasses.fields(Config) if f.name == "objective"]
    assert field.metadata["choices"] == tuple(losses.OBJECTIVES)


def test_the_gradient_penalty_is_the_formula():
    """D(u) = |u|^2 has the gradient 2 u."""
    random = np.random.default_rng(0)
    real, fake = random.normal(size=(2, 6, 3)).astype(np.float32)
    weights = random.uniform(size=6).astype(np.float32)
    penalty = losses.gradient_penalty(
        lambda u: tf.reduce_sum(tf.square(u), axis=1, keepdims=True),
        tf.constant(real),
        tf.constant(fake),
        tf.constant(weights),
    )
    between = weights[:, None] * real + (1 - weights[:, None]) * fake
    expected = np.mean((2 * np.linalg.norm(between, axis=1) - 1) ** 2)
    assert float(penalty) == pytest.approx(expected, rel=1e-5)


def test_the_gradient_penalty_of_a_dead_discriminator_is_finite():
    weight = tf.Variable(tf.zeros([3, 1]))
    images = tf.ones([2, 3])
    with tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(
            lambda u: u @ weight, images, images, tf.ones([2])
        )
    assert float(penalty) == pytest.approx(1.0, abs=1e-5)
    assert np.isfinite(tape.gradient(penalty, weight).numpy()).all()
