import numpy as np
import pytest

from gan_tf.gan import sampling
from gan_tf.gan.models import build_generator


@pytest.fixture(scope="module")
def generator():
    model = build_generator(6, (16,), seed=1)
    model.set_weights([3 * w for w in model.get_weights()])  # pictures with contrast
    return model


def test_image_i_does_not_depend_on_their_number(generator):
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
    found = sampling.sample(generator, seed=0, count=3)
    np.testing.assert_allclose(found, expected, atol=1)


def test_an_interpolation_begins_and_ends_at_its_images(generator):
    paths = sampling.interpolate(generator, seed=4, rows=3, points=7)
    ends = sampling.sample(generator, seed=4, count=4)
    assert paths.shape == (3, 7, 28, 28)
    np.testing.assert_allclose(paths[:, 0].astype(int), ends[:3], atol=1)
    np.testing.assert_allclose(paths[:, -1].astype(int), ends[1:], atol=1)


def test_an_interpolation_stays_on_the_shell_of_the_noise():
    start, end = np.array([[3.0, 0.0]]), np.array([[0.0, 3.0]])
    t = np.linspace(0, 1, 9)[:, None]
    path = sampling._slerp(start, end, t)
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), 3.0)
    np.testing.assert_allclose(path[4], [4.5**0.5, 4.5**0.5])
    still = sampling._slerp(start, start, t)
    np.testing.assert_allclose(still, np.repeat(start, 9, 0), rtol=1e-5)


@pytest.fixture(scope="module")
def conditional():
    model = build_generator(6, (16,), seed=1, classes=10)
    model.set_weights([3 * w for w in model.get_weights()])
    return model


def test_all_classes_come_in_turn(conditional):
    images = sampling.sample(conditional, seed=3, count=25)
    labels = np.arange(25) % 10
    same = sampling.sample(conditional, seed=3, count=25, labels=labels)
    np.testing.assert_array_equal(images, same)


def test_an_image_depends_on_its_own_label_alone(conditional):
    sevens = sampling.sample(conditional, 3, 300, np.full(300, 7))
    mixed = sampling.sample(conditional, 3, 20, np.where(np.arange(20) % 2, 7, 1))
    np.testing.assert_array_equal(mixed[1::2], sevens[1:20:2])
    assert (mixed[::2] != sevens[:20:2]).any(axis=(1, 2)).all()


def test_labels_are_refused_where_there_are_none(generator):
    with pytest.raises(ValueError, match="without labels"):
        sampling.sample(generator, 0, 2, np.array([1, 2]))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([1, 2], r"3 integers.* int64 of shape \[2\]"),
        ([1, 2, 3, 4], r"of shape \[4\]"),
        ([[1], [2], [3]], r"of shape \[3, 1\]"),
        ([1.0, 2.0, 3.0], "float64"),
        ([1, 2, 10], "0 to 9"),
        ([1, 2, -1], "0 to 9"),
    ],
)
def test_labels_that_do_not_fit_are_refused(conditional, labels, words):
    with pytest.raises(ValueError, match=words):
        sampling.sample(conditional, 0, 3, labels)
    with pytest.raises(ValueError, match=words):
        sampling.interpolate(conditional, 0, 3, 2, labels)


def test_a_list_of_labels_is_as_good_as_an_array(conditional):
    np.testing.assert_array_equal(
        sampling.sample(conditional, 0, 2, [7, 1]),
        sampling.sample(conditional, 0, 2, np.array([7, 1], np.uint8)),
    )


def test_classes_are_visited_at_fixed_noise(conditional):
    path = sampling.interpolate_classes(conditional, seed=5, rows=2, points=19)
    assert path.shape == (2, 19, 28, 28)
    for label in range(10):
        images = sampling.sample(conditional, 5, 2, np.full(2, label))
        found = path[:, 2 * label].astype(int)
        np.testing.assert_allclose(found, images.astype(int), atol=1)


@pytest.mark.parametrize(
    ("output", "shape"), [(64, (8, 8)), (3072, (32, 32, 3)), (12, (2, 2, 3))]
)
def test_the_shape_of_square_images_is_known(output, shape):
    model = build_generator(2, (), output)
    assert sampling.sample(model, 0, 3).shape == (3, *shape)


def test_other_shapes_must_be_named():
    model = build_generator(2, (), 40)
    with pytest.raises(ValueError, match="give the shape"):
        sampling.sample(model, 0, 3)
    assert sampling.sample(model, 0, 3, shape=(5, 8)).shape == (3, 5, 8)
