"""Data files that ship with the package. Standard library only, for `--help`."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent

# Trained generators, each with the SHA-256 of its file; made by
# benchmarks/make_pretrained.py, which also keeps their metrics.
PRETRAINED = {
    "mnist": "",
    "mnist_conditional": "",
}
