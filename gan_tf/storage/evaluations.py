"""`evaluation.json`: what `gan_tf.evaluate` found; the only reader and writer of it."""

from __future__ import annotations

import dataclasses
import json
import os
import warnings
from pathlib import Path
from typing import Any

from gan_tf.errors import DamagedError
from gan_tf.files import check_replaceable, exists, read_json, write_json

Metrics = dict[str, float]

OF_THE_RUN = "the run in this folder"  # what is scored, unless it is something else


@dataclasses.dataclass(frozen=True)
class Evaluations:
    """The metrics of one or more sets of samples.

    Attributes:
        results: metrics of each set of 10000 samples, by its name.
        real: the same metrics of real data.
        warnings: reasons to doubt the metrics, for people.
        weights: which weights of a generator were scored; None for samples.
        scored: what was scored.
        classifier: its SHA-256.
    """

    results: dict[str, Metrics]
    real: Metrics
    warnings: list[str] = dataclasses.field(default_factory=list)
    weights: str | None = "averaged"
    scored: str = OF_THE_RUN
    classifier: str = ""


def evaluation_path(folder: Path) -> Path:
    """Where the evaluation in a folder lies."""
    return folder / "evaluation.json"


def picture_path(folder: Path) -> Path:
    """Where the picture of the evaluation in a folder lies."""
    return folder / "evaluation.png"


def check_evaluation_place(folder: Path, scored: str) -> None:
    """Raises `UserError` if an evaluation of `scored` would replace something else."""
    marks = [_mark(scored)]
    if scored == OF_THE_RUN:
        marks.append(b'{\n  "judge"')  # how those of earlier versions begin
    check_replaceable(evaluation_path(folder), *marks)
    if not os.path.lexists(evaluation_path(folder)):
        check_replaceable(picture_path(folder))


def write_evaluation(folder: Path, found: Evaluations) -> dict[str, Any]:
    """Writes the evaluation and returns its content."""
    content = dataclasses.asdict(found)
    content = {"scored": content.pop("scored")} | content
    write_json(evaluation_path(folder), content)
    return content


def read_evaluation(run_dir: Path) -> Evaluations | None:
    """The evaluation of a run; None if it has none.

    One that is damaged, scores something else, or has another form is left out with a
    warning.

    Raises:
        UserError: it cannot be read.
    """
    path = evaluation_path(run_dir)
    if not exists(path):
        return None
    try:
        return _checked(read_json(path))
    except DamagedError as damage:
        why = str(damage)
    except (LookupError, TypeError, ValueError, OverflowError, AttributeError):
        why = f"{path} is not an evaluation of this run"
    warnings.warn(f"left out: {why}", stacklevel=2)
    return None


def _checked(content: dict[str, Any]) -> Evaluations:
    """What `content` says, or an error if it does not say it in the form above."""
    results = {name: _metrics(found) for name, found in content["results"].items()}
    doubts = content["warnings"]
    weights = content.get("weights", "averaged")
    if (
        not results
        or content.get("scored", OF_THE_RUN) != OF_THE_RUN
        or weights not in ("averaged", "raw")
        or not isinstance(doubts, list)
        or not all(isinstance(doubt, str) for doubt in doubts)
    ):
        raise ValueError
    return Evaluations(results, _metrics(content["real"]), doubts, weights)


def _metrics(values: dict[str, Any]) -> Metrics:
    if not all(type(value) in (int, float) for value in values.values()):
        raise TypeError
    return {name: float(value) for name, value in values.items()}


def _mark(scored: str) -> bytes:
    return f'"scored": {json.dumps(scored)},'.encode()
