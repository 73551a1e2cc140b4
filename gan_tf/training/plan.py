"""`--dry_run`: what a training run would do, without doing it."""

from __future__ import annotations

import os

import tensorflow as tf

from gan_tf.config import Config, as_text
from gan_tf.data import sources
from gan_tf.files import usable_path
from gan_tf.storage import checkpoints, lock, run_directory
from gan_tf.training import devices, start


def plan(config: Config, run_dir: str | os.PathLike) -> str:
    """What `train` would do with these arguments, as text; changes nothing.

    Raises:
        UserError: what `train` would raise before its first step.
    """
    run_dir = usable_path(run_dir)
    devices.check_precision(config.precision)
    replicas = devices.planned_replicas(config.strategy)
    devices.check_batch(config.batch_size, replicas)
    data = sources.load_for(config)
    start.prepare(config, run_dir, data)
    run_directory.check_places(run_dir)
    lock.check_lock(run_dir)
    last = checkpoints.newest(run_dir)
    step = checkpoints.step_of(last) if last else 0
    todo = max(0, config.epochs - step)
    found = tf.config.get_visible_devices("GPU") or tf.config.get_visible_devices()
    passes = todo * config.batch_size * config.d_steps / len(data.images)
    return "\n".join(
        [
            *(f"--{name} {as_text(v)}" for name, v in config.to_dict().items()),
            f"data: {data.name}, {len(data.images)} images, sha256 {data.digest[:16]}",
            f"device: {', '.join(device.name for device in found)}; "
            f"{replicas} replicas",
            f"run: {run_dir}, {'continued from' if step else 'new, from'} step {step}",
            f"to do: {todo} steps, {passes:.1f} passes over the data; "
            f"{todo // config.sample_every} sample grids, "
            f"{todo // config.save_every} checkpoints, {checkpoints.KEPT} of them kept",
        ]
    )
