"""Pictures of a run as data URIs, few and small enough for the page."""

from __future__ import annotations

import base64
import io
import math
import warnings
from pathlib import Path

from PIL import Image

from gan_tf.files import exists
from gan_tf.images import picture_bytes
from gan_tf.storage.run_directory import sample_grids

_MAX_FRAMES = 60
_WIDTHS = 700, 350  # pixels of a sample grid; the second where the first is too much
_MAX_HEIGHT = 2000
_MAX_PIXELS = 1 << 26  # of a file; the largest sample grid has half as many


def frames(run_dir: Path, budget: int) -> list[tuple[int, str]]:
    """Step and picture of sample grids, evenly chosen; of fewer the newest always.

    Args:
        budget: characters that all pictures together may take.
    """
    newest_first = sorted(sample_grids(run_dir).items(), reverse=True)
    every = max(1, math.ceil(len(newest_first) / _MAX_FRAMES))
    for width in _WIDTHS:
        pairs = [(step, picture(path, width)) for step, path in newest_first[::every]]
        found = [(step, uri) for step, uri in pairs if uri]
        if _size(found) <= budget:
            break
    while found and _size(found) > budget:
        found = found[::2] if len(found) > 1 else []
    return found[::-1]


def _size(found: list[tuple[int, str]]) -> int:
    return sum(len(uri) for _, uri in found)


def picture(path: Path, width: int) -> str | None:
    """A PNG file as a data URI, no wider than `width`; None if it is no picture.

    It is decoded and encoded anew, as WebP: smaller, and none of the file's own bytes
    come into the page.
    """
    if not exists(path):
        return None
    content = picture_bytes(path)
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
            if opened.width * opened.height > _MAX_PIXELS:
                raise ValueError(f"it has {opened.width}x{opened.height} pixels")
            image = opened.convert("RGB")
    except Exception as error:  # a dozen kinds, all of them a damaged file
        warnings.warn(f"left out of the report: {path} ({error})", stacklevel=2)
        return None
    image.thumbnail((width, _MAX_HEIGHT))
    file = io.BytesIO()
    image.save(file, "webp", quality=80, method=2)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
