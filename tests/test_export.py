"""Every format is written, compared, and used as its model card says."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import gan_tf
from gan_tf import export
from gan_tf.exporting.comparison import TOLERANCES, reference
from gan_tf.exporting.formats import FORMATS
from gan_tf.storage import checkpoints
from gan_tf.storage.evaluations import Evaluations, write_evaluation
from tests.conftest import TINY, environment, refused

# Run, format, quantization, output: one and two inputs, both outputs for each format.
CASES = [
    ("plain", "keras", "", "float"),
    ("plain", "saved_model", "", "pixels"),
    ("plain", "onnx", "", "float"),
    ("plain", "litert", "", "pixels"),
    ("plain", "npz", "", "float"),
    ("plain", "litert", "float16", "float"),
    ("labels", "keras", "", "pixels"),
    ("labels", "saved_model", "", "float"),
    ("labels", "onnx", "", "pixels"),
    ("labels", "litert", "", "float"),
    ("labels", "npz", "", "pixels"),
    ("labels", "litert", "int8", "float"),
    ("labels", "litert", "int8", "pixels"),
]
if sys.version_info < (3, 11):  # the last Keras for Python 3.10 writes no LiteRT
    CASES = [case for case in CASES if case[1] != "litert"]
NEEDS_TENSORFLOW = ("keras", "saved_model")


@pytest.fixture
def runs(plain_run, labelled_run):
    """A run without and a run with labels, by name."""
    return {"plain": plain_run, "labels": labelled_run}


@pytest.fixture
def write(invoke, runs, tmp_path):
    """Runs the command: (exit code, output, errors)."""

    def call(form, *flags, run="plain", out=None):
        out = tmp_path / f"x{export._ENDINGS[form]}" if out is None else out
        run_dir = f"--run_dir={runs[run]}"
        return invoke(export, run_dir, f"--format={form}", f"--out={out}", *flags)

    return call


def out_name(case):
    run, form, quantize, output = case
    return f"{run}-{form}-{quantize}-{output}{export._ENDINGS[form]}"


def example_of(card):
    return re.search(r"```python\n(.*?)\n```", card.read_text("utf-8"), re.DOTALL)[1]


def run_examples(folder, cases, blocked):
    """Runs the cards' examples in one process that can import none of `blocked`."""
    program = "import sys, numpy as np\n"
    program += f"sys.modules.update(dict.fromkeys({blocked!r}))\n"
    for case in cases:
        name = out_name(case)
        code = example_of(folder / f"{name}.md")
        program += f"exec({code!r})\nnp.save({name + '.npy'!r}, images)\n"
    variables = {k: v for k, v in environment().items() if k != "PYTHONPATH"}
    result = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr


def test_every_export_does_what_its_card_says_without_this_package(
    invoke, runs, tmp_path
):
    for case in CASES:
        run, form, quantize, output = case
        flags = [f"--format={form}", f"--output={output}"]
        flags += [f"--quantize={quantize}"] if quantize else []
        path = tmp_path / out_name(case)
        result = invoke(export, f"--run_dir={runs[run]}", f"--out={path}", *flags)
        assert result[0] == 0, (case, result)
        assert "largest difference" in result[1]
        assert f"wrote {path} and {path}.md" in result[1]
        assert result[2] == ""
    heavy = [case for case in CASES if case[1] in NEEDS_TENSORFLOW]
    light = [case for case in CASES if case[1] not in NEEDS_TENSORFLOW]
    run_examples(tmp_path, heavy, ("gan_tf",))
    run_examples(tmp_path, light, ("gan_tf", "tensorflow", "keras"))
    noise = np.random.default_rng(0).standard_normal((16, 4), dtype="float32")
    for case in CASES:
        run, _, quantize, output = case
        feed = {"noise": noise}
        if run == "labels":
            feed["label"] = np.arange(16, dtype=np.int32) % 10
        generator = checkpoints.load_generator(runs[run])
        pixels = output == "pixels"
        expected = reference(generator, feed, (28, 28), pixels)
        images = np.load(tmp_path / f"{out_name(case)}.npy", allow_pickle=False)
        assert (images.dtype, images.shape) == (expected.dtype, (16, 28, 28)), case
        differences = np.abs(images.astype(float) - expected) / (255 if pixels else 1)
        largest, mean = TOLERANCES[quantize]
        assert differences.max() <= largest + pixels / 255, case
        assert differences.mean() <= mean, case


def test_the_weights_that_are_asked_for(write, runs, tmp_path):
    for weights, shown in (("averaged", "moving average"), ("raw", "last")):
        out = tmp_path / f"{weights}.npz"
        assert write("npz", f"--weights={weights}", out=out)[0] == 0
        generator = checkpoints.load_generator(runs["plain"], weights == "averaged")
        with np.load(out, allow_pickle=False) as file:
            np.testing.assert_array_equal(file["kernel_0"], generator.weights[0])
        assert f"| weights | {shown} |" in (tmp_path / f"{weights}.npz.md").read_text()


def test_the_card_says_where_the_generator_comes_from(write, runs, tmp_path):
    measured = {"mnist_frechet_distance": 7.25, "precision": 0.5}
    results = {"step 200": {"precision": 0.1}, "step 20, all": measured}
    runs["labels"] = shutil.copytree(runs["labels"], tmp_path / "scored")
    write_evaluation(runs["labels"], Evaluations(results, real=measured))
    assert write("npz", run="labels")[0] == 0
    card = (tmp_path / "x.npz.md").read_text("utf-8")
    described = json.loads((runs["labels"] / "config.json").read_text())
    for words in (
        described["data"]["sha256"],
        "500 images",
        "| recipe | default ",
        " --conditional true ",
        "| training steps | 20 |",
        f"tensorflow {described['versions']['tensorflow']}",
        "| mnist_frechet_distance | 7.25 |",
        "| precision | 0.5 |",
        "input `noise`: float32 `[N, 4]`",
        "input `label`: int32 `[N]`, the class, 0 to 9",
        "output `images`: float32, 0 to 1, `[N, 28, 28]`",
        "allowed:",
    ):
        assert words in card, words
    assert str(tmp_path) not in card
    assert TINY["log_every"] != gan_tf.Config.log_every
    assert "--log_every" not in card  # it shapes no weight


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda images: images + 0.1, "largest difference 0.1"),
        (lambda images: images * np.nan, "largest difference nan"),
        (lambda images: images.astype(np.float64), "returns float64"),
        (lambda images: images[:, :, :-1], "[1, 28, 27]"),
        (lambda images: images[::-1], "largest difference"),
        (lambda images: 1 / 0, "division by zero"),
        (lambda images: Path("/nowhere/at/all").read_bytes(), "No such file"),
    ],
)
def test_an_export_that_differs_leaves_nothing(
    write, tmp_path, monkeypatch, wrong, words
):
    sound = FORMATS["keras"]

    def load(path):
        runtime = sound.load(path)
        return lambda feed: wrong(runtime(feed))

    monkeypatch.setitem(FORMATS, "keras", dataclasses.replace(sound, load=load))
    result = write("keras", out=tmp_path / "new" / "x.keras")
    refused(result, words, "nothing was written")
    assert os.listdir(tmp_path) == []


def test_nothing_that_exists_is_replaced(write, tmp_path):
    (tmp_path / "x.npz").write_text("mine")
    refused(write("npz"), "x.npz exists and is not replaced")
    assert (tmp_path / "x.npz").read_text() == "mine"
    (tmp_path / "y.npz.md").write_text("mine")
    refused(write("npz", out=tmp_path / "y.npz"), "y.npz.md exists")
    assert (tmp_path / "y.npz.md").read_text() == "mine"
    (tmp_path / "folder").mkdir()
    refused(write("saved_model", out=tmp_path / "folder"), "folder exists")
    (tmp_path / "link.npz").symlink_to(tmp_path / "nowhere")
    refused(write("npz", out=tmp_path / "link.npz"), "link.npz exists")
    assert sorted(os.listdir(tmp_path)) == ["folder", "link.npz", "x.npz", "y.npz.md"]


@pytest.mark.parametrize(
    ("form", "flags", "words"),
    [
        ("keras", ["--quantize=int8"], ["--quantize is for --format litert"]),
        ("litert", ["--quantize=int4"], ["--quantize", "int8"]),
        ("npz", ["--out=x.onnx"], ["must end in .npz"]),
        ("npz", ["--out=folder/"], ["must end in .npz"]),
        ("keras", ["--out=x.KERAS"], ["must end in .keras"]),
        ("saved_model", ["--out=a[1]/x"], ["no SavedModel from a path"]),
        ("npz", ["--out=/proc/x.npz"], ["/proc"]),
        ("npz", ["--out=gs://b/x.npz"], ["is an address"]),
        ("npz", ["--run_dir=/nowhere"], ["/nowhere does not exist"]),
        ("npz", ["--checkpoint=best"], ["no scored checkpoint"]),
        ("npz", ["--output=uint8"], ["--output", "pixels"]),
        ("npz", ["--form=onnx"], ["unknown argument --form", "--format"]),
    ],
)
def test_wrong_arguments_get_one_sentence(write, tmp_path, form, flags, words):
    refused(write(form, *flags), *words)
    assert os.listdir(tmp_path) == []


def test_a_format_is_needed_and_one_that_exists(invoke):
    refused(invoke(export), "--format")
    refused(invoke(export, "--format=h5"), "--format", "saved_model")


def test_packages_that_are_not_installed_are_named(write, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    extra = "pip install 'gan_tf[export]'"
    refused(write("onnx"), "tf2onnx and onnxruntime", extra)
    refused(write("litert"), "ai_edge_litert", extra)
    assert write("npz")[0] == 0
