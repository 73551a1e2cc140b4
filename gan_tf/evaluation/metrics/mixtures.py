"""How well samples cover the modes of a mixture of Gaussians."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gan_tf.evaluation.metrics.arrays import pair
from gan_tf.evaluation.metrics.classes import class_shares, divergence_from_uniform


@dataclass(frozen=True)
class ModeCoverage:
    """Modes hit, share of samples near a mode, KL(histogram | uniform) in nats."""

    modes: int
    high_quality: float
    reverse_kl: float


def mode_coverage(
    samples: np.ndarray, centres: np.ndarray, deviation: float
) -> ModeCoverage:
    """How well samples cover a mixture of equal round Gaussians: the PacGAN protocol.

    Lin et al. 2018, table 1. A sample has high quality within 3 standard deviations of
    the nearest centre (98.889 % of true samples). A mode is hit if it is the nearest to
    one of these. Only they are counted in the histogram; with none its KL is NaN.

    Args:
        samples: `[N, 2]`, 2500 by custom.
        centres: `[M, 2]`, the modes.
        deviation: standard deviation of each mode in each coordinate, over 0.
    """
    samples, centres = pair("samples", samples, "centres", centres)
    if not deviation > 0:
        raise ValueError(f"the standard deviation must be over 0, not {deviation}")
    difference = samples[:, None].astype(np.float64) - centres
    distances = np.linalg.norm(difference, axis=-1)
    good = distances.min(axis=1) <= 3.0 * deviation
    if not good.any():
        return ModeCoverage(0, 0.0, math.nan)
    shares = class_shares(distances.argmin(axis=1)[good], len(centres))
    modes = int(np.count_nonzero(shares))
    return ModeCoverage(modes, float(good.mean()), divergence_from_uniform(shares))
