"""Data files that ship with the package. Standard library only, for `--help`."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent

# Trained generators, each with the SHA-256 of its file; made by
# benchmarks/make_pretrained.py, which also keeps their metrics.
PRETRAINED = {
    "mnist": "0ea0bcfc3804a21fc1cde234eaa25b19725c259e623754f7c7c19d8ea49c6460",
    "mnist_conditional": (
        "130e5f16b0c573348ba16df5bb71ebeb5c0f73462128ebf358dd8b4c79251159"
    ),
}
