import errno
import os
import subprocess

import keras
import numpy as np
import pytest
import tensorflow as tf

from gan_tf.data import sources
from gan_tf.errors import UserError
from gan_tf.gan.state import assemble, build_gan
from gan_tf.gan.step import train_step
from gan_tf.storage import checkpoints, description
from tests.conftest import state_of


@pytest.fixture
def gan(tiny):
    return build_gan(tiny())


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def advance(gan, steps):
    for _ in range(steps):
        noise = tf.random.stateless_uniform([8, 784], [0, int(gan.step)])
        train_step(gan, noise, None, seed=0)


def save_at(run_dir, gan, steps):
    """Saves at these steps; returns the states by step."""
    states = {}
    for step in steps:
        advance(gan, step - int(gan.step))
        checkpoints.save(run_dir, gan)
        states[step] = state_of(gan)
    return states


def flip(path, place=None):
    content = bytearray(path.read_bytes())
    content[len(content) // 2 if place is None else place] ^= 1
    path.write_bytes(content)


def test_the_whole_state_comes_back_and_three_are_kept(tmp_path, gan, tiny):
    states = save_at(tmp_path, gan, [2, 3, 5, 8])
    names = [path.name for path in checkpoints.saved(tmp_path)]
    assert names == ["step-00000008", "step-00000005", "step-00000003"]
    assert sorted(os.listdir(tmp_path / "checkpoints")) == sorted(names)
    other = build_gan(tiny(seed=5))
    assert not same(state_of(other), states[8])
    checkpoints.restore(tmp_path, other)
    assert same(state_of(other), states[8])
    advance(gan, 2)
    advance(other, 2)
    assert same(state_of(gan), state_of(other))  # optimizers too


def test_nothing_saved_leaves_the_state_alone(tmp_path, gan):
    before = state_of(gan)
    checkpoints.restore(tmp_path, gan)
    assert same(state_of(gan), before)


DAMAGE = {
    "flipped data": lambda p: flip(p / "state.data-00000-of-00001"),
    "flipped last byte": lambda p: flip(p / "state.data-00000-of-00001", -1),
    "flipped index": lambda p: flip(p / "state.index"),
    "flipped manifest": lambda p: flip(p / "manifest.json"),
    "cut data": lambda p: os.truncate(p / "state.data-00000-of-00001", 100),
    "empty index": lambda p: os.truncate(p / "state.index", 0),
    "no manifest": lambda p: (p / "manifest.json").unlink(),
    "no index": lambda p: (p / "state.index").unlink(),
    "renamed": lambda p: p.rename(p.with_name("step-00000009")),
    "empty": lambda p: [file.unlink() for file in p.iterdir()],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_newest_is_reported_and_the_one_before_used(
    tmp_path, gan, tiny, damage
):
    states = save_at(tmp_path, gan, [1, 2])
    damage(checkpoints.saved(tmp_path)[0])
    other = build_gan(tiny())
    with pytest.warns(UserWarning, match="is damaged and passed over"):
        checkpoints.restore(tmp_path, other)
    assert same(state_of(other), states[1])
    advance(other, 1)
    checkpoints.save(tmp_path, other)  # the damaged one is replaced
    assert same(state_of(other), states[2])


@pytest.mark.filterwarnings("ignore:checkpoint")
def test_when_all_are_damaged_nothing_is_guessed(tmp_path, gan, tiny):
    save_at(tmp_path, gan, [1, 2])
    for path in checkpoints.saved(tmp_path):
        flip(path / "state.data-00000-of-00001")
    with pytest.raises(UserError, match="not one checkpoint"):
        checkpoints.restore(tmp_path, build_gan(tiny()))


@pytest.mark.parametrize("failing", ["replace", "fsync"])
def test_a_save_that_fails_leaves_what_was_there(tmp_path, gan, monkeypatch, failing):
    states = save_at(tmp_path, gan, [1])
    advance(gan, 1)
    with monkeypatch.context() as patch:

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        patch.setattr(os, failing, full)
        with pytest.raises(UserError, match="No space left on device"):
            checkpoints.save(tmp_path, gan)
    assert os.listdir(tmp_path / "checkpoints") == ["step-00000001"]
    checkpoints.restore(tmp_path, gan)
    assert same(state_of(gan), states[1])
    save_at(tmp_path, gan, [2])  # there is room again


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB, where the machine lets us mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting needs root; the same failure is tested by monkeypatch")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_really_full(small_disk, tiny):
    gan = build_gan(tiny())  # its weights take more than 64 KiB
    with pytest.raises(UserError, match="cannot write") as caught:
        checkpoints.save(small_disk, gan)
    assert "\n" not in str(caught.value)
    assert os.listdir(small_disk / "checkpoints") == []


def test_load_generator(tmp_path, gan, tiny, data_dir):
    description.open_run(tmp_path, tiny(), sources.load("auto", str(data_dir)))
    with pytest.raises(UserError, match="no checkpoint yet"):
        checkpoints.load_generator(tmp_path)
    save_at(tmp_path, gan, [3])
    for averaged, model in ((True, gan.average), (False, gan.generator)):
        loaded = checkpoints.load_generator(tmp_path, averaged)
        for ours, expected in zip(loaded.get_weights(), model.get_weights()):
            np.testing.assert_array_equal(ours, expected)
    assert not np.array_equal(
        gan.average.get_weights()[0], gan.generator.get_weights()[0]
    )


def test_load_generator_of_a_run_without_average(tmp_path, tiny, data_dir):
    config = tiny(ema_decay=0.0)
    description.open_run(tmp_path, config, sources.load("auto", str(data_dir)))
    gan = build_gan(config)
    checkpoints.save(tmp_path, gan)
    loaded = checkpoints.load_generator(tmp_path)
    np.testing.assert_array_equal(
        loaded.get_weights()[0], gan.generator.get_weights()[0]
    )


@pytest.mark.parametrize(
    ("kind", "count"),
    [("float16", 2), ("bfloat16", 2), ("float64", 2), ("mixed_bfloat16", 70)],
)
def test_any_network_comes_back(tmp_path, kind, count):
    """Other number types, moving statistics, seeds of dropout; many layers."""

    def network(inputs, outputs):
        layers = [keras.layers.Dense(3, dtype=kind) for _ in range(count)]
        layers += [keras.layers.BatchNormalization(), keras.layers.Dropout(0.5)]
        return keras.Sequential(
            [keras.Input((inputs,)), *layers, keras.layers.Dense(outputs)]
        )

    one, other = (assemble(network(4, 784), network(784, 1)) for _ in range(2))
    checkpoints.save(tmp_path, one)
    checkpoints.restore(tmp_path, other)
    for ours, theirs in zip(other.generator.variables, one.generator.variables):
        np.testing.assert_array_equal(ours, theirs)
