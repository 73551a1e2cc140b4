"""When to sample, on a clock that stands still while samples are made."""

import sys
import time
from pathlib import Path

import numpy as np

COUNT = 10000
FIRST, GROWTH = 10.0, 2**0.5  # seconds: 10, 14, 20, 28, 40, ...


class Clock:
    """Seconds of training since the command was started, imports included.

    Attributes:
        data: path of an npz file with `images` uint8 `[N, 28, 28]` and `labels`.
        seed: of the run.
    """

    def __init__(self) -> None:
        data, folder, started, seconds, seed = sys.argv[1:]
        self.data, self.seed = data, int(seed)
        self._folder, self._limit = Path(folder), float(seconds)
        self._started, self._next = float(started), FIRST

    def seconds(self) -> float:
        """Seconds of training so far."""
        return time.time() - self._started

    def tick(self, sample) -> bool:
        """Writes samples if they are due; returns False once the time is over.

        Args:
            sample: without arguments, returns float images `[COUNT, 28, 28]` in [0, 1].
        """
        now = self.seconds()
        if now >= self._next or now >= self._limit:
            pixels = np.rint(np.clip(sample(), 0, 1) * 255).astype(np.uint8)
            np.save(self._folder / f"{now:.2f}.npy", pixels.reshape(COUNT, 28, 28))
            while self._next <= now:
                self._next *= GROWTH
            self._started += self.seconds() - now
        return now < self._limit
