"""The report as a file: what it says, how large it is, what it never overwrites."""

import dataclasses
import importlib
import re
import shlex
import shutil
import types

import numpy as np
import pytest

import gan_tf
from gan_tf import images, pages, report
from gan_tf.files import write_json
from gan_tf.pages.report import MAX_BYTES, write_report
from gan_tf.storage import checkpoints
from gan_tf.storage.run_directory import sample_grid_path
from gan_tf.training import loop
from tests.conftest import TINY, refused

pytestmark = pytest.mark.usefixtures("real_end")


@pytest.fixture(scope="module")
def config(data_dir):
    return gan_tf.Config(**TINY, data_dir=str(data_dir), epochs=20, conditional=True)


@pytest.fixture(scope="module")
def trained(config, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("runs") / "a <b>&'\" run"
    gan_tf.train(config, run_dir, progress=False)
    return run_dir


@pytest.fixture
def run_dir(trained, tmp_path):
    """A copy of the run that a test may change."""
    return shutil.copytree(trained, tmp_path / trained.name)


def test_training_ends_with_a_report_that_needs_no_network(trained):
    page = (trained / "report.html").read_text("utf-8")
    assert len(page) < MAX_BYTES
    assert not re.findall(r"https?://|<link|\bsrc=\"(?!data:)|url\(", page)
    for text in ("20 of 20 steps", "recipe default", "conditional true", "seed 0"):
        assert text in page
    assert page.count("<polyline") >= 4
    assert '"classes": 10' in page


def test_a_report_that_fails_does_not_fail_the_run(
    config, tmp_path, monkeypatch, capsys
):
    def fail(*_):
        raise RuntimeError("no luck")

    monkeypatch.setattr(loop.report, "write_report", fail)
    with pytest.warns(UserWarning, match="is finished, but its report .* no luck"):
        gan_tf.train(config, tmp_path / "r")
    assert (tmp_path / "r" / "training.gif").exists()
    assert capsys.readouterr().out.endswith(
        f"done: see samples.png, losses.png, training.gif in {tmp_path / 'r'}\n"
    )


def test_a_description_that_lacks_the_classes_has_a_command():
    from gan_tf.pages.content import _continue

    call = _continue("--run_dir=r", "r", gan_tf.Config(), {"name": "images"})
    assert call.endswith("'r', images=images)")


def test_names_are_text_and_never_markup(trained):
    page = (trained / "report.html").read_text("utf-8")
    assert "a <b>" not in page
    assert "a &lt;b&gt;&amp;&#39;&#34; run" in page


def test_the_commands_of_the_page_are_commands(trained, config):
    from gan_tf.pages.content import run_content

    commands = run_content(trained, live=False)["commands"].values()
    assert len(commands) >= 4
    for text in commands:
        _, _, module, *arguments = shlex.split(text)
        parser = importlib.import_module(module).parser()
        values = parser.parse_args(arguments)
        assert str(values.run_dir) == str(trained)
        if module == "gan_tf.train":
            from gan_tf.cli import config_from

            again = config_from(values)
            assert again.epochs == 40
            assert config.differences(again) == []


def test_only_python_continues_a_run_on_arrays(config):
    from gan_tf.pages.content import _commands

    ours = dataclasses.replace(config, data_dir="")
    data = {"name": "images-inverted", "classes": 3}
    call = _commands("--run_dir=r", "r", ours, data)["continue to twice the steps"]
    given = {}

    def train(config, run_dir, images):
        given.update(config=config, rest=(run_dir, images))

    package = types.SimpleNamespace(Config=gan_tf.Config, train=train)
    eval(call, {"gan_tf": package, "images": 1, "labels": 2})
    assert given["config"] == dataclasses.replace(ours, epochs=40)
    assert given["rest"] == ("r", (1, 2))


def test_the_command_writes_it_again(invoke, run_dir):
    (run_dir / "report.html").unlink()
    result = invoke(report, f"--run_dir={run_dir}")
    assert result == (0, f"wrote {run_dir / 'report.html'}\n", "")
    assert (run_dir / "report.html").stat().st_size < MAX_BYTES


def test_other_files_are_never_overwritten(invoke, run_dir, tmp_path):
    mine = tmp_path / "mine.html"
    mine.write_text("<p>mine</p>")
    flags = (f"--run_dir={run_dir}", f"--out={mine}")
    refused(invoke(report, *flags), "is not replaced", "--out")
    assert mine.read_text() == "<p>mine</p>"
    assert invoke(report, f"--run_dir={run_dir}")[0] == 0  # its own, again


@pytest.mark.parametrize(
    ("out", "words"),
    [("x.txt", [".html"]), ("", [".html"]), ("file/x.html", ["--out", "no folder"])],
)
def test_wrong_places_get_one_sentence(invoke, run_dir, tmp_path, out, words):
    (tmp_path / "file").touch()
    flags = (f"--run_dir={run_dir}", f"--out={tmp_path / out}")
    refused(invoke(report, *flags), *words)


def test_places_without_a_run(invoke, tmp_path):
    refused(invoke(report, f"--run_dir={tmp_path}/none"), "does not exist")
    refused(invoke(report, f"--run_dir={tmp_path}"), "holds no run")


def test_runs_are_compared(invoke, run_dir, trained, tmp_path):
    out = tmp_path / "both.html"
    assert invoke(report, trained, run_dir, f"--out={out}")[0] == 0
    page = out.read_text("utf-8")
    assert "2 runs side by side" in page
    assert page.count("&lt;b&gt;") > 4
    assert '"network": null' in page


def test_the_evaluation_is_shown_beside_real_data(invoke, run_dir, tmp_path):
    content = {
        "real": {"precision": 0.899, "label_accuracy": 0.9951},
        "results": {"step 20 <i>": {"precision": 0.1234, "new_one<b>": 2.0}},
        "warnings": ["out of the domain <u>"],
    }
    write_json(run_dir / "evaluation.json", content)
    assert invoke(report, f"--run_dir={run_dir}")[0] == 0
    page = (run_dir / "report.html").read_text("utf-8")
    for text in ("0.1234", "0.899", "new_one", "step 20 &lt;i&gt;", "domain &lt;u&gt;"):
        assert text in page
    assert "0.9951" not in page  # of real data alone
    assert "<u>" not in page


def test_damaged_parts_are_left_out(invoke, run_dir):
    (run_dir / "evaluation.json").write_text("{}")
    sample_grid_path(run_dir, 10).write_bytes(b"no picture")
    for path in (run_dir / "checkpoints").rglob("*.data*"):
        path.write_bytes(b"no weights")
    (run_dir / "curves.csv").write_text("step,d_loss,g_loss\n5,1.0,2.0\n")
    with pytest.warns(UserWarning, match="left out") as caught:
        assert invoke(report, f"--run_dir={run_dir}")[0] == 0
    texts = [str(warning.message) for warning in caught]
    assert sum("left out" in text for text in texts) == 2
    page = (run_dir / "report.html").read_text("utf-8")
    assert "not one checkpoint" in page
    assert 'data-step="20"' in page
    assert 'data-step="10"' not in page
    assert '"network": null' in page


def test_many_large_sample_grids_do_not_make_it_too_large(invoke, run_dir, monkeypatch):
    monkeypatch.setattr(pages.report, "MAX_BYTES", 300_000)
    random = np.random.default_rng(0)
    for step in range(30, 150, 10):
        noise = random.integers(0, 255, (200, 200, 3), np.uint8)
        images.write_png(sample_grid_path(run_dir, step), noise)
    assert invoke(report, f"--run_dir={run_dir}")[0] == 0
    page = (run_dir / "report.html").read_bytes()
    assert 100_000 < len(page) <= 300_000
    assert b'data-step="140"' in page
    assert 1 < page.count(b"data-step=") < 14


def test_a_generator_without_a_run_has_a_page_too(trained, config, tmp_path):
    found = next(checkpoints.trained(trained))
    source = dataclasses.replace(found, name="--pretrained mnist")
    write_report([source], tmp_path / "mnist.html")
    page = (tmp_path / "mnist.html").read_text("utf-8")
    assert "20 of 20 steps" in page
    assert '"latent": 4' in page
    assert (
        page.count("<span>--pretrained=mnist</span>") == 3
    )  # generate, export, report
    assert "Training</h2>" not in page
