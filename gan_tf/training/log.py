"""What a run reports while it trains: TensorBoard, `curves.csv`, a bar or lines."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.plugins.hparams import api as hparams
from tqdm import tqdm

from gan_tf.config import Config
from gan_tf.evaluation import monitor, scores
from gan_tf.files import cannot_write, explained, remove
from gan_tf.gan.step import METRICS
from gan_tf.storage.curves import CurveWriter
from gan_tf.storage.run_directory import evaluation_events_dir, events_dir

# TensorBoard's tags of the default run, with their meaning.
SCALARS = METRICS | {
    "steps_per_second": "training steps per second, all costs included"
}
# What HParams compares runs by: the last point of each, and what `evaluate` found.
_EVALUATED = (
    *scores.REPORT,
    "label_accuracy",
    "within_class_frechet_distance",
    "classification_accuracy_score",
)
_COMPARED = (
    *((name, "") for name in ("d_loss", "g_loss", monitor.DISTANCE)),
    *((f"evaluation/{name}", "evaluation") for name in _EVALUATED),
)
_PREFIX = "events.out.tfevents"


class Log:
    """The open files and the progress display of one training session.

    Sums of metrics come in through `add`; `write` turns them into means over the steps
    since the last `write`; `end_step` closes the row of `curves.csv`. A context
    manager.

    Attributes:
        lost_output: why the progress display could not be written, if it could not.

    Args:
        run_dir: the run.
        config: its configuration.
        step: where the session begins; what was logged after it is dropped.
        progress: whether to show a bar (on a terminal) or lines.
        names: the metrics of the step.
    """

    def __init__(
        self,
        run_dir: Path,
        config: Config,
        step: int,
        progress: bool,
        names: tuple[str, ...] = tuple(METRICS),
    ) -> None:
        self._folder = events_dir(run_dir)
        self._config = config
        self._progress = progress
        self.lost_output: OSError | None = None
        with _explained(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            _continue_events(self._folder, step)
            self._writer = tf.summary.create_file_writer(os.fsencode(self._folder))
        probed = monitor.metrics_of(config.conditional)
        columns = (*names, "steps_per_second", *probed)
        self._curves = CurveWriter(run_dir, columns, step)
        self._row: dict[str, float] = {}
        terminal = progress and sys.stderr is not None and sys.stderr.isatty()
        self._bar = tqdm(
            total=config.epochs,
            initial=step,
            unit="step",
            dynamic_ncols=True,
            disable=not terminal,
        )
        self._start_interval()

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self._bar.close()
        self._curves.__exit__(kind, error, trace)
        with contextlib.suppress(tf.errors.OpError):  # all was flushed, or reported
            self._writer.close()

    def describe(self, text: str) -> None:
        """Writes the configuration as text and as hyperparameters.

        Into a file of its own, which each session replaces: TensorBoard keeps the first
        description that it finds in a run.

        Args:
            text: Markdown.
        """
        values = {
            name: value if isinstance(value, (bool, int, float)) else _text(str(value))
            for name, value in self._config.to_dict().items()
        }
        beside = self._folder / ".description.part"
        with _explained(self._folder):
            remove(beside)
            with tf.summary.create_file_writer(os.fsencode(beside)).as_default(step=0):
                tf.summary.text("config", _text(text))
                hparams.hparams_config(
                    [hparams.HParam(name) for name in values],
                    [hparams.Metric(tag, group) for tag, group in _COMPARED],
                )
                hparams.hparams(values)
            (written,) = beside.iterdir()
            written.replace(self._folder / f"{_PREFIX}.0.description")
            remove(beside)

    def add(self, sums: dict[str, float], steps: int) -> None:
        """Adds the metrics of `steps` steps, given as sums over them."""
        for name, value in sums.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._steps += steps
        self._bar.update(steps)

    def write(self, step: int) -> dict[str, float]:
        """Writes one point of every curve, shows it, and returns it."""
        means = {name: value / self._steps for name, value in self._sums.items()}
        means["steps_per_second"] = self._steps / (time.monotonic() - self._since)
        self._scalars(step, means)
        self._show(step, means)
        self._start_interval()
        return means

    def probe(self, step: int, values: dict[str, float], text: str) -> None:
        """Writes the metrics of a probe and shows `text`."""
        self._scalars(step, values)
        if self._progress:
            self._print(f"step {step}, samples: {text}")

    def sample_grid(self, step: int, picture: np.ndarray) -> None:
        """Writes a sample grid, a uint8 picture `[H, W]` or `[H, W, 3]`."""
        pixels = picture if picture.ndim == 3 else picture[..., None]
        with self._writing(step):
            tf.summary.image("samples", pixels[None])

    def end_step(self, step: int) -> dict[str, float]:
        """Appends what was logged at this step to `curves.csv`, and returns it."""
        row, self._row = self._row, {}
        if row:
            self._curves.write(step, row)
        return row

    def _scalars(self, step: int, values: dict[str, float]) -> None:
        with self._writing(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)
        self._row |= values

    @contextlib.contextmanager
    def _writing(self, step: int) -> Iterator[None]:
        """For calls of `tf.summary`; what they wrote is in the file at the end."""
        with _explained(self._folder), self._writer.as_default(step=step):
            yield

    def _start_interval(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps = 0
        self._since = time.monotonic()

    def _show(self, step: int, means: dict[str, float]) -> None:
        losses = {name: f"{means[name]:.3f}" for name in ("d_loss", "g_loss")}
        if not self._bar.disable:
            self._bar.set_postfix(losses)
        elif self._progress:
            speed = means["steps_per_second"]
            left = (self._config.epochs - step) / speed
            self._print(
                f"step {step} of {self._config.epochs}, "
                f"d_loss {losses['d_loss']}, g_loss {losses['g_loss']}, "
                f"{speed:.1f} steps/s, {tqdm.format_interval(left)} left"
            )

    def _print(self, line: str) -> None:
        """A line beside the bar. Its reader may be gone, or the disk behind it full."""
        try:
            tqdm.write(line, file=sys.stdout)
            sys.stdout.flush()
        except OSError as error:
            self.lost_output = error


def _text(text: str) -> str:
    """`text` as TensorBoard takes it: file names may hold bytes that are not UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode()


def write_evaluation(run_dir: Path, results: dict[int, dict[str, float]]) -> None:
    """Writes metrics by the step they belong to as scalars, replacing older ones."""
    folder = evaluation_events_dir(run_dir)
    with _explained(folder):
        remove(folder)
        folder.mkdir(parents=True)
        with tf.summary.create_file_writer(os.fsencode(folder)).as_default():
            for step, values in results.items():
                for metric, value in values.items():
                    tf.summary.scalar(f"evaluation/{metric}", value, step)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """As `files.explained`, for TensorFlow's errors too."""
    try:
        with explained(folder):
            yield
    except tf.errors.OpError as error:
        raise cannot_write(folder, str(error)) from error


def _continue_events(folder: Path, step: int) -> None:
    """Prepares the event files of earlier sessions for one that begins at `step`.

    TensorBoard reads them in the order of their names, which hold a time: numbers
    instead keep the order even where the clock went backwards. A restart event makes
    its Python loader drop what a killed session logged after its last checkpoint; its
    fast loader does so, tag by tag, wherever the steps go back.
    """
    paths = sorted(path for path in folder.glob(f"{_PREFIX}.*") if path.is_file())
    paths = [path for path in paths if not path.name.endswith(".description")]
    if step == 0:
        for path in paths:
            path.unlink()
        return
    numbered = [path for path in paths if path.name.startswith(f"{_PREFIX}.0.")]
    for path in paths[len(numbered) :]:
        with contextlib.suppress(PermissionError):  # Windows, while it is open
            numbered.append(path.rename(folder / f"{_PREFIX}.0.{len(numbered):06d}"))
    version = Event(file_version="brain.Event:2")
    start = Event(session_log=SessionLog(status=SessionLog.START), step=step + 1)
    path = folder / f"{_PREFIX}.0.{len(numbered):06d}"
    with tf.io.TFRecordWriter(os.fsencode(path)) as file:
        for event in (version, start, start):  # the first in a run is no restart
            file.write(event.SerializeToString())
