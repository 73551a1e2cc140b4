"""Reads images from a CSV file: one image a row, as Kaggle's `train.csv` has them."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path

import numpy as np

from gan_tf.data.forms import other_form, refused
from gan_tf.files import readable

_MAX_BYTES = 1 << 30
_MAX_LINE = 1 << 20
_LABEL = ("label", "class", "target", "y", "digit")


def read_table(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels `[N, H * W]` and labels `[N]`, or None where the file has none.

    A header is optional. The label is the column that the header calls so, else the
    first one (or the last, if all rows begin with the same number) if what remains is
    a square image. A first column without a name, as
    pandas writes its row numbers, is left out.

    Raises:
        UserError: it cannot be read, or is no such table.
    """
    with readable(path), path.open("rb") as file:
        first = file.readline(_MAX_LINE)
        size = path.stat().st_size
    if b"\0" in first or not first.strip():
        raise other_form(path, first[:32], "a CSV file")
    if size > _MAX_BYTES:
        raise refused(path, f"a CSV file of {size} bytes is too large; save it as npz")
    cells, separator = _cells(path, first)
    header = not all(map(_is_number, cells))
    numbered = header and not cells[0]
    label = _label_column(path, cells[numbered:], header)
    values = _values(path, separator, header)
    if not values.size:
        raise refused(path, "it holds no image, only a header")
    if values.ndim != 2 or values.shape[1] != len(cells):
        raise refused(path, f"its rows have not the {len(cells)} columns of its first")
    values = values[:, int(numbered) :]
    if label == 0 and not header and _is_constant(values[:, 0]):
        label = 0 if _is_constant(values[:, -1]) else values.shape[1] - 1
    if label is None:
        return values, None
    return np.delete(values, label, axis=1), values[:, label]


def _cells(path: Path, line: bytes) -> tuple[list[str], str]:
    """The first line's cells, and what separates them."""
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise other_form(path, line[:32], "a CSV file") from None
    separator = max(",;\t", key=text.count)
    return [cell.strip(' "') for cell in text.split(separator)], separator


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _label_column(path: Path, cells: list[str], header: bool) -> int | None:
    if header:
        named = [i for i, cell in enumerate(cells) if cell.lower() in _LABEL]
        if named and _is_square(len(cells) - 1):
            return named[0]
    if _is_square(len(cells)):
        return None
    if _is_square(len(cells) - 1):
        return 0
    raise refused(
        path,
        f"its rows have {len(cells)} columns; needed are the pixels of a square image, "
        "with or without a label in front",
    )


def _is_constant(column: np.ndarray) -> bool:
    return bool((column == column[0]).all())


def _is_square(count: int) -> bool:
    return count >= 64 and math.isqrt(count) ** 2 == count


def _values(path: Path, separator: str, header: bool) -> np.ndarray:
    """All numbers as float32, which is exact for pixels and labels."""
    try:
        with readable(path), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no rows: checked after
            return np.loadtxt(
                path,
                np.float32,
                comments=None,
                delimiter=separator,
                skiprows=int(header),
                ndmin=2,
                encoding="utf-8-sig",
                quotechar='"',
            )
    except ValueError as error:  # a text that is no number, a short row, an encoding
        raise refused(path, f"it is no table of numbers: {_reason(error)}") from error


def _reason(error: ValueError) -> str:
    """NumPy's reason without its words for programmers."""
    text = str(error).splitlines()[0]
    word = re.search("convert string (.+) to float", text)
    return f"{word[1]} is no number" if word else text.split(";")[0]
