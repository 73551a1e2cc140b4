"""Handwriting-like 28x28 digits drawn from parametric pen strokes: NumPy only.

The built-in stand-in for MNIST, for tests and for a first run without network. Each
digit is a few smooth curves through control points; every image jitters the points,
slants, turns, stretches and shifts the whole, and draws it with its own pen width.
"""

from __future__ import annotations

import numpy as np

SIZE = 28
_SAMPLES = 96  # pen positions along the whole digit; about two a pixel
_AT_ONCE = 64  # images: their work fits the processor's cache, twice as fast

# Control points "x,y" of each digit's strokes, 0 to 100 to the right and down, and some
# digits in two ways of writing. A stroke is a Catmull-Rom spline through its points.
_DIGITS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("55,0 20,12 3,50 20,90 52,100 85,85 97,45 80,10 50,0",),),
    (
        ("50,0 50,33 50,67 50,100",),
        (
            "30,20 55,0",
            "55,0 52,50 50,100",
        ),
    ),
    (
        (
            "8,20 40,0 80,15 78,42 45,72 5,98",
            "5,98 50,95 98,97",
        ),
        ("10,18 45,0 82,20 65,58 25,92 8,85 25,72 60,92 100,90",),
    ),
    (
        (
            "10,10 45,0 82,14 72,40 38,47",
            "38,47 80,55 88,82 50,100 5,90",
        ),
    ),
    (
        (
            "18,0 10,28 8,52 50,53 98,48",
            "78,2 74,50 70,100",
        ),
        (
            "60,0 30,32 0,66 50,68 100,64",
            "66,10 66,55 64,100",
        ),
    ),
    (
        (
            "88,2 50,2 22,4",
            "22,4 18,24 15,43",
            "15,43 55,36 90,60 72,92 35,100 3,88",
        ),
    ),
    (("72,0 35,25 12,62 25,95 60,100 86,80 70,56 40,56 16,74",),),
    (
        (
            "3,4 50,3 95,2",
            "95,2 68,42 50,72 40,100",
        ),
        (
            "5,16 8,3 50,3 92,2",
            "92,2 66,45 52,100",
            "30,52 85,48",
        ),
    ),
    (("82,14 50,0 18,16 32,40 66,56 86,80 50,100 15,82 34,56 70,36 82,14",),),
    (
        ("85,20 50,0 15,18 22,45 55,50 83,28 85,18 80,60 70,100",),
        ("80,22 52,0 14,20 30,48 78,26 84,60 60,95 18,95",),
    ),
)


def draw_digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws `count` digits, about equally many of each class, in random order.

    Returns:
        images: uint8 `[count, 28, 28]`, ink 255 on paper 0.
        labels: uint8 `[count]`, 0 to 9.

    The same count and seed give the same images.
    """
    random = np.random.default_rng(seed)
    forms = [
        (label, _pen_weights(strokes))
        for label, variants in enumerate(_DIGITS)
        for strokes in variants
    ]
    labels = (np.arange(count) % 10).astype(np.uint8)
    random.shuffle(labels)
    choice = random.integers(2, size=count)  # which way of writing, where there are two
    images = np.empty((count, SIZE, SIZE), np.uint8)
    for label in range(10):
        variants = [weights for digit, weights in forms if digit == label]
        for number, (points, weights) in enumerate(variants):
            rows = (labels == label) & (choice % len(variants) == number)
            images[rows] = _draw(points, weights, int(rows.sum()), random)
    return images, labels


def _pen_weights(strokes: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """All control points `[P, 2]` and the matrix `[S, P]` that makes pen positions.

    A pen position is a fixed weighted sum of control points, so jittered points give
    smooth jittered strokes by one matrix multiplication.
    """
    curves = [
        np.array([pair.split(",") for pair in stroke.split()], float) / 100
        for stroke in strokes
    ]
    lengths = [np.hypot(*np.diff(curve, axis=0).T).sum() for curve in curves]
    points = np.concatenate(curves)
    blocks, start = [], 0
    for curve, length in zip(curves, lengths):
        share = max(4, round(_SAMPLES * length / sum(lengths)))
        block = np.zeros((share, len(points)))
        block[:, start : start + len(curve)] = _spline_weights(len(curve), share)
        blocks.append(block)
        start += len(curve)
    return points, np.concatenate(blocks)


def _spline_weights(points: int, samples: int) -> np.ndarray:
    """The Catmull-Rom spline through `points` control points, `[samples, points]`."""
    t = np.linspace(0, points - 1, samples)
    left = np.minimum(t.astype(int), points - 2)
    u = t - left
    basis = 0.5 * np.stack(
        [
            -u + 2 * u**2 - u**3,
            2 - 5 * u**2 + 3 * u**3,
            u + 4 * u**2 - 3 * u**3,
            -(u**2) + u**3,
        ]
    )
    weights = np.zeros((samples, points))
    for offset, values in zip((-1, 0, 1, 2), basis):
        column = np.clip(left + offset, 0, points - 1)  # the ends are doubled
        np.add.at(weights, (np.arange(samples), column), values)
    return weights


def _draw(
    points: np.ndarray, weights: np.ndarray, count: int, random: np.random.Generator
) -> np.ndarray:
    """`count` jittered copies of one way of writing, uint8 `[count, 28, 28]`."""
    jitter = random.normal(0.0, 0.045, (count, *points.shape))
    # Points that coincide (a corner between two strokes) move together.
    _, first = np.unique(points, axis=0, return_inverse=True)
    control = points - 0.5 + jitter[:, first.reshape(-1)]
    path = weights @ control  # [count, samples, 2]
    angle = random.normal(0.0, 0.1, count)
    slant = random.normal(0.18, 0.2, count)
    width = random.normal(12.5, 1.8, count)
    height = random.normal(18.5, 1.2, count)
    x = path[..., 0] * width[:, None] - slant[:, None] * path[..., 1] * height[:, None]
    y = path[..., 1] * height[:, None]
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    shift = random.normal(0.0, 0.5, (2, count, 1))
    centre = (SIZE - 1) / 2
    marks = (
        cos * x - sin * y + centre + shift[0],
        sin * x + cos * y + centre + shift[1],
        np.clip(random.normal(0.9, 0.15, count), 0.6, 1.3),
    )
    images = np.empty((count, SIZE, SIZE), np.uint8)
    for start in range(0, count, _AT_ONCE):
        rows = slice(start, start + _AT_ONCE)
        images[rows] = _ink(*(part[rows] for part in marks))
    return images


def _ink(x: np.ndarray, y: np.ndarray, pen: np.ndarray) -> np.ndarray:
    """Inks round pen marks at pixel positions `[count, samples]`; antialiased.

    Each mark is a Gaussian of `pen` pixels, written only into the 7x7 pixels around it;
    the sum of marks saturates as ink does.
    """
    count, samples = x.shape
    near = np.arange(-3, 4)
    columns = np.rint(x).astype(np.int32)[..., None] + near
    rows = np.rint(y).astype(np.int32)[..., None] + near
    scale = -0.5 / pen[:, None, None].astype(np.float32) ** 2
    across = np.exp(scale * (columns - x[..., None]).astype(np.float32) ** 2)
    down = np.exp(scale * (rows - y[..., None]).astype(np.float32) ** 2)
    across *= (columns >= 0) & (columns < SIZE)  # ink beside the paper is lost
    down *= (rows >= 0) & (rows < SIZE)
    columns, rows = columns.clip(0, SIZE - 1), rows.clip(0, SIZE - 1)
    image = np.arange(count, dtype=np.int32)[:, None, None, None] * SIZE**2
    pixel = image + rows[..., :, None] * SIZE + columns[..., None, :]
    marks = down[..., :, None] * across[..., None, :]
    ink = np.bincount(pixel.ravel(), marks.ravel(), minlength=count * SIZE**2)
    # Marks per pixel of path, so that a long digit is as dark as a short one.
    length = np.hypot(np.diff(x), np.diff(y)).sum(axis=1)
    density = (length / samples)[:, None] / pen[:, None]
    dark = 1 - np.exp(-1.3 * ink.reshape(count, -1) * density)
    return np.rint(255 * dark).astype(np.uint8).reshape(count, SIZE, SIZE)
