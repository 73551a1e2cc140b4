"""A run of version 0.1.0 (`tests/golden/make.py`) loads for ever."""

import dataclasses
import shutil

import numpy as np
import pytest
from tensorboard.backend.event_processing.plugin_event_accumulator import (
    EventAccumulator,
)

import gan_tf
import gan_tf.generate as generate
from gan_tf import evaluate, files
from gan_tf.config import Config
from gan_tf.data.arrays import read_npz
from gan_tf.gan.sampling import sample
from gan_tf.storage import checkpoints, description, run_directory
from gan_tf.storage.curves import read_curves
from tests.conftest import ROOT, refused

GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture
def golden(tmp_path):
    """A copy of the golden run, to be written to."""
    return shutil.copytree(GOLDEN / "run", tmp_path / "run")


def test_it_is_small():
    sizes = [path.stat().st_size for path in GOLDEN.rglob("*") if path.is_file()]
    assert sum(sizes) < 200_000


def test_it_generates_what_it_generated():
    samples = sample(checkpoints.load_generator(GOLDEN / "run"), seed=0, count=4)
    (expected,) = read_npz(GOLDEN / "samples.npz", ("images",))
    assert (expected[0] != expected[1]).any()
    np.testing.assert_allclose(samples.astype(int), expected.astype(int), atol=1)


def test_generate_and_evaluate_take_it(golden, invoke, tmp_path):
    out = f"--out={tmp_path / 'x.npz'}"
    assert invoke(generate, f"--run_dir={golden}", out, "--weights=raw")[0] == 0
    values = evaluate.parser().parse_args([f"--run_dir={golden}"])
    origin, samples, labels = next(evaluate._run_samples(values))
    assert (origin.step, origin.data, labels) == (20, "drawn", None)
    assert samples.shape == (10000, 28, 28)


def test_it_goes_on(golden):
    assert read_curves(golden) == {}  # version 0.1.0 had none
    config, _ = description.read_run(golden)
    longer = dataclasses.replace(config, epochs=40, data_dir=str(GOLDEN / "drawn"))
    assert int(gan_tf.train(longer, golden, progress=False).step) == 40
    steps, values = read_curves(golden)["d_loss"]
    assert steps == [25, 30, 35, 40]
    assert len(set(values)) == 4
    assert max(values) < 1.4  # its networks and optimizers have not begun again
    events = EventAccumulator(str(run_directory.events_dir(golden)), {"tensors": 0})
    events.Reload()
    assert [e.step for e in events.Tensors("d_loss")] == list(range(5, 41, 5))


def test_what_it_does_not_know_has_a_value_for_it():
    known = files.read_json(GOLDEN / "run" / "config.json")["config"]
    later = [f for f in dataclasses.fields(Config) if f.name not in known]
    assert all("value_before" in field.metadata for field in later)


def test_an_option_that_joined_later_keeps_old_runs_as_they_were(monkeypatch):
    fields = dataclasses.fields(Config)
    (joined,) = [field for field in fields if field.name == "r1_every"]
    values = Config(r1_every=1).to_dict()
    del values["r1_every"]
    with pytest.raises(gan_tf.UserError, match="r1_every"):
        Config.from_dict(values)
    monkeypatch.setattr(joined, "metadata", joined.metadata | {"value_before": 1})
    assert Config.from_dict(values).r1_every == 1  # not the default, which is 4
    with pytest.raises(gan_tf.UserError, match="see colour"):
        Config.from_dict(values | {"colour": 1})


def test_an_unknown_format_is_refused(golden, invoke, tmp_path):
    out = f"--out={tmp_path / 'x.npz'}"
    manifest = golden / "checkpoints" / "step-00000020" / "manifest.json"
    content = files.read_json(manifest)
    files.write_json(manifest, content | {"format": 2})
    message = "from another version of gan_tf: it has format 2, this version reads 1"
    refused(invoke(generate, f"--run_dir={golden}", out), message)
    path = run_directory.config_path(golden)
    files.write_json(path, files.read_json(path) | {"format": 2})
    message = "has format 2, this version of gan_tf reads 1"
    refused(invoke(generate, f"--run_dir={golden}", out), message)
