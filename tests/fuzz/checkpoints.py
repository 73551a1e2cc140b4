"""Hostile checkpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.json_files import VALUES, json_content, sealed
from tests.fuzz.saved import Saved
from tests.fuzz.target import Target, put


def index(home: Path) -> Target:
    """The check of a checkpoint's index that guards TensorFlow's reader."""
    from gan_tf.storage import bundle

    saved = Saved(home)

    def write(data: bytes) -> int:
        return saved.write(*saved.hostile(data))

    def check(size: int) -> int:
        assert size <= (saved.folder / "state.data-00000-of-00001").stat().st_size
        return size

    read = bundle.check_bundle
    return Target(saved.seeds, write, lambda: read(saved.folder / "state"), check)


def manifest(home: Path) -> Target:
    """Manifests with seals that fit around honest files."""
    from gan_tf.storage import checkpoints
    from gan_tf.storage.manifest import check_folder

    saved = Saved(home)

    def write(data: bytes) -> int:
        path = saved.folder / "manifest.json"
        return put(path, json_content(data, saved.manifest))

    def read() -> Any:
        checkpoints.scored(home)
        checkpoints.distance_of(saved.folder)
        return check_folder(saved.folder)

    def check(_: Any) -> int:
        content = json.loads((saved.folder / "manifest.json").read_bytes())
        assert content["files"] == saved.manifest["files"]
        assert content["step"] == 0
        return len(saved.index) + len(saved.state)

    seeds = [b"\x01", b"\xff" + sealed(saved.manifest)]
    seeds += [bytes([1, p, w, 7]) for p in range(4) for w in range(len(VALUES))]
    seeds += [bytes([1, 3, w, 14]) for w in range(len(VALUES))]
    return Target(lambda: seeds, write, read, check)


def whole_checkpoint(home: Path) -> Target:
    """Checkpoints with digests that fit, read as `train` and `generate` read them."""
    from gan_tf.gan.state import build_gan
    from gan_tf.storage import checkpoints

    saved = Saved(home)
    gan = build_gan(saved.config)

    def write(data: bytes) -> int:
        return saved.write(*saved.hostile(data))

    def read() -> list[np.ndarray]:
        generator = checkpoints.load_generator(home)
        checkpoints.restore(home, gan)
        return generator.get_weights()

    def check(weights: list[np.ndarray]) -> int:
        expected = [array.shape for array in saved.gan.generator.get_weights()]
        assert [array.shape for array in weights] == expected
        ours = saved.gan.average.get_weights()
        assert all(np.array_equal(a, b) for a, b in zip(weights, ours)), "weights"
        assert int(gan.step) == 0
        return 4 << 20  # two networks and what Keras keeps around them

    return Target(saved.seeds, write, read, check)
