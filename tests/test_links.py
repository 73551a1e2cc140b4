"""Nothing outside the run directory is written or removed, wherever links lead."""

import os

import numpy as np
import pytest

from gan_tf import files
from gan_tf.data import sources
from gan_tf.errors import UserError
from gan_tf.gan.state import build_gan
from gan_tf.gan.step import METRICS
from gan_tf.storage import checkpoints, description
from gan_tf.storage.curves import read_curves
from gan_tf.training import log as training_log


@pytest.fixture
def victim(tmp_path):
    """A folder elsewhere, with things that look like ours; must stay as it is."""
    folder = tmp_path / "elsewhere"
    (folder / "step-00000001").mkdir(parents=True)
    (folder / "step-00000001" / "manifest.json").write_text("{}")
    (folder / "events.out.tfevents.1.x").write_bytes(b"precious")
    (folder / "file").write_bytes(b"precious")
    before = tree(folder)
    yield folder
    assert tree(folder) == before


def tree(folder):
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def run_dir(tmp_path, tiny, data_dir):
    folder = tmp_path / "run"
    description.open_run(folder, tiny(), sources.load("auto", str(data_dir)))
    return folder


@pytest.mark.parametrize(
    "name", ["checkpoints", "samples", "tensorboard", "evaluation"]
)
def test_a_linked_folder_is_refused(run_dir, victim, tiny, data_dir, name):
    (run_dir / name).symlink_to(victim)
    with pytest.raises(UserError, match=f"{name} is a link"):
        description.read_run(run_dir)
    with pytest.raises(UserError, match=f"{name} is a link"):
        description.open_run(run_dir, tiny(), sources.load("auto", str(data_dir)))


def test_the_run_directory_itself_may_be_a_link(run_dir, tmp_path):
    (tmp_path / "link").symlink_to(run_dir)
    assert description.read_run(tmp_path / "link") == description.read_run(run_dir)


def test_a_linked_file_is_replaced_and_not_written_through(tmp_path, victim):
    for name in ("x", ".x.part"):
        (tmp_path / name).symlink_to(victim / "file")
    files.write_atomically(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"
    assert not (tmp_path / "x").is_symlink()


@pytest.mark.parametrize("name", [".part", ".old", "step-00000000", "step-00000001"])
def test_checkpoints_that_are_links_are_removed_as_links(tmp_path, victim, tiny, name):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    (folder / name).symlink_to(victim / "step-00000001")
    gan = build_gan(tiny())
    for step in (0, 2, 3, 4):  # the fourth one trims, and meets the link
        gan.step.assign(step)
        checkpoints.save(tmp_path, gan)
    assert not any(path.is_symlink() for path in checkpoints.saved(tmp_path))
    assert len(checkpoints.saved(tmp_path)) == checkpoints.KEPT


def test_names_that_are_not_ours_are_left_alone(tmp_path, tiny):
    folder = tmp_path / "checkpoints"
    odd = ["step-x", "step-1", "step-00000001.bak", "step-\u0661" * 8]
    for name in odd:
        (folder / name).mkdir(parents=True)
    gan = build_gan(tiny())
    for step in range(5):
        gan.step.assign(step)
        checkpoints.save(tmp_path, gan)
    assert set(odd) <= set(os.listdir(folder))


def test_event_files_that_are_links(tmp_path, victim, tiny):
    folder = tmp_path / "tensorboard"
    folder.mkdir()
    for name in (".description.part", "events.out.tfevents.1.a"):
        (folder / name).symlink_to(victim / "events.out.tfevents.1.x")
    (tmp_path / "curves.csv").symlink_to(victim / "events.out.tfevents.1.x")
    with training_log.Log(tmp_path, tiny(), 0, progress=False) as log:
        log.describe("all")
        log.add(dict.fromkeys(METRICS, 1.0), 1)
        log.write(1)
        log.end_step(1)
    assert read_curves(tmp_path)["d_loss"] == ([1], [1.0])


def test_a_linked_evaluation_is_replaced(tmp_path, victim):
    (tmp_path / "tensorboard").mkdir()
    folder = tmp_path / "tensorboard" / "evaluation"
    folder.symlink_to(victim)
    training_log.write_evaluation(tmp_path, {3: {"recall": float(np.float32(0.5))}})
    assert not folder.is_symlink()


def test_a_pipe_and_a_large_file_are_no_json(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b" " * (1 << 20))
    for name, words in {"pipe": "is not a file", "large": "damaged"}.items():
        with pytest.raises(UserError, match=words):
            files.read_json(tmp_path / name)
