"""The generators that ship with the package."""

import hashlib
import json

import numpy as np
import pytest

import gan_tf
from gan_tf import evaluate, generate, weights
from gan_tf.errors import UserError
from gan_tf.storage import pretrained
from tests.conftest import ROOT, refused

# The spread of one recipe over its seeds, docs/results.md: rounding the weights may
# not move a metric by more.
SPREAD = {"mnist_frechet_distance": 0.052, "precision": 0.002, "recall": 0.010}


@pytest.mark.parametrize("name", weights.PRETRAINED)
def test_each_is_what_the_program_was_made_with(name):
    file = (weights.FOLDER / f"{name}.npz").read_bytes()
    assert hashlib.sha256(file).hexdigest() == weights.PRETRAINED[name]
    assert len(file) < 1.5e6
    found = pretrained.pretrained(name)
    assert found.step == found.config.epochs == 30000
    assert found.config.data_dir == ""  # no path of the machine that made it
    assert found.content["data"]["name"] == "mnist"


@pytest.mark.parametrize("name", weights.PRETRAINED)
def test_float16_moves_no_metric_beyond_the_spread(name):
    made = json.loads((ROOT / "benchmarks" / "pretrained.json").read_text())
    exact, rounded = (made[name]["metrics"][form] for form in ("float32", "float16"))
    for metric, spread in SPREAD.items():
        assert abs(exact[metric] - rounded[metric]) < spread


def test_it_is_sampled_like_any_generator(invoke, tmp_path):
    images = gan_tf.sample(gan_tf.load_pretrained(), seed=0, count=16)
    assert images.shape == (16, 28, 28)
    out = tmp_path / "x.npz"
    code, *_ = invoke(
        generate, "--pretrained", "mnist", "--num", "16", "--out", str(out)
    )
    assert code == 0
    np.testing.assert_array_equal(np.load(out)["images"], images)


def test_its_digits_are_the_ones_asked_for(invoke, tmp_path):
    from gan_tf.evaluation.classifier import classify, load_classifier

    out = tmp_path / "x.npz"
    arguments = "--pretrained", "mnist_conditional", "--label", "7,3", "--out", out
    assert invoke(generate, *arguments, "--num", "100")[0] == 0
    with np.load(out) as made:
        _, found = classify(load_classifier(), made["images"])
        np.testing.assert_array_equal(made["labels"], [7, 3] * 50)
        assert (found == made["labels"]).mean() > 0.95


def test_wrong_uses_are_explained(invoke, tmp_path):
    out = "--out", tmp_path / "x.png"
    for wrong, what in (
        (("--pretrained", "mnist", "--label", "7"), "mnist_conditional"),
        (("--pretrained", "mnist", "--weights", "raw"), "one set of weights"),
        (("--pretrained", "mnist", "--checkpoint", "best"), "one set of weights"),
        (("--pretrained", "mnist", "--run_dir", "runs/a"), "not allowed with"),
        (("--pretrained", "cifar"), "invalid choice"),
        (("--run_dir", tmp_path / "none"), "--pretrained mnist"),
        (("--run_dir", tmp_path), "--pretrained mnist"),
    ):
        refused(invoke(generate, *wrong, *out), what)
    assert list(tmp_path.iterdir()) == []
    refused(invoke(evaluate, "--run_dir", tmp_path), "--pretrained mnist")
    with pytest.raises(UserError, match="there are mnist, mnist_conditional"):
        gan_tf.load_pretrained("cifar")


@pytest.mark.parametrize("change", [b"", b"\x00" * 100, None])
def test_another_file_is_refused(monkeypatch, tmp_path, change):
    monkeypatch.setattr(pretrained, "FOLDER", tmp_path)
    if change is not None:
        whole = (weights.FOLDER / "mnist.npz").read_bytes()
        (tmp_path / "mnist.npz").write_bytes(whole[:1000] + change)
    with pytest.raises(UserError, match=r"install gan_tf again|cannot read"):
        gan_tf.load_pretrained()
