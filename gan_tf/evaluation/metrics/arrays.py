"""Checks of what the metrics are given."""

from __future__ import annotations

import numpy as np


def pair(
    name: str, values: np.ndarray, other_name: str, others: np.ndarray, rows: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Both as `matrix` gives them, of the same width."""
    one, other = matrix(values, name, rows), matrix(others, other_name, rows)
    if one.shape[1] != other.shape[1]:
        raise ValueError(
            f"{name} {one.shape} and {other_name} {other.shape} differ in their columns"
        )
    return one, other


def matrix(values: np.ndarray, name: str, rows: int) -> np.ndarray:
    """`values` if they are a matrix of finite numbers with enough rows."""
    matrix = np.asarray(values)
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiub" or not matrix.shape[1]:
        found = f"{matrix.dtype} {matrix.shape}"
        raise ValueError(f"{name} must be a matrix of numbers, not {found}")
    if len(matrix) < rows:
        raise ValueError(f"{name}: {len(matrix)} rows, at least {rows} are needed")
    # Minimum and maximum hand on a NaN, without a second array of the matrix's size.
    if not np.isfinite([matrix.min(), matrix.max()]).all():
        raise ValueError(f"{name} has values that are NaN or infinite")
    return matrix
