"""The schedule of a run: train to the next event, log, sample, save, repeat."""

from __future__ import annotations

import functools
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from gan_tf import images
from gan_tf.config import Config
from gan_tf.data import sources
from gan_tf.data.image_set import ImageSet, preview
from gan_tf.environment import keras_defaults, release_memory
from gan_tf.errors import StopTraining, UserError
from gan_tf.evaluation import monitor
from gan_tf.evaluation.classifier import load_classifier
from gan_tf.files import explained, usable_path
from gan_tf.gan.networks import Builder
from gan_tf.gan.state import GAN
from gan_tf.gan.step import Chunk, Tensors, compile_train_steps, metrics_of
from gan_tf.pages import report
from gan_tf.storage import checkpoints, description, lock, run_directory
from gan_tf.storage.curves import read_curves
from gan_tf.training import devices, pictures, signals
from gan_tf.training.log import Log
from gan_tf.training.program_cache import with_kept_programs
from gan_tf.training.schedule import calls, due
from gan_tf.training.start import prepare

OnLog = Callable[[int, dict[str, float]], object]


def train(
    config: Config,
    run_dir: str | os.PathLike,
    progress: bool = True,
    *,
    images: Any = None,
    build_generator: Builder | None = None,
    build_discriminator: Builder | None = None,
    on_log: OnLog | None = None,
) -> GAN:
    """Trains a GAN to `config.epochs` steps, or continues a run to there.

    Everything is kept in `run_dir`: `config.json`, `checkpoints`, `curves.csv`,
    `samples`, `tensorboard`; at the end `samples.png`, `losses.png`, `training.gif` and
    `report.html`. Ctrl-C, SIGTERM and SIGHUP, once there is something to save, save it
    first.

    Args:
        progress: show a progress bar (on a terminal) or lines (elsewhere).
        images: an array, or a tuple of images and labels, instead of the data that
            `config` names: numbers `[N, H, W]`, `[N, H, W, 1 or 3]` or flat, 0 to 255,
            0 to 1 or -1 to 1.
        build_generator: without arguments, returns a Keras model from noise
            `[None, latent_dim]` (and, with `config.conditional`, labels `[None]`) to
            images `[None, H, W, channels]` in [0, 1], float32. The run records it.
        build_discriminator: the same, from images (and labels) to a logit `[None, 1]`.
        on_log: called as `on_log(step, metrics)` with each row of `curves.csv`. It may
            raise `gan_tf.StopTraining` to end the run there, saved; what else it raises
            comes out of `train` after the run was saved.

    Returns:
        The trained state; sample from it with `gan_tf.sample(gan.sampler, ...)`.

    Raises:
        UserError: unusable data, networks or run directory, another process that trains
            there, a full disk, too little memory, or losses that are not finite.
        KeyboardInterrupt: after Ctrl-C, with the run saved.
        SystemExit: after SIGTERM or SIGHUP, with the run saved; its code is 128 + the
            signal's number.
    """
    if not (on_log is None or callable(on_log)):
        raise UserError("on_log must be a function: on_log(step, metrics)")
    builders = {"generator": build_generator, "discriminator": build_discriminator}
    with keras_defaults(), devices.explained_memory():
        data = functools.partial(sources.load_for, config, images)
        return _train(config, usable_path(run_dir), progress, data, builders, on_log)


def _train(
    config: Config,
    run_dir: Path,
    progress: bool,
    load: Callable[[], ImageSet],
    builders: dict[str, Builder | None],
    on_log: OnLog | None,
) -> GAN:
    devices.check_precision(config.precision)
    strategy = devices.choose_strategy(config)
    chief = devices.is_chief(strategy)
    progress = progress and chief
    say = print if progress else lambda *_: None
    data = load()
    first = prepare(config, run_dir, data, builders)
    with (
        devices.explained_lost_workers(strategy),
        devices.place_to_write(strategy, run_dir) as place,
        lock.run_lock(place),
        strategy.scope(),
    ):
        run_directory.check_places(place)
        gan = first.new_gan(config, data)
        save = functools.partial(checkpoints.save, place, gan, None)
        description.open_run(
            place,
            config,
            data,
            first.networks,
            first.initial,
            save if first.needs_saving else None,
        )
        images.write_png(place / "data.png", preview(data, config.seed))
        checkpoints.restore(run_dir, gan)
        step = int(gan.step.numpy())
        devices.check_agreement(strategy, step, data.digest, run_dir)
        checkpoints.tidy(place, step)
        if _finished(config, run_dir, step):
            say(f"{run_dir} is finished: {step} steps done, {config.epochs} asked for")
        else:
            say(
                f"training on {data.name}, step {step} to {config.epochs}, in {run_dir}"
            )
            _train_on(gan, data, config, place, progress, on_log)
        if chief and not pictures.animation_path(run_dir).exists():
            pictures.write_final_pictures(gan, data, config, run_dir)
            page = ", report.html" if _write_report(gan, run_dir) else ""
            say(f"done: see samples.png, losses.png, training.gif{page} in {run_dir}")
    return gan


def _train_on(
    gan: GAN,
    data: ImageSet,
    config: Config,
    run_dir: Path,
    progress: bool,
    on_log: OnLog | None = None,
) -> None:
    """From the state's step to the last one, a signal or the stop rule."""
    step = int(gan.step.numpy())
    animation = pictures.animation_path(run_dir)
    with explained(animation):
        animation.unlink(missing_ok=True)  # it would be of fewer steps
    train_steps = _compiled(gan, data, config)
    names = tuple(metrics_of(gan.rules))
    with (
        signals.caught() as received,
        Log(run_dir, config, step, progress, names) as log,
    ):
        log.describe(_config_table(config, data))
        if step == 0:
            _write_sample_grid(gan, data, config, run_dir, log)
        for chunk, first, last in calls(gan, data, config, step):
            sums = {k: float(v) for k, v in train_steps(chunk, first, last).items()}
            _check_finite(sums, step, step + last - first, run_dir)
            step += last - first
            log.add(sums, last - first)
            finished = step == config.epochs
            if due(step, config.log_every) or finished:
                finished |= _below(config, log.write(step)["g_loss"])
            distance = None
            if due(step, config.sample_every) or finished:
                _write_sample_grid(gan, data, config, run_dir, log)
                distance = _probe(gan, data, config, log)
            save = functools.partial(checkpoints.save, run_dir, gan, distance)
            finished |= _stopped_by(on_log, step, log.end_step(step), save)
            stop = bool(finished or received or log.lost_output)
            if due(step, config.save_every) or stop or _is_best(distance, run_dir):
                save()
            if stop:
                break
    if received and not finished:
        signals.exit_on_signal(received[0], step)
    if log.lost_output:
        raise log.lost_output


def _stopped_by(
    on_log: OnLog | None, step: int, row: dict[str, float], save: Callable[[], Path]
) -> bool:
    """Reports a logged step to the caller; whether that ends the run there."""
    try:
        if on_log is not None and row:
            on_log(step, row)
    except StopTraining:
        return True
    except BaseException:  # the caller's own: nothing trained is lost
        save()
        raise
    return False


def _compiled(
    gan: GAN, data: ImageSet, config: Config
) -> Callable[[Chunk, int, int], Tensors]:
    """The compiled steps, compiled now.

    Until here there is nothing to save, and a signal may end the program as it always
    does.
    """
    rows = config.steps_per_call, config.batch_size * config.d_steps
    pixels = math.prod(data.shape)
    labels = tf.zeros(rows, tf.int32) if gan.conditional else None

    def compiled() -> Callable[[Chunk, int, int], Tensors]:
        train_steps = compile_train_steps(gan, config.seed, config.jit_compile)
        # No step, but all of the compilation.
        train_steps((tf.zeros((*rows, pixels), tf.uint8), labels), 0, 0)
        return train_steps

    train_steps = with_kept_programs(compiled)
    release_memory()  # 170 MB of XLA's compiler
    return train_steps


def _below(config: Config, g_loss: float) -> bool:
    """Whether the stop rule is met; 0 switches it off, as losses may be negative."""
    return config.stop_g_loss > 0 and g_loss < config.stop_g_loss


def _finished(config: Config, run_dir: Path, step: int) -> bool:
    """Whether the run has done all its steps, or has met its stop rule."""
    if step >= config.epochs:
        return True
    steps, values = read_curves(run_dir).get("g_loss", ([], []))
    return bool(steps) and steps[-1] == step and _below(config, values[-1])


def _check_finite(sums: dict[str, float], start: int, end: int, run_dir: Path) -> None:
    wrong = [name for name, value in sums.items() if not math.isfinite(value)]
    if wrong:
        sound = checkpoints.newest(run_dir)
        last = f"the last good checkpoint is {sound}" if sound else "nothing was saved"
        raise UserError(
            f"{', '.join(wrong)} became infinite or NaN between steps {start} and "
            f"{end}; {last}. Try a lower --learning_rate in another --run_dir."
        )


def _write_sample_grid(
    gan: GAN, data: ImageSet, config: Config, run_dir: Path, log: Log
) -> None:
    step = int(gan.step.numpy())
    grid = pictures.sample_grid(gan, data, config.seed)
    images.write_png(run_directory.sample_grid_path(run_dir, step), grid)
    log.sample_grid(step, grid)
    pictures.thin_sample_grids(run_dir, config.sample_every)


def _probe(gan: GAN, data: ImageSet, config: Config, log: Log) -> float | None:
    """Scores some samples, reports their metrics, returns their Frechet distance."""
    if not config.health or data.name != "mnist":
        return None
    step = int(gan.step.numpy())
    values = monitor.probe(gan.sampler, load_classifier(), config.seed)
    log.probe(step, values, monitor.describe(values))
    concern = monitor.warning(values)
    if concern:
        warnings.warn(f"step {step}: {concern}", stacklevel=2)
    return values[monitor.DISTANCE]


def _is_best(distance: float | None, run_dir: Path) -> bool:
    if distance is None:
        return False
    best = checkpoints.best(run_dir)
    least = None if best is None else checkpoints.distance_of(best)
    return least is None or distance < least


def _write_report(gan: GAN, run_dir: Path) -> bool:
    """Whether the page of a finished run is written; the run does not fail with it."""
    try:
        path = report.report_path(run_dir)
        report.write_report([run_dir], path, gan.sampler)
        return True
    except Exception as error:
        warnings.warn(
            f"the run is finished, but its report is not written: {error}. Try "
            f"python -m gan_tf.report --run_dir {run_dir}",
            stacklevel=2,
        )
        return False


def _config_table(config: Config, data: ImageSet) -> str:
    """The configuration, data and versions as a Markdown table."""
    rows = config.to_dict() | {"data": data.name, "data sha256": data.digest}
    rows |= description.versions()
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(["| option | value |", "| --- | --- |", *lines])
