"""Where a run computes: one device, all GPUs of a machine, or many machines.

All of it is `tf.distribute`: replicas hold the same weights, take their shares of one
batch and add their gradients up. The training run is the same on any number of them,
up to the order in which floats are added.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

import gan_tf
from gan_tf.config import Config
from gan_tf.errors import UserError
from gan_tf.training import cluster, connections, meeting, signals, watchdog

# What an exchange with a lost worker can fail with.
_MAY_BE_OF_OTHERS = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)
# Options that may differ among the workers of one run.
_OWN_OPTIONS = ("data_dir", "dataset", "strategy", "cluster_timeout")


def choose_strategy(config: Config) -> tf.distribute.Strategy:
    """The strategy that `--strategy` names.

    Call it before any other TensorFlow work: a cluster can only be joined then.

    Args:
        config: its `strategy` is "one" device; "mirrored" on all GPUs of this machine
            (without any, on its logical CPUs); "multi_worker" on the cluster that
            TF_CONFIG, or without it Slurm, describes; or "auto": multi_worker if
            TF_CONFIG describes two workers or more, mirrored from two GPUs on, or one.

    Raises:
        UserError: there is no such cluster, its workers do not come or are about to
            train something else, or the batch does not divide.
    """
    found = _cluster(config.strategy)
    if found:
        strategy = _join(found, config)
    elif _mirrored(config.strategy):
        strategy = _mirrored_strategy()
    else:
        strategy = tf.distribute.get_strategy()
    check_batch(config.batch_size, strategy.num_replicas_in_sync)
    return strategy


@functools.cache
def _mirrored_strategy() -> tf.distribute.Strategy:
    """One for the whole process: TensorFlow numbers the exchanges of each from 1 on.

    A second one with other shapes under the same numbers would fail.
    """
    return tf.distribute.MirroredStrategy()


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
    found = _cluster(name)
    if not found and not _mirrored(name):
        return 1
    devices = len(
        tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    )
    return devices * (len(found.hosts) if found else 1)


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


def check_agreement(
    strategy: tf.distribute.Strategy, step: int, digest: str, run_dir: Path
) -> None:
    """Raises `UserError` if the workers differ in their step or their data.

    Args:
        digest: of the training images, hex.
    """
    own = tf.constant([[step, int(digest[:15], 16)]], tf.int64)
    steps, digests = strategy.gather(own, axis=0).numpy().T
    if (steps != step).any():
        found = ", ".join(str(one) for one in sorted(set(steps.tolist())))
        raise UserError(
            f"the workers found checkpoints of different steps ({found}) "
            f"in {run_dir}: it must be one directory that all of them share"
        )
    if (digests != digests[0]).any():
        raise UserError(
            "the workers have different training images: give all of them the same "
            "--dataset and --data_dir"
        )


@contextlib.contextmanager
def explained_lost_workers(strategy: tf.distribute.Strategy) -> Iterator[None]:
    """Turns TensorFlow's errors into one sentence if a worker is lost.

    Other errors, for one of XLA, can have the same types; the sign is whether the
    other workers can still be reached.
    """
    try:
        yield
    except _MAY_BE_OF_OTHERS as error:
        found = cluster.find() if strategy.cluster_resolver else None
        lost = connections.gone(found.others) if found else []
        if not lost:
            raise
        raise UserError(
            f"lost another worker of the cluster ({', '.join(lost)}); start all of "
            "them again by the same commands, and the run goes on from its last "
            "checkpoint"
        ) from error


@contextlib.contextmanager
def explained_memory() -> Iterator[None]:
    """Turns NumPy's and TensorFlow's errors for too little memory into one sentence."""
    try:
        yield
    except (MemoryError, tf.errors.ResourceExhaustedError) as error:
        lines = str(error).split("}} ")[-1].split(" [Op:")[0].splitlines()
        why = lines[0] if lines else type(error).__name__
        raise UserError(
            f"not enough memory for this run ({why}); give a smaller "
            "--steps_per_call, --batch_size or network. What was saved is kept"
        ) from error


def check_precision(precision: str) -> None:
    """Raises `UserError` for reduced precision without a GPU.

    On two CPU cores the whole step gained 1.2 to 1.3 at best, and on one Xeon it took
    twice the time.
    """
    if precision != "float32" and not tf.config.list_physical_devices("GPU"):
        raise UserError(
            f"--precision {precision} is for GPUs, and TensorFlow finds none here: "
            "leave it out for a new run. A run that was begun with it goes on only "
            "where there is a GPU; generate and evaluate work everywhere"
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


def _cluster(name: str) -> cluster.Cluster | None:
    """The cluster that `--strategy name` means here; None on one machine."""
    if name not in ("auto", "multi_worker"):
        return None
    if name == "auto" and not os.environ.get("TF_CONFIG"):
        return None  # a notebook in a Slurm step does not want the whole step
    found = cluster.find()
    if name == "multi_worker" and not found:
        raise UserError(
            "--strategy multi_worker needs two workers or more, from a Slurm step or "
            f"from TF_CONFIG in the environment, such as {cluster.EXAMPLE}. "
            f"{cluster.ALONE}"
        )
    return found


def _mirrored(name: str) -> bool:
    """Whether `--strategy name` means all devices of this machine."""
    many = len(tf.config.list_physical_devices("GPU")) > 1
    return name == "mirrored" or (name == "auto" and many)


def _join(found: cluster.Cluster, config: Config) -> tf.distribute.Strategy:
    """Joins the cluster as soon as all of its workers are there."""
    own = {"gan_tf": gan_tf.__version__, "hosts": list(found.hosts)}
    own |= {k: v for k, v in config.to_dict().items() if k not in _OWN_OPTIONS}
    own = json.loads(json.dumps(own))
    deadline = time.monotonic() + config.cluster_timeout
    meeting.check_same(own, meeting.meet(found, own, config.cluster_timeout))
    left = deadline - time.monotonic() + watchdog.PATIENCE
    try:
        with watchdog.watched(found.others, left), signals.at_once():
            strategy = tf.distribute.MultiWorkerMirroredStrategy(cluster.resolver())
    except (RuntimeError, TypeError, ValueError, tf.errors.OpError) as error:
        raise UserError(
            f"cannot join the cluster: {str(error).splitlines()[0]}. {cluster.ALONE}"
        ) from error
    return strategy
