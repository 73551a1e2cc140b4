"""The run directory: where everything of a run lies."""

from __future__ import annotations

import os
import re
from pathlib import Path

from gan_tf.errors import UserError
from gan_tf.files import check_writable, exists, readable

FORMAT = 1  # of config.json and the checkpoints
# What training writes into, and what it replaces.
_FOLDERS = ("", "checkpoints", "samples", "tensorboard")
_FILES = ("data.png", "curves.csv", "samples.png", "losses.png", "training.gif")
_WITHOUT_RUN = (
    "train one with python -m gan_tf.train, or use the weights that come with the "
    "package: --pretrained mnist"
)


def config_path(run_dir: Path) -> Path:
    """What the run is: configuration, data, versions."""
    return run_dir / "config.json"


def events_dir(run_dir: Path) -> Path:
    """TensorBoard's event files."""
    return run_dir / "tensorboard"


def evaluation_events_dir(run_dir: Path) -> Path:
    """Those of `evaluate`: below the run's own, where HParams finds them."""
    return events_dir(run_dir) / "evaluation"


def checkpoints_dir(run_dir: Path) -> Path:
    """The checkpoints, one folder each."""
    return run_dir / "checkpoints"


def sample_grid_path(run_dir: Path, step: int) -> Path:
    """The sample grid of one step."""
    return run_dir / "samples" / f"step-{step:08d}.png"


def sample_grids(run_dir: Path) -> dict[int, Path]:
    """The sample grids of a run by their steps; raises as `saved`."""
    folder = run_dir / "samples"
    matches = [re.fullmatch(r"step-(\d+)\.png", name) for name in _names(folder)]
    return {int(match[1]): folder / match[0] for match in matches if match}


def saved(run_dir: Path) -> list[Path]:
    """The checkpoints of a run, the newest first; other files there are not ours.

    Raises:
        UserError: the folder is there and cannot be read.
    """
    folder = checkpoints_dir(run_dir)
    ours = [name for name in _names(folder) if re.fullmatch("step-[0-9]{8,18}", name)]
    return sorted((folder / name for name in ours), key=step_of, reverse=True)


def _names(folder: Path) -> list[str]:
    """What lies in a folder of a run; nothing if it is not there."""
    with readable(folder):
        try:
            return os.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return []


def step_of(path: Path) -> int:
    """The step of a checkpoint, from its name."""
    return int(path.name.removeprefix("step-"))


def check_run_there(run_dir: Path) -> None:
    """Raises `UserError` unless `run_dir` holds a run, whatever its state."""
    if not exists(run_dir):
        raise UserError(f"--run_dir {run_dir} does not exist; {_WITHOUT_RUN}")
    if not exists(config_path(run_dir)) and not saved(run_dir):
        raise UserError(
            f"--run_dir {run_dir} holds no run (no config.json); {_WITHOUT_RUN}"
        )


def check_places(run_dir: Path) -> None:
    """Checks, before the work, that training can write all of a run; makes nothing.

    Raises:
        UserError: a folder of it cannot be written, a folder lies where a file goes, or
            a file there is none of a run's and would be lost.
    """
    for name in _FOLDERS:
        check_writable(run_dir / name, "--run_dir")
    for name in _FILES:
        if (run_dir / name).is_dir():
            raise UserError(
                f"--run_dir {run_dir}: {name} is a folder there, and training writes a "
                "file of that name; move it away, or name another place"
            )
    if not (exists(config_path(run_dir)) or saved(run_dir)):
        _check_nothing_lost(run_dir)


def _check_nothing_lost(run_dir: Path) -> None:
    """Raises if what a new run replaces or removes is there, and so is not a run's."""
    found = [run_dir / name for name in _FILES if os.path.lexists(run_dir / name)]
    found += sample_grids(run_dir).values()
    found += events_dir(run_dir).glob("events.out.tfevents.*")
    if found:
        raise UserError(
            f"--run_dir {run_dir} holds no run (no config.json), but {found[0]}, which "
            "training would replace; name another directory"
        )


def check_links(run_dir: Path) -> None:
    """Raises if a folder of the run is a link.

    What the run writes and removes shall stay within it, whoever made it. The run
    directory as a whole may be a link, and single files, which are never written
    through, too.
    """
    for name in ("checkpoints", "samples", "tensorboard", "evaluation"):
        if (run_dir / name).is_symlink():
            raise UserError(
                f"{run_dir / name} is a link, which could lead out of the run; move "
                "the folder here, or link the whole --run_dir"
            )
