import numpy as np

from gan_tf.data.strokes import draw_digits


def test_images_labels_and_determinism():
    images, labels = draw_digits(205, seed=1)
    assert (images.shape, images.dtype) == ((205, 28, 28), np.uint8)
    assert (labels.shape, labels.dtype) == ((205,), np.uint8)
    counts = np.bincount(labels, minlength=10)
    assert counts.min() >= 20
    assert counts.max() <= 21
    same_images, same_labels = draw_digits(205, seed=1)
    np.testing.assert_array_equal(images, same_images)
    np.testing.assert_array_equal(labels, same_labels)
    assert (images != draw_digits(205, seed=2)[0]).any()


def test_ink_is_handwriting_like():
    images, _ = draw_digits(500, seed=0)
    assert images.max() == 255
    assert 0.08 < images.mean() / 255 < 0.25  # MNIST: 0.13
    assert (images[:, [0, -1], :].max(axis=(1, 2)) < 128).mean() > 0.95  # a margin
    partly = ((images > 25) & (images < 230)).sum() / (images > 25).sum()
    assert 0.3 < partly < 0.8  # soft edges around dark strokes
    flat = images.reshape(500, -1).astype(float)
    assert len(np.unique(flat, axis=0)) == 500  # no two are alike


def test_classes_are_separable_but_not_trivial():
    """Least squares on pixels, one column a class: between 80 % and 99 %."""
    images, labels = draw_digits(6000, seed=3)
    pixels = np.c_[images.reshape(len(images), -1) / 255.0, np.ones(len(images))]
    x, test = pixels[:5000], pixels[5000:]
    weights = np.linalg.solve(
        x.T @ x + np.eye(x.shape[1]), x.T @ np.eye(10)[labels[:5000]]
    )
    accuracy = ((test @ weights).argmax(axis=1) == labels[5000:]).mean()
    assert 0.80 < accuracy < 0.99
