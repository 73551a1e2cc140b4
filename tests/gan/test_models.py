import keras
import numpy as np
import pytest

from gan_tf.gan.models import build_discriminator, build_generator


def forward(model, x, last=lambda y: y):
    """The network in NumPy, float64."""
    weights = [np.float64(w) for w in model.get_weights()]
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2]):
        x = np.maximum(x @ kernel + bias, 0)
    return last(x @ weights[-2] + weights[-1])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def shapes(model):
    return [tuple(w.shape) for w in model.trainable_variables]


def test_the_tutorials_layers():
    assert shapes(build_generator()) == [
        (100, 256),
        (256,),
        (256, 512),
        (512,),
        (512, 784),
        (784,),
    ]
    assert shapes(build_discriminator()) == [
        (784, 512),
        (512,),
        (512, 256),
        (256,),
        (256, 1),
        (1,),
    ]


def test_one_layer_networks_are_one_call():
    assert shapes(build_generator(units=())) == [(100, 784), (784,)]
    assert shapes(build_discriminator(units=())) == [(784, 1), (1,)]


@pytest.mark.parametrize(
    ("activation", "last"), [("sigmoid", sigmoid), ("linear", lambda y: y)]
)
def test_generator_forward_pass(activation, last):
    model = build_generator(7, (5, 6), 9, activation)
    model.set_weights([w + 0.01 for w in model.get_weights()])  # biases too
    z = np.random.default_rng(0).normal(size=(4, 7))
    np.testing.assert_allclose(model(z), forward(model, z, last), rtol=1e-4, atol=1e-6)


def test_discriminator_gives_the_logit():
    model = build_discriminator((6, 5))
    x = 9 * np.random.default_rng(0).normal(size=(4, 784))
    logits = forward(model, x)
    assert model(x).shape == (4, 1)
    assert np.abs(logits).max() > 1  # a probability could not be
    np.testing.assert_allclose(model(x), logits, rtol=1e-4, atol=1e-5)


def test_initial_weights_are_a_function_of_the_seed():
    first, same, other = (
        build_generator(seed=seed).get_weights() for seed in (3, 3, 4)
    )
    for a, b, c in zip(first[::2], same[::2], other[::2]):
        np.testing.assert_array_equal(a, b)
        assert np.abs(a - c).max() > 0.01
    assert all(not bias.any() for bias in first[1::2])


def test_initial_weights_are_glorot_uniform_and_differ_between_layers():
    weights = build_generator(64, (64,), 64).get_weights()
    limit = np.sqrt(6 / 128)
    for kernel in weights[::2]:
        assert 0.95 * limit < np.abs(kernel).max() <= limit
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.05)
    assert abs(np.corrcoef(weights[0].ravel(), weights[2].ravel())[0, 1]) < 0.1


def test_bfloat16_computes_in_it_and_keeps_weights_and_results_in_float32():
    noise = keras.random.normal((64, 100), seed=1)
    exact = build_generator(seed=3)
    mixed = build_generator(seed=3, precision="mixed_bfloat16")
    logits = build_discriminator(seed=4, precision="mixed_bfloat16")(mixed(noise))
    assert {w.dtype for w in mixed.weights} == {"float32"}
    assert mixed.layers[0].compute_dtype == "bfloat16"
    assert mixed(noise).dtype == logits.dtype == "float32"
    difference = np.abs(mixed(noise) - exact(noise))
    assert 0 < difference.max() < 0.02
    assert len(np.unique(mixed(noise))) > 1000  # bfloat16 has 128 values an octave
