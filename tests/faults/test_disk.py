"""Disks that are full, read-only, damaged, and clocks that are wrong."""

import random
import re
import tempfile
import warnings

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import gan_tf
import gan_tf.train as train
from gan_tf import generate
from gan_tf.gan.state import build_gan
from gan_tf.storage import checkpoints, description, run_directory
from tests.conftest import flags_of, refused
from tests.faults import disks
from tests.faults.injection import (
    clock_was_ahead,
    copy,
    damaged,
    differences,
    mounted,
    often,
    remount,
    shown_steps,
)

pytestmark = pytest.mark.usefixtures("real_end")  # the last pictures need room too


@pytest.fixture
def disk(tmp_path):
    """A file system of its own of 16 MB, where the machine lets us mount one."""
    try:
        with mounted(tmp_path / "disk", 16000):
            yield tmp_path / "disk"
    except OSError:
        pytest.skip("mounting needs root; test_files has the same failures played")


@pytest.fixture(scope="module")
def undisturbed(data_dir, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("undisturbed")
    config = often(data_dir, epochs=20)
    gan_tf.train(config, run_dir, progress=False)
    return config, run_dir


# Kilobytes left, and what then does not fit: nothing at all, the first sample grid, the
# first checkpoint, the pictures of the end.
@pytest.mark.parametrize("room", [0, 24, 200, 1100])
def test_a_full_disk_is_reported_and_loses_nothing(disk, undisturbed, invoke, room):
    config, expected = undisturbed
    (disk / "ballast").write_bytes(bytes((16000 - room) * 1024))
    result = invoke(train, *flags_of(config), f"--run_dir={disk}/run")
    refused(result, "cannot write", "No space left on device")
    assert [path for path in disk.rglob(".*") if path.is_dir()] == []
    gan = build_gan(config)
    checkpoints.restore(disk / "run", gan)  # warns of no damage
    (disk / "ballast").unlink()
    assert invoke(train, *flags_of(config), f"--run_dir={disk}/run")[0] == 0
    assert differences(disk / "run", expected) == []


def test_a_read_only_run_can_be_used_and_not_trained(
    disk, undisturbed, invoke, tmp_path
):
    config, expected = undisturbed
    copy(expected, disk / "run")
    remount(disk, "ro")
    where = f"--run_dir={disk}/run"
    refused(invoke(train, *flags_of(config), where), "Read-only file system")
    refused(invoke(generate, where, f"--out={disk}/x.png"), "cannot write in")
    assert invoke(generate, where, f"--out={tmp_path}/x.png")[0] == 0


@pytest.mark.parametrize(
    ("command", "flag"), [(train, "--run_dir=x"), (generate, "--pretrained=mnist")]
)
def test_no_folder_for_temporary_files(invoke, monkeypatch, command, flag):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/proc/none"])
    refused(invoke(command, flag), "TMPDIR")


def test_a_tensorboard_folder_that_is_none(undisturbed, invoke, tmp_path):
    config, _ = undisturbed
    (tmp_path / "tensorboard").write_text("mine")
    result = invoke(train, *flags_of(config), f"--run_dir={tmp_path}")
    refused(result, "tensorboard is no folder; name another place")
    assert (tmp_path / "tensorboard").read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["state.data-00000-of-00001", "state.index", "manifest.json", "config.json"]
)
def test_damage_anywhere_in_a_checkpoint(undisturbed, tmp_path, name):
    config, expected = undisturbed
    newest, before, _ = checkpoints.saved(copy(expected, tmp_path / "run"))
    sound = (newest / name).read_bytes()
    for wrong in damaged(sound, 5, random.Random(0)):
        if wrong.strip() == sound.strip():
            continue  # a missing line end at the end of JSON is no damage
        (newest / name).write_bytes(wrong)
        gan = build_gan(config)
        with pytest.warns(UserWarning, match="is damaged and passed over"):
            checkpoints.restore(tmp_path / "run", gan)
        assert int(gan.step) == checkpoints.step_of(before)


def test_damage_anywhere_in_the_description(undisturbed, tmp_path):
    config, expected = undisturbed
    path = run_directory.config_path(copy(expected, tmp_path / "run"))
    sound = path.read_bytes()
    for wrong in damaged(sound, 40, random.Random(0)):
        if wrong.strip() == sound.strip():
            continue
        path.write_bytes(wrong)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            read, _ = description.read_run(tmp_path / "run")
        assert config.differences(read) == []  # the weights are of these options
        # Other values could have been edited; versions and the digest are notes. All
        # that changes the content is reported.
        assert read == config or "was edited: " in str(caught[0].message)
        assert caught or disks.reads_the_same(wrong, sound)
    path.write_bytes(sound.replace(b'"python": "', b'"python": "9'))
    with pytest.warns(UserWarning, match="edited: in nothing that the run depends on"):
        assert description.read_run(tmp_path / "run")[0] == config
    path.write_bytes(wrong)
    with pytest.warns(UserWarning, match=r"its copy .*step-00000020/config\.json"):
        gan_tf.train(config, tmp_path / "run", progress=False)
    description.read_run(
        tmp_path / "run"
    )  # written anew, so that nothing is to be warned of


def test_damaged_newer_checkpoints_do_not_push_out_sound_ones(undisturbed, tmp_path):
    config, expected = undisturbed
    run_dir = copy(expected, tmp_path / "run")
    for path in checkpoints.saved(run_dir)[:2]:
        (path / "state.index").unlink()
    sound = checkpoints.saved(run_dir)[2]
    (run_dir / "checkpoints" / "step-00000099").mkdir()
    gan = build_gan(config)
    with pytest.warns(UserWarning, match="passed over"):
        checkpoints.restore(run_dir, gan)
    gan.step.assign_add(1)
    saved = checkpoints.save(run_dir, gan)
    assert saved.exists()
    assert sound.exists()


def test_a_clock_that_goes_backwards_fools_nobody(undisturbed, data_dir, tmp_path):
    config, expected = undisturbed
    gan_tf.train(often(data_dir, epochs=9), tmp_path / "run", progress=False)
    old = (tmp_path / "run" / "samples.png").read_bytes()
    clock_was_ahead(tmp_path / "run", 10**7)
    gan_tf.train(config, tmp_path / "run", progress=False)
    assert (tmp_path / "run" / "samples.png").read_bytes() != old
    assert shown_steps(tmp_path / "run")["d_loss", 9] == 1
    accumulator = EventAccumulator(
        str(tmp_path / "run" / "tensorboard"), {"tensors": 0}
    )
    accumulator.Reload()
    steps = [event.step for event in accumulator.Tensors("d_loss")]
    assert steps == sorted(steps)
    np.testing.assert_array_equal(steps, [3, 6, 9, 12, 15, 18, 20])
    assert not re.search(
        "weights|left over", str(differences(tmp_path / "run", expected))
    )
