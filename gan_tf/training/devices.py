"""Where a run computes: one device, all GPUs of a machine, or many machines.

All of it is `tf.distribute`: replicas hold the same weights, take their shares of one
batch and add their gradients up. The training run is the same on any number of them,
up to the order in which floats are added.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from gan_tf.errors import UserError

# TensorFlow's Slurm resolver shares a node's GPUs among its tasks and fails on nodes
# without any: there it is given names of GPUs that it is not to use.
_NO_GPUS = {"gpus_per_node": 1024, "gpus_per_task": 1, "auto_set_gpu": False}
# What an exchange with a lost worker fails with; memory that is used up is our own.
_OF_OTHERS = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


def choose_strategy(name: str, batch_size: int) -> tf.distribute.Strategy:
    """The strategy that `--strategy` names.

    Call it before any other TensorFlow work: a cluster can only be joined then.

    Args:
        name: "one" device; "mirrored" on all GPUs of this machine (without any, on its
            logical CPUs); "multi_worker" on the cluster that TF_CONFIG, or without it
            Slurm, describes; or "auto": multi_worker if TF_CONFIG is set, mirrored from
            two GPUs on, or one.
        batch_size: of the whole step, to be shared equally.

    Raises:
        UserError: there is no such cluster, or the batch does not divide.
    """
    cluster = _cluster_in_environment()
    name = _named_strategy(name, cluster)
    if name == "multi_worker":
        strategy = _join(cluster)
    elif name == "mirrored":
        strategy = tf.distribute.MirroredStrategy()
    else:
        strategy = tf.distribute.get_strategy()
    check_batch(batch_size, strategy.num_replicas_in_sync)
    return strategy


def check_batch(batch_size: int, replicas: int) -> None:
    """Raises `UserError` unless the batch can be shared equally."""
    if batch_size % replicas:
        raise UserError(
            f"--batch_size {batch_size} cannot be shared by {replicas} replicas: "
            f"give a multiple of {replicas}, or --strategy one"
        )


def planned_replicas(name: str) -> int:
    """How many replicas `choose_strategy` would make; joins no cluster.

    Raises:
        UserError: there is no such cluster.
    """
    cluster = _cluster_in_environment()
    name = _named_strategy(name, cluster)
    if name == "one":
        return 1
    devices = len(
        tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    )
    if name == "mirrored":
        return devices
    if _is_slurm(cluster):
        return devices * int(os.environ.get("SLURM_STEP_NUM_TASKS", "1"))
    _check_description(cluster)
    jobs = json.loads(cluster)["cluster"]
    return devices * sum(len(jobs.get(job, ())) for job in ("chief", "worker"))


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one of its cluster that writes and speaks."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (not has_chief and resolver.task_id == 0)


@contextlib.contextmanager
def place_to_write(strategy: tf.distribute.Strategy, run_dir: Path) -> Iterator[Path]:
    """The run directory for the chief; for others a folder that vanishes afterwards.

    So every worker runs the same program, and only the chief's files stay.
    """
    if is_chief(strategy):
        yield run_dir
        return
    with tempfile.TemporaryDirectory(prefix="gan_tf-") as folder:
        yield Path(folder)


def check_agreement(strategy: tf.distribute.Strategy, step: int, run_dir: Path) -> None:
    """Raises `UserError` if the workers of a cluster do not stand at the same step."""
    steps = strategy.gather(tf.constant([step]), axis=0).numpy()
    if (steps != step).any():
        found = ", ".join(str(one) for one in sorted(set(steps.tolist())))
        raise UserError(
            f"the workers found checkpoints of different steps ({found}) "
            f"in {run_dir}: it must be one directory that all of them share"
        )


@contextlib.contextmanager
def explained_lost_workers(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Turns TensorFlow's errors about a lost worker into one sentence."""
    try:
        yield
    except _OF_OTHERS as error:
        if strategy.cluster_resolver is None:
            raise
        raise UserError(
            "another worker of the cluster is gone; start all of them again by the "
            "same commands, and the run goes on from its last checkpoint (on one "
            "machine alone: --strategy one)"
        ) from error


def check_precision(precision: str) -> None:
    """Raises `UserError` for reduced precision without a GPU.

    On two CPU cores the whole step gained 1.2 to 1.3 at best, and on one Xeon it took
    twice the time.
    """
    if precision != "float32" and not tf.config.list_physical_devices("GPU"):
        raise UserError(
            f"--precision {precision} is for GPUs, and TensorFlow finds none here; "
            "leave it out"
        )


def local_cluster(workers: int) -> list[dict[str, str]]:
    """The environment of each of so many workers on this machine; nothing for one.

    Their ports are free now; nobody keeps them free.
    """
    sockets = [socket.create_server(("localhost", 0)) for _ in range(workers)]
    hosts = [f"localhost:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    tasks = [{"type": "worker", "index": index} for index in range(workers)]
    clusters = [{"cluster": {"worker": hosts}, "task": task} for task in tasks]
    return [{"TF_CONFIG": json.dumps(c)} if workers > 1 else {} for c in clusters]


def _cluster_in_environment() -> str:
    """TF_CONFIG, or nothing where it names no cluster, as notebook services set it."""
    text = os.environ.get("TF_CONFIG", "")
    with contextlib.suppress(ValueError):
        content = json.loads(text)
        if isinstance(content, dict) and not content.get("cluster"):
            return ""
    return text


def _named_strategy(name: str, cluster: str) -> str:
    """What `--strategy auto` means here; the other names as they are."""
    if name != "auto":
        return name
    many = len(tf.config.list_physical_devices("GPU")) > 1
    return "multi_worker" if cluster else "mirrored" if many else "one"


def _is_slurm(cluster: str) -> bool:
    """Whether a cluster is described by Slurm; TF_CONFIG comes first."""
    return not cluster and "SLURM_PROCID" in os.environ


def _join(cluster: str) -> tf.distribute.Strategy:
    """Joins the cluster of TF_CONFIG or Slurm; waits until all workers are there."""
    resolvers = tf.distribute.cluster_resolver
    try:
        if _is_slurm(cluster):
            gpus = {} if shutil.which("nvidia-smi") else _NO_GPUS
            resolver = resolvers.SlurmClusterResolver(**gpus)
        else:
            _check_description(cluster)
            resolver = resolvers.TFConfigClusterResolver()
        return tf.distribute.MultiWorkerMirroredStrategy(resolver)
    except (RuntimeError, ValueError, tf.errors.OpError) as error:
        raise UserError(
            f"cannot join the cluster: {str(error).splitlines()[0]}. To "
            "train on this machine alone, use --strategy one"
        ) from error


def _check_description(cluster: str) -> None:
    """Raises `UserError` if this is no usable TF_CONFIG."""
    try:
        content = json.loads(cluster)
        task = content["task"]
        _ = content["cluster"][task["type"]][int(task["index"])]
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise UserError(
            "--strategy multi_worker needs a Slurm step, or TF_CONFIG in the "
            'environment, such as {"cluster": {"worker": ["host1:2222", '
            '"host2:2222"]}, "task": {"type": "worker", "index": 0}}. To train on this '
            "machine alone, use --strategy one"
        ) from error
