"""`curves.csv`: every logged value of a run, one row a step.

For the program itself, for pandas and for a spreadsheet. Rows are appended; a session
begins by rewriting the file without the rows that come after its first step, since a
run that was killed has logged more than its last checkpoint knows.
"""

from __future__ import annotations

import csv
import io
import math
import warnings
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from gan_tf.errors import UserError
from gan_tf.files import explained, readable, write_atomically

Curves = dict[str, tuple[list[int], list[float]]]

# A row takes 200 to 330 bytes; more rows than that do not fit into a plot either.
MAX_ROWS = 400_000
_MAX_BYTES = 1 << 27


def curves_path(run_dir: Path) -> Path:
    """Where the curves of a run lie."""
    return run_dir / "curves.csv"


def read_curves(run_dir: Path) -> Curves:
    """All curves of a run: name to (steps, values), in the order of the steps.

    A run from before version 0.2.0 has none until it goes on. Lines that are not whole
    are left out, with a warning unless it is the last one, which a crash may have cut.
    """
    curves: Curves = {}
    for step, values in _rows(run_dir)[0]:
        for name, value in values.items():
            steps, numbers = curves.setdefault(name, ([], []))
            steps.append(step)
            numbers.append(value)
    return curves


class CurveWriter:
    """The open `curves.csv` of one session. A context manager.

    Args:
        names: what this session can log; columns of older sessions stay.
        step: rows after it are dropped.

    Raises:
        UserError: the file cannot be written; so do all methods.
    """

    def __init__(self, run_dir: Path, names: Iterable[str], step: int) -> None:
        self._path = curves_path(run_dir)
        rows, wrong = _rows(run_dir) if step else ([], 0)
        if wrong:
            self._keep_original(step)
        kept = [row for row in rows if row[0] <= step]
        columns = dict.fromkeys(names)
        for _, values in kept:
            columns |= dict.fromkeys(values)
        self._columns = list(columns)
        lines = [_line(["step", *self._columns])]
        lines += [self._row(number, values) for number, values in kept]
        # A new file, never an old one's other name: what is appended stays in the run.
        write_atomically(self._path, "".join(lines).encode())
        with explained(self._path):
            self._file = self._path.open("a", encoding="utf-8", newline="")

    def __enter__(self) -> CurveWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with explained(self._path):
            self._file.close()

    def write(self, step: int, values: dict[str, float]) -> None:
        """Appends one row; what is not in `values` stays empty."""
        with explained(self._path):
            self._file.write(self._row(step, values))
            self._file.flush()

    def _keep_original(self, step: int) -> None:
        """Keeps a file of which lines are left out, such as one that was edited."""
        original = self._path.with_name(f"curves.before-{step}.csv")
        if not original.exists():
            with readable(self._path):
                content = self._path.read_bytes()
            write_atomically(original, content)
        warnings.warn(f"{self._path}: as it was, in {original.name}", stacklevel=3)

    def _row(self, step: int, values: dict[str, float]) -> str:
        return _line([step, *(values.get(name, "") for name in self._columns)])


def _line(cells: list[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()


def _rows(run_dir: Path) -> tuple[list[tuple[int, dict[str, float]]], int]:
    """Step and values of each whole row, the steps rising; how many are left out."""
    path = curves_path(run_dir)
    if not path.is_file():
        return [], 0
    with readable(path):
        if path.stat().st_size > _MAX_BYTES:
            raise UserError(f"{path} has more than 128 MiB: move it away")
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines(True)
    header = _cells(lines[0]) if lines else []
    rows: dict[int, dict[str, float]] = {}
    wrong = 0
    for number, line in enumerate(lines[1:], 2):
        row = _parsed(line, header)
        if row is not None:
            rows[row[0]] = row[1]
        elif number < len(lines):
            wrong += 1
    if wrong:
        warnings.warn(f"{path}: {wrong} lines are no rows and left out", stacklevel=3)
    return sorted(rows.items()), wrong


def _parsed(line: str, header: list[str]) -> tuple[int, dict[str, float]] | None:
    """One row, or None if it is not whole."""
    try:
        cells = _cells(line)
        step, *values = cells
        if not line.endswith("\n") or len(cells) != len(header):
            return None
        numbers = {n: float(v) for n, v in zip(header[1:], values) if v}
        finite = all(map(math.isfinite, numbers.values()))
        return (int(step), numbers) if finite and 0 <= int(step) < 2**63 else None
    except ValueError:
        return None


def _cells(line: str) -> list[str]:
    """The cells of one line; none if it is no line of a CSV file."""
    try:
        return next(csv.reader([line]), [])
    except csv.Error:  # a cell of more than 131072 characters, for one
        return []
