"""What a run tells while it trains: TensorBoard, a progress bar or lines, the plots."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.types_pb2 import DT_FLOAT
from tensorboard.plugins.hparams import api as hparams
from tqdm import tqdm

from gan_tf.config import Config
from gan_tf.data.readers import count_records
from gan_tf.files import cannot_write, explained, remove, sync
from gan_tf.gan.step import METRICS
from gan_tf.images import png_bytes_of_figure

_MAX_EVENT = 1 << 20  # bytes; a sheet has a tenth of it
# TensorBoard's tags, in README's order.
SCALARS = METRICS | {
    "steps_per_second": "training steps per second, all costs included"
}


class Summary:
    """The open event file and the progress display of one training session.

    Sums of metrics come in through `add`; `write` turns them into means over the steps
    since the last `write`. A context manager.
    """

    def __init__(self, folder: Path, config: Config, step: int, progress: bool) -> None:
        self._folder = folder
        self._config = config
        self._progress = progress
        with _explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _trim(folder, step)
            self._writer = tf.summary.create_file_writer(os.fsencode(folder))
        terminal = progress and sys.stderr.isatty()
        self._bar = tqdm(
            total=config.epochs,
            initial=step,
            unit="step",
            dynamic_ncols=True,
            disable=not terminal,
        )
        self._start_interval()

    def __enter__(self) -> Summary:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()
        with contextlib.suppress(tf.errors.OpError):  # all was flushed, or told
            self._writer.close()

    def describe(self, text: str) -> None:
        """Writes the configuration as text and as hyper-parameters."""
        values = {
            name: value if isinstance(value, (bool, int, float, str)) else str(value)
            for name, value in self._config.to_dict().items()
        }
        with self._writing(step=0):
            tf.summary.text("config", text)
            hparams.hparams(values)

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
        with self._writing(step):
            for name, value in means.items():
                tf.summary.scalar(name, value)
        self._show(step, means)
        self._start_interval()
        return means

    def probe(self, step: int, figures: dict[str, float], text: str) -> None:
        """Writes the figures of a look at the samples and shows `text`."""
        with self._writing(step):
            for name, value in figures.items():
                tf.summary.scalar(name, value)
        if self._progress:
            tqdm.write(f"step {step}, samples: {text}", file=sys.stdout)

    def sample_grid(self, step: int, picture: np.ndarray) -> None:
        """Writes a sample sheet, a uint8 `[H, W]` picture."""
        with self._writing(step):
            tf.summary.image("samples", picture[None, :, :, None])

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
            print(
                f"step {step} of {self._config.epochs}, "
                f"d_loss {losses['d_loss']}, g_loss {losses['g_loss']}, "
                f"{speed:.1f} steps/s, {tqdm.format_interval(left)} left",
                flush=True,
            )


def read_scalars(folder: Path) -> dict[str, tuple[list[int], list[float]]]:
    """The curves of a run from its event files: tag to (steps, values)."""
    curves: dict[str, dict[int, float]] = {}
    for event in _events(folder):
        for value in event.summary.value:
            if (
                value.metadata.plugin_data.plugin_name in ("", "scalars")
                and (value.tag in SCALARS)
                and _is_scalar(value.tensor)
            ):
                number = float(tf.make_ndarray(value.tensor))
                curves.setdefault(value.tag, {})[event.step] = number
    return {
        tag: (sorted(points), [points[step] for step in sorted(points)])
        for tag, points in curves.items()
    }


def write_evaluation(run_dir: Path, results: dict[str, dict[str, float]]) -> None:
    """Writes figures named "step N ..." as scalars of step N, replacing older ones."""
    folder = run_dir / "evaluation"
    with _explained(folder):
        remove(folder)
        folder.mkdir()
        with tf.summary.create_file_writer(os.fsencode(folder)).as_default():
            for name, figures in results.items():
                step = int(name.split()[1])
                for metric, value in figures.items():
                    tf.summary.scalar(f"evaluation/{metric}", value, step)


def loss_plot(curves: dict[str, tuple[list[int], list[float]]], title: str) -> bytes:
    """Losses and D's judgement over the steps, as PNG."""
    figure = Figure(figsize=(8, 6), layout="constrained")
    losses, judgement = figure.subplots(2, sharex=True)
    figure.suptitle(title, parse_math=False)  # the data's name may have a $
    for tag, rest, name in (
        ("d_loss", math.log(4), "log 4"),
        ("g_loss", math.log(2), "log 2"),
    ):
        (line,) = losses.plot(*curves.get(tag, ((), ())), label=tag, linewidth=1)
        losses.axhline(rest, color=line.get_color(), linestyle=":", label=name)
    losses.set_ylabel("loss, nats")
    for tag, label in (("d_real", "D(x)"), ("d_fake", "D(G(z))")):
        judgement.plot(*curves.get(tag, ((), ())), label=label, linewidth=1)
    judgement.axhline(0.5, color="grey", linestyle=":", label="cannot tell")
    judgement.set(xlabel="step", ylabel="mean probability", ylim=(0, 1))
    for axes in (losses, judgement):
        axes.legend(loc="upper right", ncols=2)
        axes.grid(alpha=0.3)
    return png_bytes_of_figure(figure)


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    """As `files.explained`, for TensorFlow's errors too."""
    try:
        with explained(folder):
            yield
    except tf.errors.OpError as error:
        raise cannot_write(folder, str(error)) from error


def _trim(folder: Path, step: int) -> None:
    """Merges the event files into one without what is told again from `step` on.

    A run that was killed has told more than its last checkpoint knows; told again after
    the resume, those steps would stand in TensorBoard twice. A run at step 0 tells that
    step too.
    """
    paths = _event_files(folder)
    if step and paths:
        beside = folder / ".merged.part"
        remove(beside)  # of a crash; or a link that would lead us elsewhere
        with tf.io.TFRecordWriter(os.fsencode(beside)) as writer:
            for event in _events(folder):
                if event.step <= step:
                    writer.write(event.SerializeToString())
        sync(beside)
        # TensorBoard reads in the order of names, which have the time in them; this
        # one comes first even where the clock went backwards.
        merged = folder / "events.out.tfevents.0.merged"
        beside.replace(merged)
        sync(folder)
        paths = [path for path in paths if path != merged]
    for path in paths:
        path.unlink()


def _event_files(folder: Path) -> list[Path]:
    found = sorted(folder.glob("events.out.tfevents.*"))
    return [path for path in found if path.is_file()]


def _events(folder: Path) -> Iterator[Event]:
    """All events, in order, each (step, tag) once; stops at a file's torn end."""
    seen = set()
    for path in _event_files(folder):
        whole, _ = count_records(path, _MAX_EVENT)
        records = (
            tf.data.TFRecordDataset(os.fsencode(path)).take(whole).as_numpy_iterator()
        )
        while True:
            try:
                event = Event.FromString(next(records))
            except Exception:  # the end, a damaged record, or one that is no event
                break
            tags = [value.tag for value in event.summary.value]
            key = (event.step, *tags) if tags else (event.file_version,)
            if key not in seen:
                seen.add(key)
                yield event


def _is_scalar(tensor: TensorProto) -> bool:
    """Whether a tensor is one float, which takes no more memory than it has."""
    return (
        tensor.dtype == DT_FLOAT
        and not tensor.tensor_shape.dim
        and (len(tensor.float_val) == 1 or len(tensor.tensor_content) == 4)
    )
