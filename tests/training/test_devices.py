"""The same run on one device, several, and several processes; lost workers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import types

import numpy as np
import pytest
import tensorflow as tf

import gan_tf
from gan_tf.errors import UserError
from gan_tf.storage import checkpoints
from gan_tf.storage.curves import read_curves
from gan_tf.training import devices, meeting, plan
from tests.conftest import command, environment, flags_of, refused

STEPS = {"epochs": 200, "log_every": 10, "sample_every": 100, "save_every": 100}

# Trains as the flags say on so many logical CPUs.
MIRRORED = """
import sys
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
logical = [tf.config.LogicalDeviceConfiguration()] * int(sys.argv[1])
tf.config.set_logical_device_configuration(cpu, logical)
from gan_tf import cli
from gan_tf.train import main, parser
values = parser().parse_args(sys.argv[2:])
assert values.strategy == "mirrored"
sys.exit(cli.exit_code("train", main, values))
"""


@pytest.fixture(scope="module")
def one(data_dir, tmp_path_factory):
    """The run on one device: its configuration's maker and its curves."""
    from tests.conftest import TINY

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


def mirrored(replicas, run_dir, config):
    code = [sys.executable, "-c", MIRRORED, str(replicas), "--run_dir", str(run_dir)]
    subprocess.run(
        [*code, *flags_of(config)],
        env=environment(),
        check=True,
        capture_output=True,
        timeout=240,
    )


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


class Cluster:
    """Local workers of the train command, as a cluster manager would start them."""

    def __init__(self, workers, run_dir, config, places=devices.local_cluster):
        start = [sys.executable, "-m", "gan_tf.train", "--run_dir", str(run_dir)]
        self.places = places(workers)
        self.processes = [
            subprocess.Popen(
                [*start, *flags_of(config)],
                env=environment() | place,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for place in self.places
        ]

    def wait(self):
        outputs = [process.communicate(timeout=240) for process in self.processes]
        codes = [process.returncode for process in self.processes]
        return [(code, *output) for code, output in zip(codes, outputs)]


@pytest.mark.parametrize("replicas", [2, 4])
def test_mirrored_replicas_make_the_run_of_one_device(one, tmp_path, replicas):
    make, expected = one
    mirrored(replicas, tmp_path, make(strategy="mirrored"))
    assert_same_run(tmp_path, expected)


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


@pytest.mark.parametrize("workers", [2, 3])
def test_workers_make_the_run_of_one_device(one, tmp_path, workers):
    make, expected = one
    run_dir = tmp_path / "run"
    results = Cluster(workers, run_dir, make(strategy="auto")).wait()
    assert [code for code, _, _ in results] == [0] * workers, results
    assert_same_run(run_dir, expected)
    for _, output, _ in results[1:]:
        assert output == ""  # only the chief speaks
    assert len(list((run_dir / "tensorboard").glob("*.v2"))) == 1  # and writes


def test_a_slurm_step_is_a_cluster_too(one, tmp_path):
    make, expected = one
    cluster = Cluster(2, tmp_path, make(strategy="multi_worker", epochs=10), slurm_step)
    assert [code for code, _, _ in cluster.wait()] == [0, 0]
    steps, values = curves(tmp_path)["d_loss"]
    assert steps == [10]
    np.testing.assert_allclose(values, expected["d_loss"][1][:1], rtol=1e-5)


def test_any_layout_continues_the_run_of_any_other(one, tmp_path):
    make, expected = one
    mirrored(2, tmp_path, make(strategy="mirrored", epochs=100))
    gan_tf.train(make(strategy="one", epochs=150), tmp_path, progress=False)
    mirrored(3, tmp_path, make(strategy="mirrored"))
    assert_same_run(tmp_path, expected)


def test_when_a_worker_is_killed_the_others_stop_and_all_can_go_on(one, tmp_path):
    make, expected = one
    run_dir = tmp_path / "run"
    # So long that it cannot end before the kill.
    cluster = Cluster(2, run_dir, make(epochs=10**6, sample_every=10**6))
    deadline = time.monotonic() + 120
    while not checkpoints.saved(run_dir) and time.monotonic() < deadline:
        time.sleep(0.2)
    cluster.processes[1].send_signal(signal.SIGKILL)
    (code, _, errors), _ = cluster.wait()
    reported = [
        line for line in errors.splitlines() if "error: lost another worker" in line
    ]
    assert code == 2
    assert len(reported) == 1
    assert "Traceback" not in errors
    step = checkpoints.step_of(checkpoints.saved(run_dir)[0])
    gan_tf.train(make(epochs=step + 10), run_dir, progress=False)
    steps, values = curves(run_dir)["d_loss"]
    assert steps == list(range(10, step + 11, 10))
    count = min(20, len(steps))
    np.testing.assert_allclose(values[:count], expected["d_loss"][1][:count], rtol=1e-5)


def test_a_batch_that_does_not_divide_is_refused(one, tmp_path):
    make, _ = one
    with pytest.raises(subprocess.CalledProcessError) as caught:
        mirrored(5, tmp_path / "run", make(strategy="mirrored"))
    assert b"--batch_size 24 cannot be shared by 5 replicas" in caught.value.stderr
    assert not (tmp_path / "run").exists()


def test_the_command_tells_of_a_missing_cluster(tmp_path):
    assert "TF_CONFIG" not in os.environ
    result = command("train", "--strategy=multi_worker", cwd=tmp_path)
    refused((result.returncode, result.stdout, result.stderr), "TF_CONFIG")
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
        monkeypatch.setattr(meeting.gone, "__defaults__", (0.5,))
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


def test_workers_with_other_data_stop(one, tmp_path):
    make, _ = one
    cluster = Cluster(2, tmp_path, make(epochs=10))
    cluster.processes[1].kill()
    cluster.processes[1].wait()
    start = [*cluster.processes[1].args[:3], "--run_dir", str(tmp_path)]
    cluster.processes[1] = subprocess.Popen(
        [*start, *flags_of(make(epochs=10)), "--dataset=strokes", "--data_dir="],
        env=environment() | cluster.places[1],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    results = cluster.wait()
    assert [code for code, *_ in results] == [2, 2], results
    errors = [errors for *_, errors in results]
    # The other one may find that the first has ended, or the description that it wrote.
    found = "the workers have different training images", "data: drawn"
    assert any(text in one for one in errors for text in found), errors
    assert not any("Traceback" in e for e in errors)
