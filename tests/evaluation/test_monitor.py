"""The probe of the samples in training, and the best checkpoint that it keeps."""

import dataclasses
import re

import numpy as np
import pytest

from gan_tf import Config, evaluate, generate
from gan_tf.data import sources
from gan_tf.evaluation import monitor
from gan_tf.evaluation.classifier import classify, load_classifier
from gan_tf.gan.sampling import sample
from gan_tf.gan.state import new_generator
from gan_tf.images import read_png
from gan_tf.storage import checkpoints, run_directory
from gan_tf.training import loop
from tests.conftest import refused


class Fixed:
    """A "generator" that gives these images, whatever the noise."""

    inputs = (np.zeros((1, 3)),)
    outputs = (np.zeros((1, 784)),)

    def __init__(self, images):
        self.rows = np.resize(images, (256, 784)).astype(np.float32) / 255

    def __call__(self, noise, training):
        import tensorflow as tf

        return tf.constant(self.rows[: len(noise)])


def values_of(shares, distance=1.0):
    return {monitor.DISTANCE: distance, **dict(zip(monitor.SHARES, shares))}


def test_a_probe_finds_the_only_digit(digits):
    images, labels = digits
    classifier = load_classifier()
    one = monitor.probe(Fixed(images[labels == 1][:1].reshape(1, 784)), classifier, 0)
    all_ten = monitor.probe(Fixed(images[:256].reshape(256, 784)), classifier, 0)
    assert one.keys() == all_ten.keys() == monitor.METRICS.keys()
    for values in (one, all_ten):
        assert sum(values[tag] for tag in monitor.SHARES) == pytest.approx(1)
    assert max(one[tag] for tag in monitor.SHARES) == 1.0
    assert one[monitor.DISTANCE] > 2 * all_ten[monitor.DISTANCE]
    assert "over 30%" in monitor.warning(one)


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ([0.1] * 10, None),
        ([0.01, 0.30] + [0.08625] * 8, None),
        ([0.009] + [0.991 / 9] * 9, "Digits under 1% of the samples: 0"),
        ([0.31] + [0.69 / 9] * 9, "Digits over 30%: 0"),
        ([0.0, 0.0, 0.6, 0.4] + [0.0] * 6, "0, 1, 4, 5, 6, 7, 8, 9; over 30%: 2, 3"),
    ],
)
def test_the_warning_names_the_digits(shares, words):
    text = monitor.warning(values_of(shares))
    assert text is None if words is None else text.endswith(words)


def test_the_sentence_has_the_values():
    shares = [0.05, 0.15] + [0.1] * 8
    text = monitor.describe(values_of(shares, distance=3.14159))
    assert text == "Frechet distance 3.14, class shares 5.0% to 15.0%"


def test_ignored_labels_are_named():
    values = values_of([0.1] * 10)
    accuracies = dict(zip(monitor.ACCURACIES, [0.8, 0.79] + [1.0] * 7 + [0.0]))
    text = monitor.warning(values | accuracies)
    assert text == ("labels ignored? Under 80% of the samples show their label: 1, 9")
    shown = monitor.describe(values | accuracies)
    assert shown.endswith(", label accuracy 85.9%, least 0.0%")
    collapsed = values_of([0.31] + [0.69 / 9] * 9) | accuracies
    assert monitor.warning(collapsed) == f"mode collapse? Digits over 30%: 0. {text}"


def test_a_probe_of_a_conditional_generator_compares_labels():
    classifier = load_classifier()
    config = Config(conditional=True, generator_units=(8,), latent_dim=3)
    generator = new_generator(config, 784, 10)
    values = monitor.probe(generator, classifier, 0)
    assert values.keys() == monitor.metrics_of(True).keys()
    images = sample(generator, 0, 1000)
    _, predicted = classify(classifier, images)
    for number in range(10):
        right = np.mean(predicted[np.arange(1000) % 10 == number] == number)
        assert values[monitor.ACCURACIES[number]] == right
    assert "labels ignored?" in monitor.warning(values)


@pytest.fixture
def as_mnist(monkeypatch):
    """Gives the small data set the name that health probes for."""
    load = sources.load

    def renamed(*arguments, **settings):
        return dataclasses.replace(load(*arguments, **settings), name="mnist")

    monkeypatch.setattr(sources, "load", renamed)


@pytest.fixture
def probes(monkeypatch):
    """Replaces the probes by these distances, in order; none left is an error."""
    distances = []

    def probe(generator, classifier, seed):
        return values_of([0.1] * 10, distances.pop(0))

    monkeypatch.setattr(monitor, "probe", probe)
    return distances


def steps(run_dir):
    return [checkpoints.step_of(path) for path in checkpoints.saved(run_dir)]


def test_the_best_checkpoint_is_kept_beside_the_last(as_mnist, probes, tiny, tmp_path):
    probes += [5.0, 2.0, 3.0, 4.0, 6.0, 2.0, 7.0]
    gan = loop.train(tiny(epochs=70), tmp_path, progress=False)
    assert probes == []
    assert steps(tmp_path) == [70, 60, 50, 20]  # of two alike the first
    assert checkpoints.scored(tmp_path)[0].name == "step-00000020"
    found = [one.step for one in checkpoints.trained(tmp_path, best=True)]
    assert found == [20, 60, 50, 70]
    best = checkpoints.load_generator(tmp_path, best=True).get_weights()
    assert any((a != b).any() for a, b in zip(best, gan.average.get_weights()))


def test_a_best_step_is_saved_between_two_saves(as_mnist, probes, tiny, tmp_path):
    probes += [5.0, 2.0, 3.0, 1.0]
    loop.train(tiny(epochs=40, save_every=1000), tmp_path, progress=False)
    assert steps(tmp_path) == [40, 20, 10]
    probes += [0.5, 0.7]  # a continued run knows what was best
    loop.train(tiny(epochs=60, save_every=1000), tmp_path, progress=False)
    assert steps(tmp_path) == [60, 50, 40]
    assert checkpoints.scored(tmp_path)[0].name == "step-00000050"


def test_health_is_reported_and_warned_of(as_mnist, tiny, tmp_path, capsys):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with pytest.warns(UserWarning, match=r"step [12]0: mode collapse\? Digits"):
        loop.train(tiny(epochs=20), tmp_path)  # two probes by the real classifier
    lines = re.findall(
        r"^step (\d+), samples: Frechet distance [\d.]+, class shares .* to .*%$",
        capsys.readouterr().out,
        re.MULTILINE,
    )
    assert lines == ["10", "20"]
    events = EventAccumulator(str(run_directory.events_dir(tmp_path)), {"tensors": 0})
    events.Reload()
    for tag in monitor.METRICS:
        assert [event.step for event in events.Tensors(tag)] == [10, 20]


def test_health_changes_nothing_else(as_mnist, probes, tiny, tmp_path):
    probes += [1.0, 2.0]
    scored = loop.train(tiny(), tmp_path / "on", progress=False)
    alone = loop.train(tiny(health=False), tmp_path / "off", progress=False)
    for a, b in zip(scored.generator.get_weights(), alone.generator.get_weights()):
        np.testing.assert_array_equal(a, b)
    grids = [read_png(tmp_path / name / "samples.png") for name in ("on", "off")]
    np.testing.assert_array_equal(*grids)


def test_other_data_are_not_scored(probes, tiny, tmp_path, invoke):
    loop.train(tiny(epochs=10), tmp_path, progress=False)  # a probe would be an error
    assert checkpoints.scored(tmp_path) == []
    for module in (generate, evaluate):
        result = invoke(module, "--run_dir", tmp_path, "--checkpoint", "best")
        refused(result, "holds no scored checkpoint")


def test_generate_takes_the_best(as_mnist, probes, tiny, tmp_path, invoke):
    probes += [1.0, 2.0]
    loop.train(tiny(), tmp_path, progress=False)
    grids = []
    for which in ("best", "last"):
        out = tmp_path / f"{which}.png"
        flags = ("--run_dir", tmp_path, "--checkpoint", which, "--out", out)
        assert invoke(generate, *flags)[0] == 0
        grids.append(read_png(out))
    assert (grids[0] != grids[1]).any()
