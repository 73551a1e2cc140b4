import numpy as np
import pytest

from gan_tf.data.strokes import draw_digits
from gan_tf.errors import UserError
from gan_tf.evaluation import classifier


@pytest.fixture(scope="module")
def trained():
    return classifier.load_classifier()


def test_it_reads_digits_that_it_never_saw(trained):
    images, labels = draw_digits(1000, seed=5)
    _, seen = classifier.classify(trained, images)
    assert (seen == labels).mean() > 0.8  # drawn, not MNIST: not its own domain


def test_folding_the_normalizations_keeps_the_function():
    images, _ = draw_digits(50, seed=5)
    model = classifier.build_classifier(seed=3)
    random = np.random.default_rng(0)  # the moving statistics of a new one are 0 and 1
    model.set_weights([random.uniform(0.1, 0.5, w.shape) for w in model.get_weights()])
    batch = images[..., None] / np.float32(255)
    for plain, folded in zip(model(batch), classifier._folded(model)(batch)):
        np.testing.assert_allclose(folded, plain, rtol=1e-4)
    assert len(classifier._folded(model).layers) == len(model.layers) - 5


def test_what_is_shipped_is_complete_and_small(trained):
    assert classifier._WEIGHTS.stat().st_size < 400_000
    assert trained.real.mean.shape == (classifier.FEATURES,)
    covariance = trained.real.covariance
    np.testing.assert_array_equal(covariance, covariance.T)
    assert np.linalg.eigvalsh(covariance).min() > -1e-9
    assert 0 < trained.real_scores["mnist_frechet_distance"] < 0.2
    assert trained.real_scores["parzen_log_likelihood"] == pytest.approx(243.6, abs=3)


def test_features_are_the_same_in_any_company(trained):
    images, _ = draw_digits(1200, seed=6)
    features, labels = classifier.classify(trained, images)
    assert (features.shape, features.dtype) == ((1200, 64), np.float64)
    assert labels.shape == (1200,)
    some, _ = classifier.classify(trained, images[700:900])
    np.testing.assert_allclose(some, features[700:900], rtol=1e-4, atol=1e-4)
    again, _ = classifier.classify(trained, images)
    np.testing.assert_array_equal(again, features)


def test_a_damaged_or_missing_file_is_refused(tmp_path):
    content = bytearray(classifier._WEIGHTS.read_bytes())
    content[len(content) // 3] ^= 1
    path = tmp_path / "classifier.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match="is damaged; install gan_tf again"):
        classifier.load_classifier(path)
    with pytest.raises(UserError, match="No such file"):
        classifier.load_classifier(tmp_path / "none")


def test_the_network_is_a_function_of_its_seed():
    first, same, other = (
        classifier.build_classifier(seed).get_weights()[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()
