"""Killed, stopped and doubled processes of the real command."""

import random
import signal

import pytest

import gan_tf
import gan_tf.train as train
from gan_tf import generate
from gan_tf.storage import checkpoints
from tests.conftest import flags_of, refused
from tests.faults.injection import (
    differences,
    kill,
    last_reported,
    often,
    start,
    stop,
    wait_for,
)


def test_a_run_killed_again_and_again_is_the_undisturbed_one(data_dir, tmp_path):
    config = often(data_dir, epochs=100)
    randomly = random.Random(5)
    assert sum(kill(config, tmp_path / "killed", randomly) for _ in range(2)) >= 1
    for name in ("killed", "undisturbed"):
        gan_tf.train(config, tmp_path / name, progress=False)
    assert differences(tmp_path / "killed", tmp_path / "undisturbed") == []


def test_ctrl_c_before_the_first_step_ends_the_command(data_dir, tmp_path):
    config = often(data_dir, epochs=10**6)
    code, _, _, errors = stop(config, tmp_path, signal.SIGINT, 0.0, "training on")
    # Shells report 130 for both: ended by the signal, or by the program because of it.
    assert code in (-signal.SIGINT, 128 + signal.SIGINT)
    assert errors == ""


def test_what_was_told_before_a_signal_is_saved(data_dir, tmp_path):
    config = often(data_dir, epochs=10**6, save_every=10**6)
    code, _, output, errors = stop(config, tmp_path, signal.SIGTERM, 0.1, "step 6 of")
    assert (code, errors) == (128 + signal.SIGTERM, "")
    assert (
        checkpoints.step_of(checkpoints.saved(tmp_path)[0])
        >= last_reported(output)
        >= 6
    )


def test_a_second_process_is_refused_until_the_first_is_gone(
    data_dir, tmp_path, invoke
):
    config = often(data_dir, epochs=10**6)
    (tmp_path / "link").symlink_to(tmp_path / "run")
    first = start(config, tmp_path / "run")
    wait_for(first, "step 6 of")
    for name in ("run", "link"):
        result = invoke(train, *flags_of(config), f"--run_dir={tmp_path / name}")
        refused(result, "is in use: another process trains there")
        out = f"--out={tmp_path}/x.png"
        assert invoke(generate, f"--run_dir={tmp_path / name}", out)[0] == 0
    plan = invoke(
        train, *flags_of(config), f"--run_dir={tmp_path / 'run'}", "--dry_run"
    )
    refused(plan, "is in use: another process trains there")
    first.kill()
    first.communicate()
    half = checkpoints.step_of(checkpoints.saved(tmp_path / "link")[0])
    config = often(data_dir, epochs=half + 5)
    assert int(gan_tf.train(config, tmp_path / "link", progress=False).step) == half + 5


def test_two_trainings_of_one_process_are_told_apart_too(data_dir, tmp_path):
    from gan_tf.storage.lock import run_lock

    with run_lock(tmp_path), pytest.raises(gan_tf.UserError, match="is in use"):
        gan_tf.train(often(data_dir, epochs=3), tmp_path)
    gan_tf.train(often(data_dir, epochs=3), tmp_path, progress=False)
