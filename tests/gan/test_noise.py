import numpy as np
import tensorflow as tf

from gan_tf.gan.noise import SAMPLING, TRAINING, latent


def test_noise_is_a_function_of_its_arguments():
    def noise(*arguments):
        return latent(*arguments, (4, 3)).numpy()

    np.testing.assert_array_equal(noise(5, TRAINING, 9), noise(5, TRAINING, 9))
    step = tf.Variable(9, dtype=tf.int64)
    np.testing.assert_array_equal(noise(5, TRAINING, 9), noise(5, TRAINING, step))
    for other in ((6, TRAINING, 9), (5, SAMPLING, 9), (5, TRAINING, 10)):
        assert (noise(5, TRAINING, 9) != noise(*other)).all()


def test_noise_is_standard_normal():
    noise = latent(0, TRAINING, 0, (200, 500)).numpy()
    assert noise.dtype == np.float32
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01
    assert abs((noise**4).mean() - 3) < 0.1


def test_the_largest_seed_works():
    assert np.isfinite(latent(2**31 - 1, TRAINING, 2**40, (2, 2))).all()


def test_noise_is_the_same_with_and_without_the_compiler():
    def noise(step):
        return latent(3, TRAINING, step, (100, 100))

    compiled = tf.function(noise, jit_compile=True)(tf.constant(7, tf.int64))
    np.testing.assert_allclose(compiled, noise(7), rtol=1e-4, atol=1e-6)


def test_no_number_is_infinite_and_they_are_balanced():
    noise = latent(1, TRAINING, 0, (3000, 1000)).numpy()
    assert np.isfinite(noise).all()
    assert 4.5 < noise.max() < 5.4
    assert -5.4 < noise.min() < -4.5
    assert abs(noise.mean()) < 0.002
