"""A run lives under any name that the file system allows, and nothing guesses at it."""

import os
import shutil

import pytest
import tensorflow as tf

import gan_tf
import gan_tf.train as train
from gan_tf import generate
from gan_tf.gan.state import build_gan
from gan_tf.storage import checkpoints
from tests.conftest import flags_of

NAMES = [
    "[2026] exp",
    "a]b[c",
    "back\\slash",
    "star*question?",
    "new\nline",
    "tab\there",
    " spaces ",
    "per%20cent%s",
    "quote\"'`",
    "-leading",
    "co:lon#hash$HOME{x,y}",
    "~tilde",
    "\u6570\u5b57 \u00e9 \U0001f600",
    "x" * 250,
]


def test_a_checkpoint_is_found_under_any_name(tmp_path, tiny):
    gan, other = build_gan(tiny()), build_gan(tiny(seed=1))
    for step, name in enumerate(NAMES, 1):
        run_dir = tmp_path / name / "run"
        gan.step.assign(step)
        checkpoints.save(run_dir, gan)
        checkpoints.restore(run_dir, other)
        assert int(other.step) == step
    for ours, theirs in zip(other.average.get_weights(), gan.average.get_weights()):
        assert (ours == theirs).all()


def test_every_command_takes_any_name(tmp_path, tiny, invoke):
    name = "[2026] exp\\n*? new\nline \u6570 -%s"
    run_dir = tmp_path / name / "r"
    out = tmp_path / name / "out.npz"
    assert invoke(train, *flags_of(tiny()), f"--run_dir={run_dir}")[0] == 0
    longer = tiny(epochs=30)
    assert invoke(train, *flags_of(longer), f"--run_dir={run_dir}")[0] == 0
    assert checkpoints.step_of(checkpoints.newest(run_dir)) == 30
    assert invoke(generate, f"--run_dir={run_dir}", f"--out={out}")[0] == 0
    assert {"samples.png", "losses.png", "training.gif"} <= set(os.listdir(run_dir))


def test_nothing_is_written_beside_the_run(tmp_path, tiny, monkeypatch):
    """TensorFlow would make a folder `ram:` for a prefix without a folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    gan = build_gan(tiny())
    checkpoints.save(tmp_path / "run", gan)
    checkpoints.restore(tmp_path / "run", gan)
    assert os.listdir() == []
    assert os.listdir(tmp_path / "run") == ["checkpoints"]
    assert tf.io.gfile.glob("ram://gan_tf/*") == []


@pytest.mark.skipif(os.name == "nt", reason="every name is Unicode there")
def test_names_that_are_not_utf8(tmp_path, tiny, data_dir):
    run_dir, data = (tmp_path / os.fsdecode(name) for name in (b"\xff[1]", b"\xfe"))
    shutil.copytree(data_dir, data)
    gan_tf.train(tiny(data_dir=str(data)), run_dir, progress=False)
    gan_tf.train(tiny(data_dir=str(data), epochs=30), run_dir, progress=False)
    assert checkpoints.step_of(checkpoints.newest(run_dir)) == 30
    gan_tf.load_generator(run_dir)
