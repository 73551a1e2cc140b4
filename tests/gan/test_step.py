"""The step against a NumPy reference; what it moves; one call of many steps."""

import dataclasses
import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.gan.losses import OBJECTIVES
from gan_tf.gan.models import build_discriminator, build_generator
from gan_tf.gan.noise import TRAINING, latent
from gan_tf.gan.state import Rules, assemble, build_gan
from gan_tf.gan.step import (
    METRICS,
    compile_train_steps,
    discriminator_step,
    generator_step,
    metrics_of,
    train_step,
)

SEED = 11
CHUNK = np.random.default_rng(5).integers(0, 256, (12, 16, 784), dtype=np.uint8)


def small_gan(**settings):
    """Two tiny networks with biases that are not zero."""
    generator = build_generator(2, (3,), 4, seed=1)
    discriminator = build_discriminator((3,), 4, seed=2)
    random = np.random.default_rng(0)
    for network in (generator, discriminator):
        weights = [random.normal(0, 1, w.shape) for w in network.get_weights()]
        network.set_weights(weights)
    average = build_generator(2, (3,), 4) if settings.get("ema_decay") else None
    rates = {k: settings.pop(k) for k in ("learning_rate",) if k in settings}
    return assemble(generator, discriminator, average, Rules(**settings), **rates)


def with_plain_descent(gan):
    """The same state with gradient descent of rate 1: an update is the gradient."""
    optimizers = {
        "generator_optimizer": keras.optimizers.SGD(1.0),
        "discriminator_optimizer": keras.optimizers.SGD(1.0),
    }
    return dataclasses.replace(gan, **optimizers)


def real_batch(count=5):
    return tf.random.stateless_uniform([count, 4], [3, 4])


def weights_of(network):
    return [np.array(w, np.float64) for w in network.get_weights()]


# The step in NumPy, float64: losses as functions of weights, gradients by differences.


def network(weights, x):
    hidden = x @ weights[0] + weights[1]
    return np.maximum(hidden, 0) @ weights[2] + weights[3], hidden > 0


def generate(weights, z):
    return 1 / (1 + np.exp(-network(weights, z)[0]))


def softplus(x):
    return np.logaddexp(0, x)


def d_objective(weights, real, fake, gamma):
    real_logits, active = network(weights, real)
    fake_logits, _ = network(weights, fake)
    slope = (active * weights[2].T) @ weights[0].T  # the logit's gradient by the pixels
    r1 = np.mean(np.sum(slope**2, axis=1))
    loss = np.mean(softplus(-real_logits)) + np.mean(softplus(fake_logits))
    return loss + gamma / 2 * r1, loss, r1


def g_objective(weights, discriminator, z):
    return np.mean(softplus(-network(discriminator, generate(weights, z))[0]))


def gradient(objective, weights, h=1e-6):
    result = []
    for w in weights:
        slope = np.zeros_like(w)
        for place in np.ndindex(w.shape):
            kept = w[place]
            w[place] = kept + h
            above = objective(weights)
            w[place] = kept - h
            slope[place] = (above - objective(weights)) / (2 * h)
            w[place] = kept
        result.append(slope)
    return result


def norm(gradients):
    return np.sqrt(sum(np.sum(g**2) for g in gradients))


@pytest.mark.parametrize(
    ("weight", "every", "step", "gamma", "share"),
    [
        (0.0, 4, 0, 0.0, 2.0),
        (0.7, 1, 3, 0.7, 0.0),
        (0.7, 3, 6, 2.1, 2.0),
        (0.7, 3, 7, 0.0, 0.0),
    ],
)
def test_a_step_is_the_algorithm(weight, every, step, gamma, share):
    """`gamma` and `share`: what the R1 weight and 1 of 2 norms come to at this step."""
    gan = small_gan(r1_weight=weight, r1_every=every, norms_every=2)
    gan = with_plain_descent(gan)
    gan.step.assign(step)
    g, d = weights_of(gan.generator), weights_of(gan.discriminator)
    real = np.float64(real_batch())
    z_d, z_g = np.float64(latent(SEED, TRAINING, step, (2, 5, 2)))

    metrics = train_step(gan, real_batch(), None, SEED)

    fake = generate(g, z_d)
    _, d_loss, r1 = d_objective(d, real, fake, gamma)
    d_gradient = gradient(lambda w: d_objective(w, real, fake, gamma)[0], d)
    new_d = [w - slope for w, slope in zip(d, d_gradient)]
    g_loss = g_objective(g, new_d, z_g)  # G learns from the new D
    g_gradient = gradient(lambda w: g_objective(w, new_d, z_g), g)
    new_g = [w - slope for w, slope in zip(g, g_gradient)]

    for ours, expected in zip(weights_of(gan.discriminator), new_d):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=2e-6)
    for ours, expected in zip(weights_of(gan.generator), new_g):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=2e-6)
    real_logits, fake_logits = network(d, real)[0], network(d, fake)[0]
    expected = {
        "d_loss": d_loss,
        "g_loss": g_loss,
        "r1": r1 * gamma / weight if weight else 0.0,
        "d_real": np.mean(1 / (1 + np.exp(-real_logits))),
        "d_fake": np.mean(1 / (1 + np.exp(-fake_logits))),
        "d_real_accuracy": np.mean(real_logits > 0),
        "d_fake_accuracy": np.mean(fake_logits < 0),
        "d_gradient_norm": share * norm(d_gradient),
        "g_gradient_norm": share * norm(g_gradient),
    }
    assert metrics.keys() == expected.keys() == METRICS.keys()
    for name, value in expected.items():
        assert float(metrics[name]) == pytest.approx(value, rel=1e-4, abs=1e-6), name
    assert int(gan.step) == step + 1


@pytest.mark.parametrize("moving", ["generator", "discriminator"])
def test_each_half_moves_its_own_network_alone(moving):
    gan = small_gan(learning_rate=0.01)
    still = {"generator": "discriminator", "discriminator": "generator"}[moving]
    optimizer = keras.optimizers.SGD(0.0)
    gan = dataclasses.replace(gan, **{f"{still}_optimizer": optimizer})
    before = {name: weights_of(getattr(gan, name)) for name in (moving, still)}
    train_step(gan, real_batch(), None, SEED)
    for old, new in zip(before[still], weights_of(getattr(gan, still))):
        np.testing.assert_array_equal(old, new)
    for old, new in zip(before[moving], weights_of(getattr(gan, moving))):
        assert (old != new).any()


def test_no_optimizer_knows_the_other_network():
    gan = small_gan()
    for network_, optimizer in (
        (gan.generator, gan.generator_optimizer),
        (gan.discriminator, gan.discriminator_optimizer),
    ):
        moments = [v for v in optimizer.variables if v.shape != ()]
        assert len(moments) == 2 * len(network_.trainable_variables)


def test_adam_has_the_configured_numbers():
    numbers = {"learning_rate": 2e-4, "rate_ratio": 3.0, "beta_1": 0.25}
    gan = build_gan(Config(**numbers, decay_steps=400, generator_units=(2,)))
    rates = {gan.generator_optimizer: 6e-4, gan.discriminator_optimizer: 2e-4}
    for optimizer, rate in rates.items():
        assert isinstance(optimizer, keras.optimizers.Adam)
        settings = optimizer.get_config()
        for step, share in ((0, 1), (200, 0.525), (400, 0.05), (999, 0.05)):
            optimizer.iterations.assign(step)
            assert float(optimizer.learning_rate) == pytest.approx(share * rate)
        assert (settings["beta_1"], settings["beta_2"]) == (0.25, 0.999)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"learning_rate": 1e-3},
        {"r1_weight": 3.0},
        {"beta_1": 0.9},
    ],
)
def test_each_option_that_shapes_the_result_does(change):
    states = []
    for options in ({}, change):
        config = Config(generator_units=(5,), discriminator_units=(5,), **options)
        gan = build_gan(config)
        for batch in CHUNK[:2]:
            train_step(gan, tf.constant(batch / np.float32(255)), None, config.seed)
        states.append(weights_of(gan.generator) + weights_of(gan.discriminator))
    assert any((a != b).any() for a, b in zip(*states))


@pytest.mark.parametrize(
    ("log_every", "epochs", "every"), [(100, 30000, 5), (100, 42, 1), (3, 30000, 1)]
)
def test_every_point_of_the_curves_has_its_share_of_norms(log_every, epochs, every):
    config = Config(log_every=log_every, epochs=epochs, generator_units=(2,))
    assert build_gan(config).rules.norms_every == every


def test_the_average_follows_the_generator():
    gan = small_gan(ema_decay=0.9, learning_rate=0.1)
    mean = weights_of(gan.generator)  # it starts there
    step_once = tf.function(lambda: train_step(gan, real_batch(), None, SEED))
    for step in range(100):
        step_once()
        decay = min(0.9, (1 + step) / (4 + step))
        mean = [
            decay * m + (1 - decay) * w for m, w in zip(mean, weights_of(gan.generator))
        ]
    for ours, expected in zip(weights_of(gan.average), mean):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)
    assert gan.sampler is gan.average
    assert small_gan(ema_decay=0.0).sampler is not None


def test_both_halves_and_all_steps_have_their_own_noise():
    gan = small_gan(learning_rate=0.0)
    losses = [
        float(train_step(gan, real_batch(), None, SEED)["g_loss"]) for _ in range(3)
    ]
    assert len(set(losses)) == 3
    noise = latent(SEED, TRAINING, 0, (2, 5, 2)).numpy()
    assert (noise[0] != noise[1]).all()


def test_the_first_state_is_a_function_of_the_configuration():
    def weights(seed):
        gan = build_gan(Config(seed=seed, generator_units=(5,)))
        return gan.generator.get_weights() + gan.discriminator.get_weights()

    first, same, other = weights(1), weights(1), weights(2)
    for a, b, c in zip(first, same, other):
        np.testing.assert_array_equal(a, b)
        assert a.ndim == 1 or (a != c).any()


@functools.cache  # compiled by XLA once for all tests
def compiled(jit_compile):
    """A state with all its variables, their first values, and its compiled steps."""
    gan = build_gan(Config(generator_units=(16,), discriminator_units=(16,)))
    names = ("generator", "discriminator", "average")
    names += ("generator_optimizer", "discriminator_optimizer")
    variables = [v for name in names for v in getattr(gan, name).variables]
    variables.append(gan.step)
    first = [variable.numpy() for variable in variables]
    return gan, variables, first, compile_train_steps(gan, SEED, jit_compile)


def trained(jit_compile, spans):
    gan, variables, values, train_steps = compiled(jit_compile)
    for variable, value in zip(variables, values):
        variable.assign(value)
    sums = [
        train_steps((tf.constant(CHUNK), None), first, last) for first, last in spans
    ]
    state = [variable.numpy() for variable in variables]
    return state, {name: sum(float(s[name]) for s in sums) for name in METRICS}, gan


@pytest.mark.parametrize("jit_compile", [False, True])
def test_one_call_of_many_steps_is_many_calls_bit_for_bit(jit_compile):
    fused, fused_sums, gan = trained(jit_compile, [(0, 12)])
    single, single_sums, _ = trained(jit_compile, [(i, i + 1) for i in range(12)])
    uneven, _, _ = trained(jit_compile, [(0, 5), (5, 6), (6, 12)])
    assert int(gan.step) == 12
    for a, b, c in zip(fused, single, uneven):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    for name, value in fused_sums.items():
        assert single_sums[name] == pytest.approx(value, rel=1e-5), name


def test_the_compiled_step_is_the_plain_step():
    compiled, sums, _ = trained(True, [(0, 12)])
    gan = build_gan(Config(generator_units=(16,), discriminator_units=(16,)))
    plain_sums = dict.fromkeys(METRICS, 0.0)
    for batch in CHUNK:
        metrics = train_step(gan, tf.constant(batch / np.float32(255)), None, SEED)
        plain_sums = {k: v + float(metrics[k]) for k, v in plain_sums.items()}
    for name, value in plain_sums.items():
        assert sums[name] == pytest.approx(value, rel=1e-3), name
    plain = [v.numpy() for v in gan.generator.variables]
    for a, b in zip(compiled, plain):
        np.testing.assert_allclose(a, b, atol=2e-4)


def test_k_discriminator_steps_have_their_own_batches_and_noise():
    """One step with k = 3 is three of D's halves, then one of G's."""
    rates = {"learning_rate": 0.05}
    gan, by_hand = small_gan(d_steps=3, **rates), small_gan(**rates)
    real = real_batch(15)
    train_step(gan, real, None, SEED)
    noise = latent(SEED, TRAINING, 0, (4, 5, 2))
    mix = tf.zeros([5])
    for i in range(3):
        batch = real[5 * i : 5 * (i + 1)]
        discriminator_step(by_hand, batch, None, noise[i], mix)
    generator_step(by_hand, None, noise[3])
    for a, b in zip(weights_of(gan.discriminator), weights_of(by_hand.discriminator)):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(weights_of(gan.generator), weights_of(by_hand.generator)):
        np.testing.assert_array_equal(a, b)
    assert int(gan.step) == 1


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("penalties", [{}, {"r1_weight": 0.3, "gp_weight": 10.0}])
def test_every_objective_trains(objective, conditional, penalties):
    config = Config(
        objective=objective,
        conditional=conditional,
        generator_units=(8,),
        discriminator_units=(8,),
        **{"r1_weight": 0.0} | penalties,
    )
    gan = build_gan(config, classes=10)
    before = [weights_of(gan.generator), weights_of(gan.discriminator)]
    labels = tf.reshape(tf.range(16 * 12) % 10, (12, 16)) if conditional else None
    chunk = tf.constant(CHUNK), labels
    sums = compile_train_steps(gan, SEED, False)(chunk, 0, 4)
    assert sums.keys() == metrics_of(gan.rules).keys()
    assert all(np.isfinite(float(value)) for value in sums.values())
    for old, network_ in zip(before, (gan.generator, gan.discriminator)):
        *moved, _ = zip(old, weights_of(network_))  # a shift of all outputs may be 0
        assert all((a != b).any() for a, b in moved)


def test_the_penalty_of_the_gradient_joins_the_objective():
    """With a large weight D's gradients at the data come to have the norm 1."""
    gan = small_gan(objective="wasserstein", gp_weight=100.0, learning_rate=0.02)
    still = dataclasses.replace(gan, generator_optimizer=keras.optimizers.SGD(0.0))
    step = tf.function(lambda: train_step(still, real_batch(64), None, SEED))
    first = float(step()["gradient_penalty"])
    for _ in range(200):
        last = float(step()["gradient_penalty"])
    assert last < 0.1 * first


def test_labels_reach_both_networks():
    """Another label is another image and another logit; no label mixes with others."""
    gan = build_gan(Config(conditional=True, generator_units=(8,)), classes=10)
    noise = latent(SEED, TRAINING, 0, (3, 100))
    three, seven = (gan.generate(noise, tf.fill([3], label)) for label in (3, 7))
    assert (three.numpy() != seven.numpy()).any(axis=1).all()
    mixed = gan.generate(noise, tf.constant([3, 7, 3]))
    np.testing.assert_allclose(mixed[1], seven[1], rtol=1e-5)
    np.testing.assert_allclose(mixed[2], three[2], rtol=1e-5)
    logits = [gan.logits(three, tf.fill([3], label)).numpy() for label in (3, 7)]
    assert (logits[0] != logits[1]).all()


def with_state():
    """Networks with batch normalization and dropout."""
    layers = keras.layers
    keras.utils.set_random_seed(0)
    generator = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(6),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dense(4),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(6),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Dropout(0.3, seed=1),
            layers.Dense(1),
        ]
    )
    average = keras.models.clone_model(generator)
    rules = Rules(ema_decay=0.9)
    return assemble(generator, discriminator, average, rules, learning_rate=0.01)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_networks_run_in_training_mode(jit_compile):
    gan = with_state()
    chunk = (tf.constant(CHUNK[:, :, :4]), None)
    statistics = gan.generator.layers[1].moving_mean
    compile_train_steps(gan, SEED, jit_compile)(chunk, 0, 12)
    assert (statistics.numpy() != 0).any()
    assert (gan.discriminator.layers[1].moving_mean.numpy() != 0).any()
    averaged = gan.average.layers[1].moving_mean.numpy()
    assert (averaged != 0).any()
    assert (averaged != statistics.numpy()).any()


def test_dropout_and_moving_statistics_are_saved(tmp_path):
    """A restored state makes the same next step, random masks included."""
    gan, restored = with_state(), with_state()
    train_step(gan, real_batch(), None, SEED)
    gan.checkpoint().write(str(tmp_path / "state"))
    restored.checkpoint().read(str(tmp_path / "state")).assert_consumed()
    for _ in range(2):
        one = train_step(gan, real_batch(), None, SEED)
        other = train_step(restored, real_batch(), None, SEED)
        for name, value in one.items():
            assert float(value) == float(other[name]), name
    for a, b in zip(gan.average.get_weights(), restored.average.get_weights()):
        np.testing.assert_array_equal(a, b)
