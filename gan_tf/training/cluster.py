"""The workers of a cluster, as TF_CONFIG or Slurm describes them."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
from typing import TYPE_CHECKING, Any

from gan_tf.errors import UserError, printable

if TYPE_CHECKING:
    import tensorflow as tf

EXAMPLE = (
    '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
ALONE = "To train on this machine alone, use --strategy one"
JOBS = ("chief", "worker")
# TensorFlow's Slurm resolver shares a node's GPUs among its tasks and fails on nodes
# without any: there it is given names of GPUs that it is not to use.
_NO_GPUS = {"gpus_per_node": 1024, "gpus_per_task": 1, "auto_set_gpu": False}


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers of a run, this process among them.

    Attributes:
        hosts: `name:port` of each, the chief first.
        own: the place of this process among them.
    """

    hosts: tuple[str, ...]
    own: int

    @property
    def others(self) -> list[str]:
        """The hosts of all workers but this one."""
        return [host for n, host in enumerate(self.hosts) if n != self.own]


def find() -> Cluster | None:
    """The cluster in the environment: TF_CONFIG's, or a Slurm step's; None if alone.

    Raises:
        UserError: TF_CONFIG or Slurm's variables describe a cluster that cannot be.
    """
    if os.environ.get("TF_CONFIG"):
        return parse(os.environ["TF_CONFIG"])
    if "SLURM_STEP_NUM_TASKS" not in os.environ:
        return None
    tasks, own = _slurm_number("STEP_NUM_TASKS"), _slurm_number("PROCID")
    if tasks < 2:
        return None
    try:
        hosts = resolver().cluster_spec().job_tasks("worker")
    except Exception as error:  # whatever its parser of lists raises
        raise _unreadable(printable(str(error), 300)) from error
    if own >= len(hosts):
        raise _unreadable(f"SLURM_PROCID is {own}, and there are {len(hosts)} tasks")
    return Cluster(tuple(hosts), own)


def _slurm_number(name: str) -> int:
    text = os.environ.get(f"SLURM_{name}", "")
    if not re.fullmatch("[0-9]{1,9}", text):
        raise _unreadable(f"SLURM_{name} is {printable(text, 50)!r}, not a number")
    return int(text)


def _unreadable(why: str) -> UserError:
    return UserError(f"cannot read the Slurm step: {why}. {ALONE}")


def resolver() -> tf.distribute.cluster_resolver.ClusterResolver:
    """TensorFlow's reader of the same cluster."""
    import tensorflow as tf

    resolvers = tf.distribute.cluster_resolver
    if os.environ.get("TF_CONFIG"):
        return resolvers.TFConfigClusterResolver()
    gpus = {} if shutil.which("nvidia-smi") else _NO_GPUS
    return resolvers.SlurmClusterResolver(**gpus)


def parse(text: str) -> Cluster | None:
    """The cluster that a TF_CONFIG describes; None for less than two workers.

    Raises:
        UserError: the text says something that cannot be.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise _unusable("is not JSON") from None
    if not isinstance(content, dict):
        raise _unusable("is not a JSON object")
    jobs = content.get("cluster") or {}
    if not isinstance(jobs, dict):
        raise _unusable('has a "cluster" that is not an object of lists of hosts')
    jobs = {job: hosts for job, hosts in jobs.items() if hosts}
    for job, hosts in jobs.items():
        _check_job(job, hosts)
    every = tuple(host for job in JOBS for host in jobs.get(job, ()))
    if len(set(every)) < len(every):
        raise _unusable("names a host twice")
    if len(every) < 2:
        return None
    return Cluster(every, _own_place(content.get("task"), jobs))


def _check_job(job: str, hosts: Any) -> None:
    if job not in JOBS:
        raise _unusable(
            f"has {job} tasks; gan_tf trains with tasks of the types chief and worker"
        )
    if not isinstance(hosts, list) or not all(isinstance(h, str) for h in hosts):
        raise _unusable(f'needs a list of texts "host:port" as "{job}"')
    for host in hosts:
        address = re.fullmatch(r"(\[[\w:.%]+\]|[^\s/:\[\]]+):([0-9]{1,5})", host)
        if not address or not 0 < int(address[2]) < 2**16:
            raise _unusable(
                f'has a {job} "{printable(host, 100)}", which is not "host:port"'
            )
    if job == "chief" and len(hosts) > 1:
        raise _unusable("has more than one chief")


def _own_place(task: Any, jobs: dict[str, list[str]]) -> int:
    """The place of this process among the hosts, the chief's first."""
    task = task if isinstance(task, dict) else {}
    job, index = task.get("type"), task.get("index")
    if isinstance(index, str) and re.fullmatch("[0-9]{1,9}", index):
        index = int(index)  # as TensorFlow reads it
    if not isinstance(job, str) or job not in jobs:
        raise _unusable(
            f"has a task type {json.dumps(job)}; it must be one of {', '.join(jobs)}"
        )
    if type(index) is not int or not 0 <= index < len(jobs[job]):
        raise _unusable(
            f"has a task index {json.dumps(index)}; it must be a number from 0 to "
            f"{len(jobs[job]) - 1}, since there are {len(jobs[job])} {job} tasks"
        )
    return index + (len(jobs.get("chief", ())) if job == "worker" else 0)


def _unusable(what: str) -> UserError:
    return UserError(
        f"TF_CONFIG in the environment {printable(what, 300)}. A usable one: "
        f"{EXAMPLE}. {ALONE}"
    )
