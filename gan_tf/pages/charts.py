"""Charts as coordinates: what the template draws as SVG and the page's cursor reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from matplotlib.ticker import LogLocator, MaxNLocator

from gan_tf.storage.curves import Curves

# Of a chart, in SVG units: its size, and where the axes lie in it.
SIZE = {"width": 360, "height": 210, "left": 42, "right": 352, "top": 8, "bottom": 186}
_MAX_POINTS = 400  # of a line


class Chart(NamedTuple):
    """What a chart shows.

    Attributes:
        title: above it.
        lines: name to (steps, values).
        unit: behind each value, such as "%".
        rests: name to value of the horizontal lines, such as a loss at equilibrium.
        log: a logarithmic axis; the values must be positive.
        stacked: the values are parts of a whole, drawn as bands one upon the other.
    """

    title: str
    lines: Curves
    unit: str = ""
    rests: Mapping[str, float] = MappingProxyType({})
    log: bool = False
    stacked: bool = False


def layout(chart: Chart) -> dict[str, Any] | None:
    """The coordinates of a chart, for the template; None if it has no point."""
    lines = {name: _thinned(*line) for name, line in chart.lines.items() if line[0]}
    if not lines:
        return None
    heights = _heights(lines, chart)
    tops = np.concatenate([*(top for _, top in heights), list(chart.rests.values())])
    low, high = (0.0, 100.0) if chart.stacked else _limits(tops, chart.log)
    first = min(steps[0] for steps, _ in lines.values())
    last = max(max(steps[-1] for steps, _ in lines.values()), first + 1)
    across = _scale(first, last, SIZE["left"], SIZE["right"])
    up = _scale(low, high, SIZE["bottom"], SIZE["top"], chart.log)
    shapes = []
    for (steps, _), (bottom, top) in zip(lines.values(), heights):
        edge = list(zip(steps, top))
        if chart.stacked:
            edge += list(zip(steps[::-1], bottom[::-1]))
        shapes.append(" ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in edge))
    return {
        "title": chart.title,
        "unit": chart.unit,
        "stacked": chart.stacked,
        "lines": [
            {"name": name, "points": points, "last": f"{values[-1]:.3g}"}
            for (name, (_, values)), points in zip(lines.items(), shapes)
        ],
        "rests": [(name, value, up(value)) for name, value in chart.rests.items()],
        "ticks_x": [(across(x), f"{x:g}") for x in _ticks(first, last, 4, False)],
        "ticks_y": [(up(y), f"{y:g}") for y in _ticks(low, high, 5, chart.log)],
        "data": {
            "first": first,
            "last": last,
            "lines": [
                [steps, [float(f"{value:.3g}") for value in values]]
                for steps, values in lines.values()
            ],
        },
    }


def _thinned(steps: list[int], values: list[float]) -> tuple[list[int], np.ndarray]:
    """At most `_MAX_POINTS` points: means of neighbors, at the last one's step."""
    size = math.ceil(len(steps) / _MAX_POINTS)
    ends = range(len(steps) - 1, -1, -size)
    means = [np.mean(values[max(0, end + 1 - size) : end + 1]) for end in ends]
    return [steps[end] for end in ends][::-1], np.array(means[::-1])


def _heights(lines: dict, chart: Chart) -> list[tuple[np.ndarray, np.ndarray]]:
    """Bottom and top of each line, equal unless they are stacked."""
    values = [line[1] for line in lines.values()]
    if not chart.stacked:
        return [(line, line) for line in values]
    tops = np.cumsum(values, axis=0)
    return list(zip(tops - values, tops))


def _limits(values: np.ndarray, log: bool) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if log:
        return low / 1.2, high * 1.2
    margin = 0.05 * (high - low) or max(0.5, 0.05 * abs(high))
    return low - margin, high + margin


def _scale(low: float, high: float, start: float, end: float, log: bool = False):
    """The function from values to places."""
    if log:
        inner = _scale(math.log(low), math.log(high), start, end)
        return lambda value: inner(math.log(value))
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _ticks(low: float, high: float, count: int, log: bool) -> list[float]:
    locator = LogLocator(subs=(1, 2, 5)) if log else MaxNLocator(count)
    ticks = [float(tick) for tick in locator.tick_values(low, high)]
    return [tick for tick in ticks if low <= tick <= high]
