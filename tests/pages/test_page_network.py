"""What of a network goes into the page, and which networks do not."""

import base64

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.gan.models import build_generator
from gan_tf.pages.network import page_data

LATENT, PIXELS = 8, 64


def generator_of(*layers):
    return keras.Sequential([keras.Input((LATENT,)), *layers])


def test_weights_are_kernels_and_biases_in_float16():
    generator = build_generator(LATENT, (6,), PIXELS)
    page = page_data(generator, (8, 8))
    weights = np.frombuffer(base64.b64decode(page["weights"]), "<f2")
    expected = np.concatenate([w.ravel() for w in generator.get_weights()])
    np.testing.assert_array_equal(weights, expected.astype(np.float16))
    assert page["layers"] == [[LATENT, 6, "relu"], [6, PIXELS, "sigmoid"]]


@pytest.mark.parametrize("classes", [None, 3])
def test_directions_change_the_output_most(classes):
    generator = build_generator(LATENT, (16, 32), PIXELS, seed=1, classes=classes)
    generator.set_weights([2 * weights for weights in generator.get_weights()])
    directions = np.array(page_data(generator, (8, 8))["directions"])
    np.testing.assert_allclose(directions @ directions.T, np.eye(6), atol=1e-3)
    noise = tf.random.stateless_normal((200, LATENT), (1, 2))
    labels = [] if classes is None else [tf.range(200) % classes]
    with tf.GradientTape() as tape:
        tape.watch(noise)
        output = generator([noise, *labels] if labels else noise)
    jacobian = tape.batch_jacobian(output, noise)
    size = np.mean(np.sum(np.square(jacobian @ directions.T), axis=1), axis=0)
    assert size[0] > 1.1 * size[3] > 1.1 * size[5]
    random = np.mean(np.sum(np.square(jacobian), axis=(1, 2))) / LATENT
    assert size[0] > 1.3 * random
    more_ink = np.mean(np.sum(jacobian, axis=1), axis=0) @ directions[0]
    assert more_ink > 0


def test_bfloat16_and_linear_outputs_are_shown():
    page_data(build_generator(LATENT, (6,), PIXELS, precision="mixed_bfloat16"), (8, 8))
    page_data(build_generator(LATENT, (), PIXELS, output_activation="linear"), (8, 8))
    page_data(generator_of(keras.layers.Dense(PIXELS, "tanh")), (8, 8))


def own_networks():
    dense = keras.layers.Dense
    noise = keras.Input((LATENT,))
    hidden = dense(LATENT, "relu")(noise)
    skip = dense(PIXELS)(keras.layers.Concatenate()([noise, hidden]))
    return {
        "convolution": generator_of(
            dense(PIXELS), keras.layers.Reshape((8, 8, 1)), keras.layers.Conv2D(1, 3)
        ),
        "activation": generator_of(dense(PIXELS, "gelu")),
        "skip": keras.Model(noise, skip),
        "too large": generator_of(dense(2000), dense(800), dense(PIXELS)),
        "negated": keras.Model(noise, -dense(PIXELS, "sigmoid")(noise) + 1.0),
    }


@pytest.mark.parametrize("name", own_networks())
def test_other_networks_are_refused_with_the_reason(name):
    with pytest.raises(ValueError, match=r"layer|activation|dense|large"):
        page_data(own_networks()[name], (8, 8))
