import io

import numpy as np
import pytest
from PIL import Image

from gan_tf.data.strokes import draw_digits
from gan_tf.evaluation import metrics, scores
from gan_tf.evaluation.classifier import classify, load_classifier
from gan_tf.evaluation.scores import REPORT, WITHOUT_DATA, RealImages, evaluate


@pytest.fixture(scope="module")
def judge():
    return load_classifier()


@pytest.fixture(scope="module")
def real():
    """Drawn digits in MNIST's place: 51000 for the Parzen protocol's sake."""
    images, _ = draw_digits(3000, seed=1)
    return RealImages(
        training=np.tile(images, (17, 1, 1)), test=draw_digits(1500, 2)[0]
    )


def test_the_report_is_the_metrics(judge, real):
    images, _ = draw_digits(1000, seed=3)
    told = []
    figures = evaluate(images, judge, real, told.append)
    assert list(figures) == list(REPORT)
    assert len(told) == 5
    features, labels = classify(judge, images)
    test_features, _ = classify(judge, real.test)
    assert figures["mnist_frechet_distance"] == metrics.frechet_distance(
        metrics.gaussian(features), judge.real
    )
    scores = metrics.neighbourhood_scores(test_features, features)
    assert figures["precision"] == scores.precision
    assert figures["recall"] == scores.recall
    shares = np.bincount(labels, minlength=10) / 1000
    assert figures["smallest_class_share"] == shares.min()
    assert figures["largest_class_share"] == shares.max()
    assert figures["nearest_training_distance"] > 1


def test_without_data_the_shipped_figures_are_enough(judge):
    figures = evaluate(draw_digits(300, seed=3)[0], judge)
    assert tuple(figures) == WITHOUT_DATA


def test_good_collapsed_and_memorised_samples_are_ranked_rightly(judge, real):
    good = evaluate(draw_digits(1000, seed=3)[0], judge, real)
    images, labels = draw_digits(10000, seed=4)
    collapsed = evaluate(images[labels == 1][:1000], judge, real)
    memorised = evaluate(real.training[:1000], judge, real)
    assert collapsed["largest_class_share"] > 0.9
    assert collapsed["class_divergence"] > 1.5 > 0.1 > good["class_divergence"]
    assert collapsed["recall"] < 0.3 < 0.7 < good["recall"]
    assert collapsed["coverage"] < 0.3 < 0.7 < good["coverage"]
    distance = "mnist_frechet_distance"
    assert collapsed[distance] > 2 * good[distance]
    assert memorised["nearest_training_distance"] == 0


def test_the_table_has_a_row_for_each_figure_and_the_floors(judge):
    figures = evaluate(draw_digits(300, seed=3)[0], judge)
    text = scores.table(judge, {"step 5": figures, "step 10": figures})
    lines = text.splitlines()
    assert lines[0].split() == ["step", "5", "step", "10", "real", "data"]
    assert [line.split()[0] for line in lines[1:]] == list(WITHOUT_DATA)
    floor = f"{judge.real_scores['mnist_frechet_distance']:.4g}"
    assert floor in lines[1]


def test_the_picture_shows_the_samples(judge, real):
    def draw(images, real):
        png = scores.picture(images, judge, real)
        return np.asarray(Image.open(io.BytesIO(png)).convert("L"))

    images, _ = draw_digits(200, seed=3)
    whole, alone = draw(images, real), draw(images, None)
    assert whole.shape == alone.shape == (600, 1560)
    assert (whole != alone).any()
    assert (draw(images[::-1], real) != whole).any()


def test_the_picture_bears_its_title(judge):
    images, _ = draw_digits(200, seed=3)
    plain, titled = (scores.picture(images, judge, None, t) for t in ("", "x.npz"))
    assert plain != titled
