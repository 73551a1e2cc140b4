"""Writes the report: one HTML file that needs neither a server nor a network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import keras

from gan_tf.errors import UserError
from gan_tf.files import check_replaceable, write_atomically
from gan_tf.pages.charts import SIZE, charts_of_comparison, charts_of_run
from gan_tf.pages.content import metrics_table, run_content
from gan_tf.pages.pictures import frames
from gan_tf.storage.checkpoints import Trained
from gan_tf.storage.evaluations import Metrics

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
    check_replaceable(path, _MARK)
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


def _rendered(runs: list[dict[str, Any]]) -> bytes:
    """The page in UTF-8."""
    one = runs[0] if len(runs) == 1 else None
    names = [run["name"] for run in runs]
    found = [run["evaluation"] for run in runs]
    if one:
        charts = charts_of_run(one["curves"], one["objective"])
        columns = dict(found[0].results) if found[0] else {}
    else:
        charts = charts_of_comparison({run["name"]: run["curves"] for run in runs})
        newest = [next(iter(e.results.values())) if e else {} for e in found]
        columns = dict(zip(names, newest))
    real: Metrics = next((e.real for e in found if e), {})
    options = [
        [option, "", *values]
        for option in runs[0]["options"]
        if len(set(values := [run["options"][option] for run in runs])) > 1 or one
    ]
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
        names=names,
        charts=charts,
        size=SIZE,
        metric_columns=[*columns, "real data"],
        metrics=metrics_table([*columns.values()], real),
        warnings=found[0].warnings if one and found[0] else [],
        options=options,
        data={
            "size": SIZE,
            "charts": [chart["data"] for chart in charts],
            "network": one and one["network"],
        },
    )
    return page.encode("utf-8", "replace")  # names of files may hold any bytes
