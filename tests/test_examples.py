"""Every example runs in small and writes what it says."""

import re
import runpy
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import gan_tf
from gan_tf import images
from gan_tf.evaluation import scores
from gan_tf.images import read_png
from gan_tf.training import loop
from tests.conftest import ROOT

EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.py"))


@pytest.fixture
def run_example(monkeypatch, capsys):
    """Runs an example in this process, without the seconds of XLA; its output."""
    steps = loop.compile_train_steps
    monkeypatch.setattr(
        loop, "compile_train_steps", lambda gan, seed, jit: steps(gan, seed, False)
    )
    monkeypatch.setattr(scores, "COUNT", 300)

    def run(name, *arguments):
        path = str(ROOT / "examples" / name)
        monkeypatch.setattr(sys, "argv", [path, *map(str, arguments)])
        runpy.run_path(path, run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_short_and_explain_themselves(name):
    text = (ROOT / "examples" / name).read_text()
    assert len(text.splitlines()) < 100
    assert f"    python examples/{name}" in text.split('"""')[1]


def test_minimal_gan_is_self_contained(run_example, data_dir, tmp_path):
    assert "gan_tf" not in (ROOT / "examples/minimal_gan.py").read_text()
    out = tmp_path / "x.png"
    data = data_dir / "train-images-idx3-ubyte.gz"
    output = run_example("minimal_gan.py", "--images", data, "--steps=3", "--out", out)
    assert "step 3, d_loss" in output
    assert read_png(out).shape == (224, 224)


def test_one_layer_gan(run_example, data_dir, tmp_path):
    flags = ["--epochs=3", "--data_dir", data_dir, "--run_dir", tmp_path / "r"]
    output = run_example("one_layer_gan.py", *flags, "--out", tmp_path / "x.png")
    assert "79,184" in output  # 100 * 784 + 784 weights
    assert read_png(tmp_path / "x.png").max() > 0


def test_train_from_python_and_interpolate(run_example, data_dir, tmp_path):
    run = ["--run_dir", tmp_path / "r"]
    flags = ["--epochs=3", "--data_dir", data_dir, "--out", tmp_path / "x.png"]
    output = run_example("train_from_python.py", *run, *flags)
    assert "trained 3 steps, seed 1" in output
    assert read_png(tmp_path / "x.png").shape == (242, 242)
    out = tmp_path / "interpolation.gif"
    run_example("interpolate.py", *run, "--points=4", "--out", out)
    assert out.read_bytes()[:4] == b"GIF8"


def test_dirac_gan_circles_without_r1_and_converges_with_it(run_example, tmp_path):
    output = run_example("dirac_gan.py", "--out", tmp_path / "x.png")
    without, with_r1 = (
        float(line.split("distance ")[1].split()[0])
        for line in output.splitlines()
        if line.startswith("R1 weight")
    )
    assert without == pytest.approx(0.2839, abs=1e-4)  # a known value
    assert with_r1 < 1e-6
    assert read_png(tmp_path / "x.png").shape == (500, 1000)


def test_optimal_discriminator_is_the_theorys(run_example, tmp_path, monkeypatch):
    frame = images.png_bytes(np.zeros((8, 8), np.uint8))
    monkeypatch.setattr(images, "png_bytes_of_figure", lambda _: frame)  # thirty of it
    out, animation = tmp_path / "x.png", tmp_path / "x.gif"
    output = run_example(
        "optimal_discriminator.py",
        *("--steps=900", "--out", out, "--animation", animation),
    )
    assert read_png(out).std() > 10
    numbers = [float(n) for n in re.findall(r"-?\d+\.\d+", output)]
    bias, slope, _, value, theory, mean, deviation = numbers
    assert (bias, slope) == (pytest.approx(0.5, abs=0.05), pytest.approx(-1, abs=0.05))
    assert theory == pytest.approx(-1.1635, abs=1e-4)
    assert value == pytest.approx(theory, abs=0.005)
    assert abs(mean) < 0.5
    assert 0.5 < deviation < 2
    assert animation.read_bytes()[:4] == b"GIF8"


def test_document_recipe(run_example, data_dir, tmp_path):
    flags = ["--epochs=3", "--data_dir", data_dir, "--runs", tmp_path]
    run_example("document_recipe.py", *flags, "--out", tmp_path / "x.png")
    assert read_png(tmp_path / "x.png").shape == (900, 1100)
    assert {p.name for p in tmp_path.iterdir()} == {"document", "default", "x.png"}


def test_mixtures_have_the_papers_modes_and_are_scored(
    run_example, tmp_path, monkeypatch
):
    monkeypatch.setattr(tf, "function", lambda **_: lambda plain: plain)
    output = run_example("mixtures.py", "--steps=5", "--out", tmp_path / "x.png")
    rows = re.findall(r"^(ring|grid) (plain GAN|R1, average) +([\d.]+)", output, re.M)
    assert [(name, kind) for name, kind, _ in rows] == [
        ("ring", "plain GAN"),
        ("ring", "R1, average"),
        ("grid", "plain GAN"),
        ("grid", "R1, average"),
    ]
    assert read_png(tmp_path / "x.png").shape == (600, 900)


def test_multi_worker(run_example, fork_server, tmp_path, monkeypatch):
    def start(command, env):
        assert command[:3] == [sys.executable, "-m", "gan_tf.train"]
        place = {name: env[name] for name in ("TF_CONFIG",) if name in env}
        return fork_server.launch(command[3:], place)

    monkeypatch.setattr(subprocess, "Popen", start)
    flags = ["--epochs=20", "--units=4", "--batch_size=8", "--runs", tmp_path]
    output = run_example("multi_worker.py", *flags)
    differences = re.findall(r"^ +\d+ [\d.]+ ([\d.e+-]+)$", output, re.M)
    assert len(differences) == 10
    assert max(map(float, differences)) < 1e-5


def test_dcgan_is_short_and_its_run_works_without_it(run_example, data_dir, tmp_path):
    text = (ROOT / "examples/dcgan.py").read_text()
    assert len(text.splitlines()) < 60
    flags = ["--epochs=2", "--data_dir", data_dir, "--run_dir", tmp_path / "r"]
    run_example("dcgan.py", *flags)
    generator = gan_tf.load_generator(tmp_path / "r")
    assert any("normalization" in layer.name for layer in generator.layers)
    assert gan_tf.sample(generator, seed=0, count=2).shape == (2, 28, 28)


@pytest.mark.filterwarnings("ignore::UserWarning")  # there is no MNIST to compare with
def test_sweep_compares_three_learning_rates(run_example, data_dir, tmp_path):
    flags = ["--epochs=2", "--data_dir", data_dir, "--runs", tmp_path]
    output = run_example("sweep.py", *flags)
    rows = re.findall(r"^ +([\d.]+) +2 +([\d.]+)$", output, re.M)
    assert [float(rate) for rate, _ in rows] == [0.0002, 0.002, 0.02]
    assert all(float(distance) > 1 for _, distance in rows)
    for rate, _ in rows:  # where HParams finds them
        assert list((tmp_path / rate / "tensorboard" / "evaluation").iterdir())
