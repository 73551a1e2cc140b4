"""Where evaluated samples come from, which names them in reports."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where samples come from; `str` gives their name in reports.

    Attributes:
        model: the file of the samples, or the pretrained model; "" for a run.
        step: the training step of the generator; None for a file.
        data: what the generator was trained on, as far as is known.
        like_mnist: whether the samples have MNIST's layout (`domain.is_like_mnist`).
    """

    model: str = ""
    step: int | None = None
    data: str = "mnist"
    like_mnist: bool = True

    def __str__(self) -> str:
        step = "" if self.step is None else f"step {self.step}"
        name = " ".join(filter(None, [self.model, step]))
        if self.data != "mnist":
            return f"{name} of a run on {self.data}, not MNIST"
        return name if self.like_mnist else f"{name}, unlike MNIST"
