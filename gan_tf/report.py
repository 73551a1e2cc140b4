"""Shows a run as one HTML file: `python -m gan_tf.report --run_dir R`."""

from __future__ import annotations

import argparse
from pathlib import Path

from gan_tf import cli
from gan_tf.environment import quiet_tensorflow
from gan_tf.errors import UserError
from gan_tf.files import check_writable
from gan_tf.storage.run_directory import check_run_there

_DESCRIPTION = """
Write a report: one HTML file with the curves, the sample grids, the evaluation and the
generator itself, which runs in the page. It opens in any browser, without a server or
a network. Several runs are compared side by side.
"""


def parser() -> cli.Parser:
    """The command's flags."""
    flags = cli.Parser(prog="python -m gan_tf.report", description=_DESCRIPTION)
    flags.add_argument(
        "runs", type=cli.path, nargs="*", metavar="RUN", help="runs to compare"
    )
    cli.add_source_flags(flags)
    flags.add_argument(
        "--out",
        type=cli.path,
        metavar="FILE",
        help="x.html (default: report.html in the run directory, or comparison.html "
        f"here for several runs); {cli.REPLACES}",
    )
    return flags


def main(values: argparse.Namespace) -> None:
    """Writes the report as the flags say."""
    if values.runs and (values.pretrained or values.run_dir != cli.DEFAULT_RUN):
        raise UserError("give either runs, or one --run_dir, or --pretrained")
    if values.pretrained or len(values.runs) > 1:
        default = Path("comparison.html" if values.runs else "report.html")
    else:
        default = (values.runs or [values.run_dir])[0] / "report.html"
    out = values.out or default
    if out.suffix.lower() != ".html" or out.is_dir():
        raise UserError(f"--out {out} must be a file that ends in .html")
    for run in [] if values.pretrained else values.runs or [values.run_dir]:
        check_run_there(run)
    check_writable(out.parent, "--out")
    with quiet_tensorflow():
        from gan_tf.pages.report import write_report
        from gan_tf.storage.pretrained import pretrained
    if values.pretrained and not values.runs:
        write_report([pretrained(values.pretrained)], out)
    else:
        write_report(values.runs or [values.run_dir], out)
    print(f"wrote {out}")


if __name__ == "__main__":
    cli.run(parser(), main)
