"""Writes the report: one HTML file that needs neither a server nor a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import keras

from gan_tf.errors import UserError
from gan_tf.files import exists, readable, write_atomically
from gan_tf.pages import charts, curves
from gan_tf.pages.content import metrics_table, run_content
from gan_tf.pages.pictures import frames
from gan_tf.storage.checkpoints import Trained

MAX_BYTES = 4_000_000
_MARGIN = 30_000  # of them for the tags around the sample grids of a run
_MARK = b'<meta name="generator" content="gan_tf.report">'


def report_path(run_dir: Path) -> Path:
    """Where the report of a run lies."""
    return run_dir / "report.html"


def write_report(
    sources: Sequence[Path | Trained], path: Path, generator: keras.Model | None = None
) -> None:
    """Writes the report of one run, or the comparison of several, to `path`.

    Args:
        sources: run directories, or generators without one.
        generator: the generator of the one run directory; by default that of its
            newest checkpoint.

    Raises:
        UserError: a run cannot be read, `path` cannot be written or is another file.
    """
    _check_replaceable(path)
    live = len(sources) == 1
    runs = [run_content(source, live, generator) for source in sources]
    budget = (MAX_BYTES - len(_rendered(runs))) // len(runs) - _MARGIN
    for source, run in zip(sources, runs):
        if isinstance(source, Path):
            run["frames"] = frames(source, budget)
    page = _rendered(runs)
    if len(page) > MAX_BYTES:
        raise UserError(f"{path} would have more than 4 MB: compare fewer runs")
    write_atomically(path, page)


def _check_replaceable(path: Path) -> None:
    """Raises if something is at `path` that is not a report."""
    if exists(path):
        with readable(path), path.open("rb") as file:
            if _MARK not in file.read(1000):
                raise UserError(f"{path} is not a report of gan_tf; name another --out")


def _rendered(runs: list[dict[str, Any]]) -> bytes:
    """The page in UTF-8."""
    one = runs[0] if len(runs) == 1 else None
    if one:
        shown = curves.charts_of_run(one["curves"], one["objective"])
    else:
        by_name = {run["name"]: run["curves"] for run in runs}
        shown = curves.charts_of_comparison(by_name)
    drawn = [found for found in map(charts.layout, shown) if found]
    data = {
        "size": charts.SIZE,
        "charts": [chart.pop("data") for chart in drawn],
        "network": one and one["network"],
    }
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,  # names of runs and data are text from strangers
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(
        runs=runs,
        one=one,
        charts=drawn,
        size=charts.SIZE,
        data=data,
        comparison=None if one else _comparison(runs),
    )
    return page.encode("utf-8", "replace")  # names of files may hold any bytes


def _comparison(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The options that differ, and the metrics, with a column for each run."""
    options = [
        [name, "", *values]
        for name in runs[0]["options"]
        if len(set(values := [run["options"][name] for run in runs])) > 1
    ]
    found = [run["evaluation"] for run in runs]
    columns = [next(iter(e["columns"].values())) if e else {} for e in found]
    real = [e["columns"]["real data"] for e in found if e][:1] or [{}]
    return {
        "names": [run["name"] for run in runs],
        "options": options,
        "metrics": metrics_table([*columns, *real]),
    }
