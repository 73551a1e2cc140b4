"""Killed, stopped and doubled processes of the real command."""

import signal

import pytest

import gan_tf
import gan_tf.train as train
from gan_tf import generate
from gan_tf.storage import checkpoints
from gan_tf.storage.lock import run_lock
from tests.conftest import flags_of, refused
from tests.faults.injection import differences, last_reported, often, start, wait_for


def test_a_run_killed_again_and_again_is_the_undisturbed_one(
    data_dir, tmp_path, fork_server
):
    config = often(data_dir, epochs=60)
    for step in (12, 33):
        process = fork_server.start(config, tmp_path / "killed")
        assert process.wait_for(f"step {step} of")
        assert process.signal(signal.SIGKILL) == -signal.SIGKILL
    for name in ("killed", "undisturbed"):
        gan_tf.train(config, tmp_path / name, progress=False)
    assert differences(tmp_path / "killed", tmp_path / "undisturbed") == []


def test_ctrl_c_before_the_first_step_ends_the_command(data_dir, tmp_path):
    """A process that starts from nothing, and may still be loading TensorFlow."""
    process = start(often(data_dir, epochs=10**6), tmp_path)
    wait_for(process, "training on")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    # Shells report 130 for both: ended by the signal, or by the program because of it.
    assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT)
    assert errors == ""


def test_what_was_reported_before_a_signal_is_saved(data_dir, tmp_path, fork_server):
    config = often(data_dir, epochs=10**6, save_every=10**6)
    process = fork_server.start(config, tmp_path)
    assert process.wait_for("step 6 of")
    assert process.signal(signal.SIGTERM) == 128 + signal.SIGTERM
    saved = checkpoints.step_of(checkpoints.saved(tmp_path)[0])
    assert saved >= last_reported(process.output()) >= 6
    assert "error" not in process.output()


def test_a_second_process_is_refused_until_the_first_is_gone(
    data_dir, tmp_path, invoke, fork_server
):
    config = often(data_dir, epochs=10**6)
    (tmp_path / "link").symlink_to(tmp_path / "run")
    first = fork_server.start(config, tmp_path / "run")
    assert first.wait_for("step 6 of")
    for name, *more in (("run",), ("link",), ("run", "--dry_run")):
        run_dir = f"--run_dir={tmp_path / name}"
        result = invoke(train, *flags_of(config), run_dir, *more)
        refused(result, "is in use: another process trains there")
        assert invoke(generate, run_dir, f"--out={tmp_path}/x.png")[0] == 0
    first.signal(signal.SIGKILL)
    half = checkpoints.step_of(checkpoints.saved(tmp_path / "link")[0])
    config = often(data_dir, epochs=half + 5)
    assert int(gan_tf.train(config, tmp_path / "link", progress=False).step) == half + 5


def test_two_trainings_of_one_process_exclude_each_other_too(data_dir, tmp_path):
    with run_lock(tmp_path), pytest.raises(gan_tf.UserError, match="is in use"):
        gan_tf.train(often(data_dir, epochs=3), tmp_path)
