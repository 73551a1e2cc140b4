"""Which charts a report shows."""

from __future__ import annotations

from gan_tf.evaluation import monitor
from gan_tf.gan.losses import Objective
from gan_tf.pages.charts import Chart
from gan_tf.storage.curves import Curves

_COMPARED = {
    monitor.DISTANCE: "Fréchet distance of 1000 samples",
    "d_loss": "d_loss",
    "g_loss": "g_loss",
    "d_real": "Output of D on real images",
    "d_fake": "Output of D on generated images",
}


def charts_of_run(curves: Curves, objective: Objective) -> list[Chart]:
    """The charts of one run."""

    def some(**names: str) -> Curves:
        return {label: curves[n] for label, n in names.items() if n in curves}

    rests = {
        "d_loss at equilibrium": objective.d_equilibrium,
        "g_loss at equilibrium": objective.g_equilibrium,
    }
    probable = objective.probability
    shares = {
        tag[-1]: (curves[tag][0], [100 * value for value in curves[tag][1]])
        for tag in monitor.SHARES
        if tag in curves
    }
    distance = some(**{"of 1000 samples": monitor.DISTANCE})
    return [
        Chart(
            "Losses, nats" if probable else "Losses",
            some(d_loss="d_loss", g_loss="g_loss"),
            rests={name: value for name, value in rests.items() if value is not None},
        ),
        Chart(
            "Probability of being real, by D" if probable else "Output of D",
            some(real="d_real", generated="d_fake"),
            rests={"at equilibrium": 0.5} if probable else {},
        ),
        Chart("Class shares", shares, "%", stacked=True),
        Chart("Fréchet distance", distance, log=_positive(distance)),
        Chart("Gradient norms", some(D="d_gradient_norm", G="g_gradient_norm")),
    ]


def charts_of_comparison(runs: dict[str, Curves]) -> list[Chart]:
    """The same curve of all runs, by their names, in one chart."""
    found = []
    for tag, title in _COMPARED.items():
        lines = {name: curves[tag] for name, curves in runs.items() if tag in curves}
        log = tag == monitor.DISTANCE and _positive(lines)
        found.append(Chart(title, lines, log=log))
    return found


def _positive(lines: Curves) -> bool:
    return all(min(values) > 0 for _, values in lines.values())
