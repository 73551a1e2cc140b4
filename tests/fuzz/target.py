"""What is done with one reader of files, and what came of one input."""

from __future__ import annotations

import traceback
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

ALLOWANCE = 1 << 20  # bytes of buffers that a reader may take for the smallest file


IMAGES = np.random.default_rng(0).integers(0, 255, (2, 28, 28), dtype=np.uint8)


class Target(NamedTuple):
    """One reader of files that is tried.

    Attributes:
        seeds: gives the fuzzer's first inputs.
        write: makes the file of the fuzzer's bytes; returns its size.
        read: the package's reader.
        check: raises AssertionError for a wrong result; returns the bytes it holds.
    """

    seeds: Callable[[], list[bytes]]
    write: Callable[[bytes], int]
    read: Callable[[], Any]
    check: Callable[[Any], int]


def attempt(target: Target, data: bytes) -> tuple[str, float]:
    """What came of one input, and its memory over the file's honest need."""
    from gan_tf.errors import UserError

    size = held = target.write(data)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    result = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            result = target.read()
        outcome = "results"
    except UserError as error:
        text = str(error)
        one_line = text.isprintable() and len(text) < 3000
        outcome = "refused" if one_line else f"unprintable: {text[:60]!r}"
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(where.filename).name}:{where.lineno}"
        outcome = f"{type(error).__name__} at {where}: {str(error)[:60]}"
    peak = tracemalloc.get_traced_memory()[1] - before
    if outcome == "results":
        try:
            held = target.check(result)
        except Exception as error:
            outcome = f"wrong: {type(error).__name__} {str(error)[:60]}"
    ratio = peak / (max(size, held) + ALLOWANCE)
    if ratio > 2 and outcome in ("results", "refused"):
        outcome = "took more than twice the memory"
    return outcome, ratio


def put(path: Path, content: bytes) -> int:
    """Writes a new file: to write over one would wait for the disk each time."""
    path.unlink(missing_ok=True)
    return path.write_bytes(content)
