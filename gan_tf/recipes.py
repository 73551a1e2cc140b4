"""The recipes: named sets of values that replace defaults of `Config`."""

from __future__ import annotations

from typing import Any

RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    # With labels. A weaker penalty gives a smaller Frechet distance there.
    "conditional": {"conditional": True, "r1_weight": 0.1},
    # The shortest time to good digits. The average does what a falling rate would.
    "fast": {
        "conditional": True,
        "epochs": 6000,
        "decay_steps": 0,
        "r1_weight": 0.1,
    },
    # The tutorial's program with its losses corrected and nothing else changed.
    "document": {
        "output_activation": "linear",
        "learning_rate": 2e-4,
        "rate_ratio": 1.0,
        "decay_steps": 0,
        "beta_1": 0.5,
        "r1_weight": 0.0,
        "ema_decay": 0.0,
    },
}

# For `--help`; `default` needs no words there.
MEANINGS = {
    "conditional": "with labels",
    "fast": "with labels, good digits in two minutes",
    "document": "the tutorial's own, only with its losses corrected",
}
