"""Are these images of MNIST's kind? If not, the classifier's metrics say nothing.

MNIST's digits were fitted into 20x20 pixels and shifted until their ink's centre of
mass lay on the pixel (14, 14): LeCun et al. 1998, section III.A. All 70000 images have
this form; a GAN learns it in its first tens of steps, whatever else it gets wrong; and
other data lack it. So it separates a bad generator of MNIST from a good one of other
data, which no threshold on a metric of quality can. It does not say what the images
show: a collapsed generator is in the domain, and so would letters be that were prepared
like MNIST.
"""

from __future__ import annotations

import numpy as np

# The metric, with its meaning for people, and what MNIST's images score.
METRIC = {"in_domain_share": "share of samples laid out as MNIST's digits are"}
REAL = {"in_domain_share": 1.0}

_CENTRE = 14  # row and column of the centre of mass
_REACH = 10  # of the box that holds the digit, to each side of the centre
_SHIFT = 1.0  # pixels off the centre; MNIST's whole-pixel shifts leave up to 0.71
_INSIDE = 0.7  # of the ink within the box; noise has 0.56 there, MNIST at least 0.8
_ENOUGH = 2 / 3  # of the samples


def in_domain_share(images: np.ndarray) -> float:
    """The share of uint8 images `[N, 28, 28]` that have MNIST's form, 0 to 1."""
    ink = images.astype(np.float64)
    total = np.maximum(ink.sum(axis=(1, 2)), 1e-9)  # an empty image is off the centre
    offsets = np.arange(images.shape[1]) - _CENTRE
    down = ink.sum(axis=2) @ offsets / total
    across = ink.sum(axis=1) @ offsets / total
    box = slice(_CENTRE - _REACH, _CENTRE + _REACH + 1)
    inside = ink[:, box, box].sum(axis=(1, 2)) / total
    return float(np.mean((np.hypot(down, across) <= _SHIFT) & (inside >= _INSIDE)))


def is_like_mnist(share: float) -> bool:
    """Whether samples with this share in the domain can be scored as digits."""
    return share >= _ENOUGH


def warning(name: str, share: float) -> str | None:
    """The reason not to rely on these samples' metrics, if there is one."""
    if is_like_mnist(share):
        return None
    return (
        f"{name}: outside of the classifier's domain, its metrics mean little: "
        f"{share:.0%} of the samples are laid out as MNIST's digits are"
    )
