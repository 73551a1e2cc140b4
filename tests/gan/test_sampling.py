import numpy as np
import pytest

from gan_tf.gan import sampling
from gan_tf.gan.models import build_generator


@pytest.fixture(scope="module")
def generator():
    model = build_generator(6, (16,), seed=1)
    model.set_weights([3 * w for w in model.get_weights()])  # pictures with contrast
    return model


def test_image_i_does_not_depend_on_how_many_are_drawn(generator):
    many = sampling.sample(generator, seed=3, count=sampling.BLOCK * 2 + 5)
    assert (many.shape, many.dtype) == ((517, 28, 28), np.uint8)
    assert len(np.unique(many.reshape(517, -1), axis=0)) == 517
    for count in (1, 64, 256, 257, 517):
        few = sampling.sample(generator, seed=3, count=count)
        np.testing.assert_array_equal(few, many[:count])


def test_other_seeds_give_other_images(generator):
    first, second = (sampling.sample(generator, seed, 5) for seed in (0, 1))
    assert (first != second).any(axis=(1, 2)).all()


def test_images_are_the_generators_output(generator):
    vectors = sampling.latents(6, seed=0, count=3)
    expected = np.rint(generator(vectors).numpy() * 255).reshape(3, 28, 28)
    drawn = sampling.sample(generator, seed=0, count=3)
    np.testing.assert_allclose(drawn, expected, atol=1)


def test_a_walk_begins_and_ends_at_its_images(generator):
    walks = sampling.interpolate(generator, seed=4, walks=3, points=7)
    ends = sampling.sample(generator, seed=4, count=4)
    assert walks.shape == (3, 7, 28, 28)
    np.testing.assert_allclose(walks[:, 0].astype(int), ends[:3], atol=1)
    np.testing.assert_allclose(walks[:, -1].astype(int), ends[1:], atol=1)


def test_a_walk_stays_on_the_shell_of_the_noise():
    start, end = np.array([[3.0, 0.0]]), np.array([[0.0, 3.0]])
    t = np.linspace(0, 1, 9)[:, None]
    path = sampling._slerp(start, end, t)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 3.0)
    np.testing.assert_allclose(path[4], [4.5**0.5, 4.5**0.5])
    still = sampling._slerp(start, start, t)
    np.testing.assert_allclose(still, np.repeat(start, 9, 0), rtol=1e-5)
