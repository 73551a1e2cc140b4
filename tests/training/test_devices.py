"""The same run on one device, several, and several processes; lost workers."""

import dataclasses
import json
import signal
import socket
import types

import numpy as np
import pytest
import tensorflow as tf

import gan_tf
import gan_tf.train as train
from gan_tf.errors import UserError
from gan_tf.storage import checkpoints
from gan_tf.storage.curves import read_curves
from gan_tf.training import connections, devices, plan
from tests.conftest import TINY, refused

STEPS = {"epochs": 200, "log_every": 10, "sample_every": 100, "save_every": 100}


@pytest.fixture(scope="module")
def one(data_dir, tmp_path_factory):
    """The run on one device: its configuration's maker and its curves."""

    def make(**changes):
        sizes = TINY | STEPS | {"batch_size": 24, "data_dir": str(data_dir)}
        return gan_tf.Config(**(sizes | changes))

    run_dir = tmp_path_factory.mktemp("one")
    gan_tf.train(make(strategy="one"), run_dir, progress=False)
    return make, curves(run_dir)


def curves(run_dir):
    found = read_curves(run_dir)
    return {name: found[name] for name in ("d_loss", "g_loss", "r1", "d_real")}


def assert_same_run(run_dir, expected, rtol=1e-5):
    for name, (steps, values) in curves(run_dir).items():
        assert steps == expected[name][0] == list(range(10, 201, 10))
        np.testing.assert_allclose(values, expected[name][1], rtol, err_msg=name)


def slurm_step(count):
    """The environments of a Slurm step's tasks on one node."""
    return [
        {
            "SLURM_PROCID": str(index),
            "SLURM_STEP_NUM_TASKS": str(count),
            "SLURM_STEP_NODELIST": "localhost",
            "SLURM_STEP_TASKS_PER_NODE": str(count),
        }
        for index in range(count)
    ]


@pytest.fixture
def start(fork_server, tmp_path):
    """Starts local workers of the train command, as a cluster manager would."""

    def call(config, places, *flags_of_the_last):
        flags = [()] * (len(places) - 1) + [flags_of_the_last]
        return [
            fork_server.start(config, tmp_path / "run", *more, **place)
            for place, more in zip(places, flags)
        ]

    return call


@pytest.fixture
def mirrored(fork_server):
    def call(replicas, run_dir, config):
        return fork_server.finish(config, run_dir, devices=replicas)

    return call


def test_reduced_precision_needs_a_gpu(one, tmp_path):
    make, *_ = one
    config = make(strategy="one", precision="mixed_bfloat16", epochs=1)
    for call in (gan_tf.train, plan.plan):
        with pytest.raises(UserError, match="is for GPUs"):
            call(config, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_plan_and_a_run_mean_the_same_strategy(monkeypatch):
    """What training refuses for want of a cluster, a plan refuses too."""
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    for ask in (
        devices.planned_replicas,
        lambda n: devices.choose_strategy(gan_tf.Config(strategy=n)),
    ):
        with pytest.raises(UserError, match="needs two workers or more"):
            ask("multi_worker")
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: [1, 2, 3])
    assert devices.planned_replicas("auto") == 1  # three processors are no three GPUs
    assert devices.planned_replicas("mirrored") == 3
    hosts = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    task = {"type": "worker", "index": 1}
    monkeypatch.setenv("TF_CONFIG", json.dumps({"cluster": hosts, "task": task}))
    assert devices.planned_replicas("auto") == 9
    monkeypatch.delenv("TF_CONFIG")
    for name, value in slurm_step(4)[0].items():
        monkeypatch.setenv(name, value)
    assert devices.planned_replicas("multi_worker") == 12


@pytest.mark.parametrize(
    ("strategy", "places", "count"),
    [("auto", devices.local_cluster, 3), ("multi_worker", slurm_step, 2)],
)
def test_workers_make_the_run_of_one_device(
    one, tmp_path, start, strategy, places, count
):
    make, expected = one
    run_dir = tmp_path / "run"
    workers = start(make(strategy=strategy), places(count))
    codes = [worker.wait() for worker in workers]
    outputs = [worker.output() for worker in workers]
    assert not any(codes), outputs
    assert_same_run(run_dir, expected)
    assert "done: see samples.png" in outputs[0]
    assert not any("step" in output for output in outputs[1:])  # only the chief speaks
    assert len(list((run_dir / "tensorboard").glob("*.v2"))) == 1  # and writes


def test_any_layout_continues_the_run_of_any_other(one, tmp_path, mirrored):
    make, expected = one
    assert mirrored(4, tmp_path, make(strategy="mirrored", epochs=100))[0] == 0
    gan_tf.train(make(strategy="one", epochs=150), tmp_path, progress=False)
    assert mirrored(3, tmp_path, make(strategy="mirrored"))[0] == 0
    assert_same_run(tmp_path, expected)


def test_replicas_share_labels_and_the_batches_of_each_update(one, tmp_path, mirrored):
    make, _ = one
    config = make(conditional=True, d_steps=2, epochs=30)
    gan_tf.train(dataclasses.replace(config, strategy="one"), tmp_path / "one", False)
    config = dataclasses.replace(config, strategy="mirrored")
    assert mirrored(3, tmp_path / "three", config)[0] == 0
    expected = curves(tmp_path / "one")
    for name, (steps, values) in curves(tmp_path / "three").items():
        assert steps == expected[name][0] == [10, 20, 30]
        np.testing.assert_allclose(values, expected[name][1], 1e-5, err_msg=name)


def test_when_a_worker_is_killed_the_others_stop_and_all_can_go_on(
    one, tmp_path, start
):
    make, expected = one
    run_dir = tmp_path / "run"
    # So long that it cannot end before the kill.
    config = make(epochs=10**6, sample_every=10**6)
    first, second = start(config, devices.local_cluster(2))
    assert first.wait_for("step 100 of")
    second.signal(signal.SIGKILL)
    assert first.wait() == 2
    assert first.output().count("error: lost another worker") == 1
    assert "Traceback" not in first.output()
    step = checkpoints.step_of(checkpoints.saved(run_dir)[0])
    gan_tf.train(make(epochs=step + 10), run_dir, progress=False)
    steps, values = curves(run_dir)["d_loss"]
    assert steps == list(range(10, step + 11, 10))
    count = min(20, len(steps))
    np.testing.assert_allclose(values[:count], expected["d_loss"][1][:count], rtol=1e-5)


def test_a_batch_that_does_not_divide_is_refused(one, tmp_path, mirrored):
    make, _ = one
    code, output = mirrored(5, tmp_path / "run", make(strategy="mirrored"))
    assert code == 2
    assert "--batch_size 24 cannot be shared by 5 replicas" in output
    assert not (tmp_path / "run").exists()


def test_the_command_reports_a_missing_cluster(tmp_path, monkeypatch, invoke):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    refused(invoke(train, "--strategy=multi_worker"), "TF_CONFIG")
    assert list(tmp_path.iterdir()) == []


def test_one_process_writes_where_it_says(tmp_path):
    strategy = devices.choose_strategy(gan_tf.Config(strategy="one", batch_size=7))
    assert devices.is_chief(strategy)
    with devices.place_to_write(strategy, tmp_path) as place:
        assert place == tmp_path
    devices.check_agreement(strategy, 3, "ab" * 32, tmp_path)


def test_only_a_lost_worker_is_reported_as_lost(monkeypatch):
    """The same types of errors, with all workers there, keep their own text."""
    task = {"type": "worker", "index": 0}
    with socket.create_server(("localhost", 0)) as other:
        port = other.getsockname()[1]
        hosts = ["localhost:1", f"localhost:{port}"]
        text = json.dumps({"cluster": {"worker": hosts}, "task": task})
        monkeypatch.setenv("TF_CONFIG", text)
        monkeypatch.setattr(connections.gone, "__defaults__", (0.5,))
        strategy = types.SimpleNamespace(cluster_resolver=object())
        error = tf.errors.InternalError(None, None, "autotuning failed")
        with (
            pytest.raises(tf.errors.InternalError, match="autotuning failed"),
            devices.explained_lost_workers(strategy),
        ):
            raise error
        other.close()
        with (
            pytest.raises(UserError, match=f"lost another worker.*localhost:{port}"),
            devices.explained_lost_workers(strategy),
        ):
            raise error


def test_workers_with_other_data_stop(one, start):
    make, _ = one
    places = devices.local_cluster(2)
    workers = start(make(epochs=10), places, "--dataset=strokes", "--data_dir=")
    assert [worker.wait() for worker in workers] == [2, 2]
    outputs = [worker.output() for worker in workers]
    # The other one may find that the first has ended, or the description that it wrote.
    found = "the workers have different training images", "data: drawn"
    assert any(text in output for output in outputs for text in found), outputs
    assert not any("Traceback" in output for output in outputs)
