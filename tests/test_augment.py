import numpy as np
import pytest
import tensorflow as tf

from gan_tf.augment import shifted


def images(count=3):
    return np.random.default_rng(0).random((count, 784)).astype(np.float32)


def expected(image, pixels, down, right):
    """The image moved by NumPy; `down` and `right` count from 0 to 2 `pixels`."""
    padded = np.pad(image.reshape(28, 28), pixels)
    return padded[down : down + 28, right : right + 28].reshape(784)


@pytest.mark.parametrize("pixels", [0, 1, 3])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_each_image_is_moved_by_its_own_bits(pixels, jit_compile):
    choices = 2 * pixels + 1
    moves = [(down, right) for down in range(choices) for right in range(choices)]
    bits = np.array(moves, np.uint32) + choices * np.arange(len(moves))[:, None] * 1000
    batch = images(len(moves))
    move = tf.function(shifted, jit_compile=jit_compile)
    result = move(tf.constant(batch), pixels, tf.constant(bits, tf.uint32))
    for one, image, (down, right) in zip(result.numpy(), batch, moves):
        np.testing.assert_array_equal(one, expected(image, pixels, down, right))


def test_the_gradient_passes_to_the_pixels_that_are_seen():
    batch = tf.constant(images(1))
    with tf.GradientTape() as tape:
        tape.watch(batch)
        weights = np.arange(784, dtype=np.float32)
        moved = shifted(batch, 1, tf.constant([[2, 1]], tf.uint32))
        loss = tf.reduce_sum(weights * moved)
    slope = tape.gradient(loss, batch).numpy().reshape(28, 28)
    np.testing.assert_array_equal(slope[1:], weights.reshape(28, 28)[:-1])
    np.testing.assert_array_equal(slope[0], np.zeros(28))
