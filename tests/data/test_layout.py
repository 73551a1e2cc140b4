import numpy as np
import pytest

from gan_tf.data.image_set import from_arrays, preview, turned
from gan_tf.data.layout import as_images, as_labels
from gan_tf.errors import UserError

GREY = np.random.default_rng(0).integers(0, 256, (20, 9, 9), dtype=np.uint8)
COLOUR = np.random.default_rng(0).integers(0, 256, (20, 9, 12, 3), dtype=np.uint8)
GREY[0, 0, :2] = 0, 255


@pytest.mark.parametrize(
    "array",
    [
        GREY,
        GREY[..., None],
        GREY[:, None],
        GREY.reshape(20, 81),
        GREY.reshape(20, 81, 1),
        GREY.astype(np.int64),
        GREY.astype(np.float32),
        GREY / 255,
        (GREY / 255).astype(np.float32),
        GREY / 127.5 - 1,
        np.asfortranarray(GREY),
    ],
)
def test_grey_images_in_any_usual_layout(array):
    found = as_images(array, "x")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, GREY)


def test_colour_and_two_valued_images():
    np.testing.assert_array_equal(as_images(COLOUR, "x"), COLOUR)
    np.testing.assert_array_equal(as_images(np.moveaxis(COLOUR, 3, 1), "x"), COLOUR)
    two = GREY > 99
    for array in (two, two.astype(np.uint8), two.astype(float)):
        np.testing.assert_array_equal(as_images(array, "x"), 255 * two)
    dark = np.minimum(GREY, 9)
    np.testing.assert_array_equal(as_images(dark, "x"), dark)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (GREY[0], "3x3; possible"),
        (GREY[:, :7], "7x9; possible are 8 to 128"),
        (np.zeros((2, 129, 20), np.uint8), "129x20"),
        (np.zeros((28, 28, 600), np.uint8), "number of images comes first"),
        (GREY.reshape(20, 81)[:, :80], "no square image; reshape"),
        (np.zeros((2, 3072), np.uint8), "no square image; reshape"),
        (np.zeros((2, 9, 9, 4), np.uint8), r"shape is \[2, 9, 9, 4\]"),
        (GREY / 16, "go from 0 to 15.9"),
        (GREY * 3.0 - 400, "scale them"),
        (GREY * np.nan, "NaN"),
        (GREY[:0], "no image"),
        (GREY.astype("U3"), "plain numbers"),
        (np.uint8(3), "no image"),
    ],
)
def test_other_images_are_explained(array, words):
    with pytest.raises(UserError, match=words) as caught:
        as_images(array, "x")
    assert "Fetch it again" not in str(caught.value)


@pytest.mark.parametrize("kind", ["u1", "i8", "f4", ">i4"])
def test_labels_of_any_number_and_one_hot(kind):
    labels = np.array([3, 0, 25, 1])
    for given in (labels, labels[:, None], np.eye(26)[labels]):
        found = as_labels(given.astype(kind), 4, "x")
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, labels)
    assert as_labels(np.array([3, 300]), 2, "x").tolist() == [3, 300]
    assert as_labels(None, 4, "x") is None


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([1, 2], "4 images but 2 labels"),
        ([1.5, 2, 3, 4], "whole numbers"),
        ([-1, 2, 3, 4], "whole numbers"),
        ([9999, 2, 3, 4], "whole numbers"),
        ([[1, 1], [0, 1], [1, 0], [1, 0]], "one-hot"),
        (["a", "b", "c", "d"], "not numbers"),
    ],
)
def test_other_labels_are_explained(labels, words):
    with pytest.raises(UserError, match=words):
        as_labels(np.array(labels), 4, "x")


def test_a_set_of_arrays_owns_shape_and_classes():
    data = from_arrays(COLOUR, np.arange(20) % 7, "mine")
    assert (data.shape, data.classes, data.name) == ((9, 12, 3), 7, "mine")
    plain = from_arrays(COLOUR, name="MNIST")
    assert (plain.labels, plain.classes, plain.name) == (None, None, "MNIST-like")
    assert from_arrays(GREY, name="Strokes").name == "Strokes-like"
    assert data.digest != plain.digest
    other = GREY.reshape(-1)[: 4 * 128]
    wide, high = other.reshape(4, 8, 16), other.reshape(4, 16, 8)
    assert from_arrays(wide).digest != from_arrays(high).digest
    assert preview(data, 0).shape[2] == 3


def test_the_preview_shows_images_from_all_of_a_sorted_set():
    classes = np.repeat(np.arange(1, 9, dtype=np.uint8), 100)
    data = from_arrays(np.broadcast_to(30 * classes[:, None, None], (800, 8, 8)))
    shown = preview(data, 0)
    assert set(np.unique(shown)) == {0, *(30 * np.arange(1, 9))}
    np.testing.assert_array_equal(preview(data, 0), shown)
    assert preview(from_arrays(GREY), 0).shape[1] == 8 * (GREY.shape[2] + 2) + 2


def test_transpose_and_invert():
    data = from_arrays(GREY, np.arange(20), "x")
    changed = turned(data, True, True)
    np.testing.assert_array_equal(changed.images, 255 - GREY.swapaxes(1, 2))
    assert changed.name == "x-transposed-inverted"
    assert changed.digest != data.digest
    assert turned(data, False, False) is data
