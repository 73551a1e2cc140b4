"""The charts of a report, as coordinates: the template draws them as SVG."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.ticker import Locator, LogLocator, MaxNLocator

from gan_tf.evaluation import monitor
from gan_tf.gan.losses import Objective
from gan_tf.storage.curves import Curves

# Of a chart, in SVG units: its size, and where the axes lie in it.
SIZE = {"width": 360, "height": 210, "left": 42, "right": 352, "top": 8, "bottom": 186}
_MAX_POINTS = 400  # of a line
_HUGE = 1e100  # values beyond are drawn there
_COMPARED = {
    monitor.DISTANCE: "Fréchet distance of 1000 samples",
    "d_loss": "d_loss",
    "g_loss": "g_loss",
    "d_real": "Output of D on real images",
    "d_fake": "Output of D on generated images",
}

Chart = dict[str, Any]


def charts_of_run(curves: Curves, objective: Objective) -> list[Chart]:
    """The charts of one run."""

    def some(names: Mapping[str, str]) -> Curves:
        return {label: curves[tag] for label, tag in names.items() if tag in curves}

    equilibrium = {"d_loss": objective.d_equilibrium, "g_loss": objective.g_equilibrium}
    likely = objective.probability
    found = [
        chart(
            "Losses, nats" if likely else "Losses",
            some({"d_loss": "d_loss", "g_loss": "g_loss"}),
            {f"{k} at equilibrium": v for k, v in equilibrium.items() if v is not None},
        ),
        chart(
            "Probability of being real, by D" if likely else "Output of D",
            some({"real": "d_real", "generated": "d_fake"}),
            {"at equilibrium": 0.5} if likely else {},
        ),
        chart(
            "Class shares of 1000 samples",
            some({tag[-1]: tag for tag in monitor.SHARES}),
            {"equally common": 0.1},
        ),
        chart(
            "Fréchet distance",
            some({"of 1000 samples": monitor.DISTANCE}),
            log=True,
        ),
        chart("Gradient norms", some({"D": "d_gradient_norm", "G": "g_gradient_norm"})),
    ]
    return [one for one in found if one]


def charts_of_comparison(runs: dict[str, Curves]) -> list[Chart]:
    """The same curve of all runs, by their names, in one chart."""
    found = [
        chart(
            title,
            {name: curves[tag] for name, curves in runs.items() if tag in curves},
            log=tag == monitor.DISTANCE,
        )
        for tag, title in _COMPARED.items()
    ]
    return [one for one in found if one]


def chart(
    title: str,
    curves: Curves,
    rests: Mapping[str, float] = MappingProxyType({}),
    log: bool = False,
) -> Chart | None:
    """The coordinates of a chart, for the template; None if it has no point.

    Args:
        curves: name to (steps, values) of each line.
        rests: name to value of horizontal lines, such as a loss at equilibrium.
        log: a logarithmic axis, if all values are positive and span a decade.
    """
    lines = {name: _thinned(*curve) for name, curve in curves.items() if curve[0]}
    if not lines:
        return None
    every = np.concatenate(
        [*(values for _, values in lines.values()), [*rests.values()]]
    )
    log = log and 0 < every.min() < every.max() / 10
    low, high = _limits(every, log)
    first = min(steps[0] for steps, _ in lines.values())
    last = max(max(steps[-1] for steps, _ in lines.values()), first + 1)

    def across(steps: Any) -> np.ndarray:
        return np.interp(steps, (first, last), (SIZE["left"], SIZE["right"])).round(1)

    def up(values: Any) -> np.ndarray:
        bend = np.log if log else np.asarray
        ends = SIZE["bottom"], SIZE["top"]
        return np.interp(bend(values), bend((low, high)), ends).round(1)

    ticks = LogLocator(subs=(1, 2, 5)) if log else MaxNLocator(5)
    return {
        "title": title,
        "lines": [
            {
                "name": name,
                "points": _points(across(steps), up(values)),
                "last": f"{values[-1]:.3g}",
            }
            for name, (steps, values) in lines.items()
        ],
        "rests": [(name, value, up(value)) for name, value in rests.items()],
        "ticks_x": _ticks(first, last, MaxNLocator(4, integer=True), across),
        "ticks_y": _ticks(low, high, ticks, up),
        "data": {"first": first, "last": last, "lines": _readings(lines)},
    }


def _readings(lines: Mapping[str, tuple[list[int], np.ndarray]]) -> list[list]:
    """Steps and values of each line, the values to three digits, for the cursor."""
    return [
        [steps, [float(f"{value:.3g}") for value in values]]
        for steps, values in lines.values()
    ]


def _points(across: np.ndarray, up: np.ndarray) -> str:
    """The corners of a line, as SVG has them."""
    found = list(zip(across, up))
    if len(found) == 1:  # which would not be seen
        found.append((found[0][0] + 4, found[0][1]))
    return " ".join(f"{x},{y}" for x, y in found)


def _thinned(steps: list[int], values: list[float]) -> tuple[list[int], np.ndarray]:
    """At most `_MAX_POINTS` points: means of neighbors, at the last one's step."""
    size = math.ceil(len(steps) / _MAX_POINTS)
    ends = range(len(steps), 0, -size)[::-1]
    near = np.clip(values, -_HUGE, _HUGE)  # else sums could be infinite
    means = [near[max(0, end - size) : end].mean() for end in ends]
    return [steps[end - 1] for end in ends], np.array(means)


def _limits(values: np.ndarray, log: bool) -> tuple[float, float]:
    """The ends of the axis, a little beyond the values."""
    low, high = float(values.min()), float(values.max())
    if log:
        return max(low, 1 / _HUGE) / 1.2, max(high, 1 / _HUGE) * 1.2
    margin = 0.05 * (high - low)
    if margin <= 1e-9 * max(abs(low), abs(high), 1e-9):  # as good as flat
        margin = max(0.5, 0.05 * abs(high))
    return low - margin, high + margin


def _ticks(
    low: float, high: float, locator: Locator, place: Callable
) -> list[tuple[np.ndarray, str]]:
    """Place and text of each tick."""
    ticks = [float(tick) for tick in locator.tick_values(low, high)]
    return [(place(tick), f"{tick:g}") for tick in ticks if low <= tick <= high]
