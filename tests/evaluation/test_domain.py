import numpy as np
import pytest

from gan_tf.data.strokes import draw_digits
from gan_tf.evaluation import domain


def normalised(images, shift=(0, 0)):
    """The images as MNIST's makers laid theirs out: the ink's centre on (14, 14)."""
    moved = []
    for image in images:
        rows, columns = np.indices(image.shape)
        centre = [np.average(where, weights=image) for where in (rows, columns)]
        by = np.rint(np.subtract(14, centre)).astype(int) + shift
        moved.append(np.roll(image, by, axis=(0, 1)))
    return np.array(moved)


@pytest.fixture(scope="module")
def drawn():
    return draw_digits(600, seed=1)


def test_mnists_form_is_in_the_domain_and_two_pixels_off_it_are_not(drawn):
    assert domain.in_domain_share(normalised(drawn[0])) > 0.95
    for shift in ((2, 0), (0, 2), (-2, 0), (0, -2)):
        assert domain.in_domain_share(normalised(drawn[0], shift)) < 0.15


def test_collapsed_and_noisy_generators_of_mnist_stay_in_the_domain(drawn):
    images, labels = drawn
    ones = normalised(images[labels == 1])
    assert domain.in_domain_share(ones) > 0.95
    assert domain.in_domain_share(np.repeat(ones[:1], 100, axis=0)) == 1.0
    noise = np.random.default_rng(0).normal(0, 20, images.shape)
    grainy = (normalised(images) + noise).clip(0, 255).astype(np.uint8)
    assert domain.in_domain_share(grainy) > 0.85


def test_other_images_are_out_of_the_domain(drawn):
    images, random = normalised(drawn[0]), np.random.default_rng(0)
    noise = random.integers(0, 256, images.shape, dtype=np.uint8)
    shuffled = images.reshape(-1, 784)[:, random.permutation(784)]
    for others in (
        255 - images,
        noise,
        shuffled.reshape(images.shape),
        np.zeros_like(images),
        np.full_like(images, 255),
    ):
        assert domain.in_domain_share(others) < 0.1


def test_the_built_in_digits_are_not_taken_for_mnist(drawn):
    share = domain.in_domain_share(drawn[0])
    assert 0.2 < share < 0.5
    assert not domain.is_like_mnist(share)
    assert "36% of the samples" in domain.warning("x.npz", 0.36)


def test_the_share_counts_images(drawn):
    half = np.concatenate([np.zeros((30, 28, 28), np.uint8), normalised(drawn[0][:30])])
    share = domain.in_domain_share(half)
    assert share == domain.in_domain_share(half[30:]) / 2
    assert domain.warning("x", 0.7) is None
    assert domain.is_like_mnist(0.7)
