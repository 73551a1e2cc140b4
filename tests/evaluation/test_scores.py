import io

import numpy as np
import pytest
from PIL import Image

from gan_tf.data.strokes import draw_digits
from gan_tf.evaluation import accuracy_score, label_scores, metrics, scores
from gan_tf.evaluation.classifier import classify, load_classifier
from gan_tf.evaluation.picture import picture
from gan_tf.evaluation.scores import REPORT, WITHOUT_DATA, RealImages, evaluate


@pytest.fixture(scope="module")
def classifier():
    return load_classifier()


VALIDATION = scores.VALIDATION


@pytest.fixture(scope="module")
def real():
    """Drawn digits in MNIST's place."""
    images, labels = draw_digits(3000, seed=1)
    test, test_labels = draw_digits(1500, seed=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "VALIDATION", slice(2000, 3000))
        yield RealImages(images, test, labels, test_labels)


def test_the_parzen_width_is_chosen_beyond_the_first_50000_images():
    """So says the protocol of the GAN paper; `real_scores` takes its images there."""
    assert range(60000)[VALIDATION] == range(50000, 51000)


def test_the_report_is_the_metrics(classifier, real):
    images, _ = draw_digits(1000, seed=3)
    reported = []
    found = evaluate(images, classifier, real, reported.append)
    values = found.metrics
    assert list(values) == list(REPORT)
    assert len(reported) == scores.parts(real, None) == 6
    features, predicted = classify(classifier, images)
    test_features, _ = classify(classifier, real.test)
    assert values["mnist_frechet_distance"] == metrics.frechet_distance(
        metrics.gaussian(features), classifier.real
    )
    kernel = metrics.kernel_distance(test_features, features)
    assert values["kernel_distance"] == kernel
    neighbours = metrics.neighbourhood_scores(test_features, features)
    assert values["precision"] == neighbours.precision
    assert values["recall"] == neighbours.recall
    shares = np.bincount(predicted, minlength=10) / 1000
    assert values["smallest_class_share"] == shares.min()
    assert values["largest_class_share"] == shares.max()
    assert values["nearest_training_distance"] > 1
    np.testing.assert_array_equal(found.predicted, predicted)
    assert found.nearest.shape == (1000,)


def test_real_images_are_classified_once_for_all_samples(classifier, monkeypatch):
    images, _ = draw_digits(1300, seed=1)
    monkeypatch.setattr(scores, "VALIDATION", slice(300, 1300))
    real = RealImages(images, images)
    calls = []

    def counted(classifier, images):
        calls.append(len(images))
        return classify(classifier, images)

    monkeypatch.setattr(scores, "classify", counted)
    one, same = (evaluate(images[:100], classifier, real).metrics for _ in range(2))
    assert one == same
    assert sorted(calls) == [100, 100, 1300]


def test_samples_sorted_by_class_are_brought_into_turn():
    sorted_labels = np.repeat(np.arange(10), 1000)
    order = label_scores.order_in_turn(sorted_labels)
    assert sorted_labels[order].tolist() == [*range(10)] * 1000
    assert order[:11].tolist() == [*range(0, 10000, 1000), 1]
    in_turn = np.arange(10007) % 10
    assert label_scores.order_in_turn(in_turn).tolist() == [*range(10007)]
    uneven = np.repeat([3, 7], [300, 100])
    shares = np.bincount(uneven[label_scores.order_in_turn(uneven)][:100])
    assert (shares[3], shares[7]) == (75, 25)


@pytest.fixture
def few(monkeypatch):
    """A report on labels with 1000 samples instead of 10000, and 1500 for CAS."""
    monkeypatch.setattr(scores, "COUNT", 1000)
    monkeypatch.setattr(label_scores, "COUNT", 1500)


def by_class(count, seed):
    """Digits in the order 0, 1, ..., 9, 0, ...: so many of each."""
    images, labels = draw_digits(count * 2, seed)
    rows = [np.flatnonzero(labels == number)[: count // 10] for number in range(10)]
    rows = np.stack(rows, axis=1).ravel()
    return images[rows], labels[rows]


def test_samples_with_labels_are_scored_by_them(classifier, real, few):
    images, labels = by_class(1500, seed=5)
    reported = []
    values = evaluate(images, classifier, real, reported.append, labels).metrics
    assert list(values) == [*REPORT, *label_scores.REPORT]
    assert len(reported) == scores.parts(real, labels) == 7
    features, predicted = classify(classifier, images[:1000])
    assert values["label_accuracy"] == np.mean(predicted == labels[:1000])
    threes = labels[:1000] == 3
    assert values["label_accuracy_of_3"] == np.mean(predicted[threes] == 3)
    test_features, _ = classify(classifier, real.test)
    within = metrics.within_class_frechet_distance(
        test_features, real.test_labels, features, labels[:1000]
    )
    assert values["within_class_frechet_distance"] == within
    assert values["classification_accuracy_score"] > 0.8
    wrong = evaluate(images, classifier, real, labels=(labels + 1) % 10).metrics
    assert wrong["label_accuracy"] < 0.1
    assert wrong["classification_accuracy_score"] < 0.1
    assert wrong["within_class_frechet_distance"] > 3 * within
    assert wrong["precision"] == values["precision"]


def test_what_needs_more_samples_is_left_out(classifier, real, few):
    images, labels = by_class(1500, seed=5)
    values = evaluate(images[:1000], classifier, real, labels=labels[:1000]).metrics
    assert "classification_accuracy_score" not in values
    assert "within_class_frechet_distance" in values
    some = labels != 4
    values = evaluate(images[some], classifier, real, labels=labels[some]).metrics
    assert "within_class_frechet_distance" not in values
    assert "label_accuracy_of_4" not in values
    assert "label_accuracy_of_5" in values
    values = evaluate(images, classifier, labels=labels).metrics  # no MNIST here
    assert "classification_accuracy_score" not in values
    assert "label_accuracy" in values
    letters = evaluate(images, classifier, labels=labels + 10).metrics
    assert letters.keys() == set(WITHOUT_DATA)


def test_the_accuracy_score_learns_from_the_samples_alone():
    """With labels moved by one, the network reads each test image as the next class."""
    images, labels = draw_digits(1500, seed=8)
    test, test_labels = draw_digits(500, seed=9)

    def score(taught, asked):
        return accuracy_score.classification_accuracy_score(images, taught, test, asked)

    good = score(labels, test_labels)
    assert good > 0.8
    assert score(labels, test_labels) == good
    assert score((labels + 1) % 10, (test_labels + 1) % 10) > 0.8


def test_without_data_the_shipped_statistics_are_enough(classifier):
    values = evaluate(draw_digits(300, seed=3)[0], classifier).metrics
    assert tuple(values) == WITHOUT_DATA


def test_good_collapsed_and_memorised_samples_are_ranked_rightly(classifier, real):
    good = evaluate(draw_digits(1000, seed=3)[0], classifier, real).metrics
    images, labels = draw_digits(10000, seed=4)
    collapsed = evaluate(images[labels == 1][:1000], classifier, real).metrics
    memorised = evaluate(real.training[:1000], classifier, real).metrics
    assert collapsed["largest_class_share"] > 0.9
    assert collapsed["class_divergence"] > 1.5 > 0.1 > good["class_divergence"]
    assert collapsed["recall"] < 0.3 < 0.7 < good["recall"]
    assert collapsed["coverage"] < 0.3 < 0.7 < good["coverage"]
    distance = "mnist_frechet_distance"
    assert collapsed[distance] > 2 * good[distance]
    assert memorised["nearest_training_distance"] == 0


def test_the_table_has_a_row_for_each_metric_and_the_real_data(classifier):
    values = evaluate(draw_digits(300, seed=3)[0], classifier).metrics
    more = values | {"label_accuracy": 0.5}
    text = scores.table(classifier, {"step 5": values, "step 10": more})
    lines = text.splitlines()
    assert lines[0].split() == ["step", "5", "step", "10", "real", "data"]
    rows = [line.split()[0] for line in lines[1:]]
    assert rows == [*WITHOUT_DATA, "label_accuracy"]
    assert f"{classifier.real_scores['mnist_frechet_distance']:.4g}" in lines[1]
    assert lines[-1].split()[1:3] == ["0.5", "0.9951"]


def test_the_picture_shows_the_samples(classifier, real):
    def pixels(images, real):
        found = evaluate(images, classifier, real)
        png = picture(images, found, real)
        return np.asarray(Image.open(io.BytesIO(png)).convert("L"))

    images, _ = draw_digits(200, seed=3)
    whole, alone = pixels(images, real), pixels(images, None)
    assert whole.shape == alone.shape == (600, 1560)
    assert (whole != alone).any()
    assert (pixels(images[::-1], real) != whole).any()


def test_the_picture_bears_its_title(classifier):
    images, _ = draw_digits(200, seed=3)
    found = evaluate(images, classifier)
    titles = ("", "x.npz", "\u6570 $\\frac$ \udcff")  # the last: any file's name
    plain, titled, odd = (picture(images, found, None, t) for t in titles)
    assert plain != titled != odd


def test_progress_ends_full(monkeypatch, capsys):
    """The bar counts what is done, and reaches its end with MNIST and without."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    for parts in (1, 6):
        with scores.progress("x.npz", parts) as report:
            for part in range(parts):
                report(f"part {part}")
        assert f"{parts}/{parts}" in capsys.readouterr().err
