"""The schedule of a run: train to the next event, log, draw, save, repeat."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from gan_tf import images
from gan_tf.config import Config, as_text
from gan_tf.data import sources
from gan_tf.errors import UserError
from gan_tf.evaluation import monitor
from gan_tf.evaluation.classifier import load_classifier
from gan_tf.files import explained, write_atomically
from gan_tf.gan.sampling import sample
from gan_tf.gan.state import GAN, build_gan
from gan_tf.gan.step import compile_train_steps
from gan_tf.storage import checkpoints, description, lock, run_directory
from gan_tf.training import devices, summary

_SHEET = 64  # images on a sample sheet
_MAX_FRAMES = 150  # of the film


def train(config: Config, run_dir: str | os.PathLike, progress: bool = True) -> GAN:
    """Trains a GAN to `config.epochs` steps, or continues a run to there.

    Everything is kept in `run_dir`: `config.json`, `checkpoints`, `samples`,
    `tensorboard`; at the end `samples.png`, `losses.png` and `training.gif`. Ctrl-C and
    SIGTERM, once there is something to save, save it before they end the program with
    code 128 + signal.

    Args:
        progress: show a progress bar (on a terminal) or lines (elsewhere).

    Returns:
        The trained state; draw with `gan_tf.gan.sampling.sample(gan.sampler, ...)`.

    Raises:
        UserError: unusable data or run directory, another process that trains there,
            a full disk, or losses that are no longer finite.
    """
    run_dir = Path(run_dir)
    strategy = devices.choose_strategy(config.strategy, config.batch_size)
    chief = devices.is_chief(strategy)
    progress = progress and chief
    say = print if progress else lambda *_: None
    training = sources.load(config.dataset, config.data_dir)
    if not chief:  # the chief checks it under its lock
        description.check_run(run_dir, config, training)
    with (
        devices.explained_lost_workers(strategy),
        devices.place_to_write(strategy, run_dir) as place,
        lock.run_lock(place),
        strategy.scope(),
    ):
        description.open_run(place, config, training)
        gan = build_gan(config)
        checkpoints.restore(run_dir, gan)
        step = int(gan.step.numpy())
        devices.check_agreement(strategy, step, run_dir)
        checkpoints.tidy(place, step)
        if _finished(config, run_dir, step):
            say(f"{run_dir} is finished: {step} steps done, {config.epochs} asked for")
        else:
            say(
                f"training on {training.name}, step {step} to {config.epochs}, "
                f"in {run_dir}"
            )
            mixed = chief and config.precision == "mixed_bfloat16"
            if mixed and (concern := devices.bfloat16_warning()):
                warnings.warn(concern, stacklevel=2)
            _train_on(gan, training, config, place, progress)
        if chief and not _animation_path(run_dir).exists():
            _write_final_pictures(gan, training, config, run_dir)
            say(f"done: see samples.png, losses.png and training.gif in {run_dir}")
    return gan


def plan(config: Config, run_dir: str | os.PathLike) -> str:
    """What `train` would do with these arguments, as text; changes nothing.

    Raises:
        UserError: what `train` would raise before its first step.
    """
    run_dir = Path(run_dir)
    training = sources.load(config.dataset, config.data_dir)
    description.check_run(run_dir, config, training)
    last = checkpoints.newest(run_dir)
    step = checkpoints.step_of(last) if last else 0
    todo = max(0, config.epochs - step)
    devices = tf.config.get_visible_devices("GPU") or tf.config.get_visible_devices()
    options = [f"--{name} {as_text(v)}" for name, v in config.to_dict().items()]
    passes = todo * config.batch_size / len(training.images)
    return "\n".join(
        [
            *options,
            f"data: {training.name}, {len(training.images)} images, "
            f"sha256 {training.digest[:16]}",
            f"device: {', '.join(device.name for device in devices)}",
            f"run: {run_dir}, {'continued from' if step else 'new, from'} step {step}",
            f"to do: {todo} steps, {passes:.1f} passes over the data; "
            f"{todo // config.sample_every} sample sheets, "
            f"{todo // config.save_every} checkpoints, {checkpoints.KEPT} of them kept",
        ]
    )


def _train_on(
    gan: GAN, training: sources.ImageSet, config: Config, run_dir: Path, progress: bool
) -> None:
    step = int(gan.step.numpy())
    with explained(_animation_path(run_dir)):
        _animation_path(run_dir).unlink(missing_ok=True)  # it would be of fewer steps
    train_steps = compile_train_steps(gan, config.seed, config.jit_compile)
    # No step, but all of the compilation: until here there is nothing to save, and a
    # signal may end the program as it always does.
    shape = (config.steps_per_call, config.batch_size, images.SIDE**2)
    train_steps((tf.zeros(shape, tf.uint8), None), 0, 0)
    with (
        _signals() as signals,
        summary.Summary(
            run_directory.events_dir(run_dir), config, step, progress
        ) as log,
    ):
        if step == 0:
            log.describe(_config_table(config, training))
            _write_sample_grid(gan, training, config, run_dir, log)
        for chunk, first, last in _calls(training, config, step):
            sums = {
                k: float(v) for k, v in train_steps((chunk, None), first, last).items()
            }
            _check_finite(sums, step, step + last - first, run_dir)
            step += last - first
            log.add(sums, last - first)
            last_step = step == config.epochs
            if _due(step, config.log_every) or last_step:
                means = log.write(step)
                last_step |= means["g_loss"] < config.stop_g_loss
            distance = None
            if _due(step, config.sample_every):
                _write_sample_grid(gan, training, config, run_dir, log)
                if config.health and training.name == "mnist":
                    distance = _probe(gan, config, log)
            if (
                _due(step, config.save_every)
                or last_step
                or signals
                or _is_best(distance, run_dir)
            ):
                checkpoints.save(run_dir, gan, distance)
            if last_step or signals:
                break
    if signals and not last_step:
        _exit_on_signal(signals[0], step)


def _calls(
    training: sources.ImageSet, config: Config, step: int
) -> Iterator[tuple[tf.Tensor, int, int]]:
    """Splits the chunks of the stream at the events: (chunk, first, last batch)."""
    size = config.steps_per_call
    chunks = sources.stream(training.images, config.batch_size, size, config.seed, step)
    for start, chunk in zip(itertools.count(step, size), chunks):
        while step < min(start + size, config.epochs):
            until = min(start + size, _next_event(config, step))
            yield chunk, step - start, until - start
            step = until
        if step == config.epochs:
            return


def _due(step: int, every: int) -> bool:
    return step % every == 0


def _next_event(config: Config, step: int) -> int:
    """The first step after `step` at which something is due."""
    intervals = (config.log_every, config.sample_every, config.save_every)
    return min(config.epochs, *(step + every - step % every for every in intervals))


def _finished(config: Config, run_dir: Path, step: int) -> bool:
    """Whether the run has done all its steps, or has met its stop rule."""
    if step >= config.epochs:
        return True
    steps, values = summary.read_scalars(run_directory.events_dir(run_dir)).get(
        "g_loss", ((), ())
    )
    return bool(steps) and steps[-1] == step and values[-1] < config.stop_g_loss


def _animation_path(run_dir: Path) -> Path:
    """The last thing that a run draws: not there while the run goes on."""
    return run_dir / "training.gif"


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
    gan: GAN,
    training: sources.ImageSet,
    config: Config,
    run_dir: Path,
    log: summary.Summary,
) -> None:
    step = int(gan.step.numpy())
    sheet = _sample_grid(gan, training, config)
    images.write_png(run_directory.sample_grid_path(run_dir, step), sheet)
    log.sample_grid(step, sheet)
    run_directory.thin_sample_grids(run_dir, config.sample_every)


def _probe(gan: GAN, config: Config, log: summary.Summary) -> float:
    """Judges some samples, tells how they are, and returns their Frechet distance."""
    step = int(gan.step.numpy())
    figures = monitor.probe(gan.sampler, load_classifier(), config.seed)
    log.probe(step, figures, monitor.describe(figures))
    concern = monitor.warning(figures)
    if concern:
        warnings.warn(f"step {step}: {concern}", stacklevel=2)
    return figures[monitor.DISTANCE]


def _is_best(distance: float | None, run_dir: Path) -> bool:
    if distance is None:
        return False
    best = checkpoints.best(run_dir)
    return best is None or distance < checkpoints.distance_of(best)


def _sample_grid(gan: GAN, training: sources.ImageSet, config: Config) -> np.ndarray:
    """Images of the same noise at every step, with what they were trained on."""
    drawn = sample(gan.sampler, config.seed, _SHEET)
    step = int(gan.step.numpy())
    caption = f"{training.name}, step {step}, seed {config.seed}"
    return images.captioned(images.grid(drawn), caption)


def _write_final_pictures(
    gan: GAN, training: sources.ImageSet, config: Config, run_dir: Path
) -> None:
    """The pictures of the whole run: samples, losses, and the film of the sheets."""
    sheet = _sample_grid(gan, training, config)
    images.write_png(run_dir / "samples.png", sheet)
    curves = summary.read_scalars(run_directory.events_dir(run_dir))
    title = f"{training.name}, {int(gan.step.numpy())} steps, seed {config.seed}"
    write_atomically(run_dir / "losses.png", summary.loss_plot(curves, title))
    by_step = sorted(run_directory.sample_grids(run_dir).items(), reverse=True)
    sheets = [path for _, path in by_step]
    chosen = sheets[:: -(-len(sheets) // _MAX_FRAMES)][::-1]  # the last one always
    frames = []
    for path in chosen:
        try:
            frames.append(images.read_png(path, sheet.shape))
        except UserError as error:  # the film is not worth a run's end
            warnings.warn(f"left out of the film: {error}", stacklevel=2)
    frames = frames or [sheet]
    seconds = [0.2] * (len(frames) - 1) + [2.0]
    images.write_gif(_animation_path(run_dir), frames, seconds)


def _config_table(config: Config, training: sources.ImageSet) -> str:
    """The configuration, data and versions as a Markdown table."""
    rows = config.to_dict() | {"data": training.name, "data sha256": training.digest}
    lines = [
        f"| {name} | {value} |"
        for name, value in (rows | description.versions()).items()
    ]
    return "\n".join(["| option | value |", "| --- | --- |", *lines])


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """A list that receives the first SIGINT or SIGTERM; the second acts at once."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # Python allows handlers in the main thread only
        return
    before = {number: signal.getsignal(number) for number in _HANDLED}

    def receive(number: int, _: object) -> None:
        received.append(number)
        signal.signal(number, before[number])

    for number in _HANDLED:
        signal.signal(number, receive)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_HANDLED = (signal.SIGINT, signal.SIGTERM)


def _exit_on_signal(number: int, step: int) -> None:
    name = signal.Signals(number).name
    print(f"stopped by {name} at step {step}, saved; the same command goes on there")
    raise SystemExit(128 + number)
