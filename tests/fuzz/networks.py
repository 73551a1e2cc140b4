"""Hostile descriptions of own networks, as `config.json` has them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

from tests.fuzz.json_files import altered, json_content
from tests.fuzz.target import Target, put

MOST = 1 << 20  # weights


def honest_network() -> dict[str, Any]:
    """The Keras JSON of a generator with most kinds of layers."""
    import keras
    from keras import layers

    from gan_tf.gan.layer_names import with_new_names

    noise = keras.Input((4,))
    x = layers.Dense(32, kernel_initializer=keras.initializers.Orthogonal(seed=1))(
        noise
    )
    x = layers.BatchNormalization()(layers.Dropout(0.1)(layers.RepeatVector(1)(x)))
    x = layers.LeakyReLU()(layers.Reshape((4, 4, 2))(layers.Flatten()(x)))
    x = layers.UpSampling2D(2)(layers.Conv2DTranspose(2, 4, 2, "same")(x))
    x = layers.Cropping2D(4)(layers.ZeroPadding2D(2)(layers.Conv2D(1, 3)(x)))
    x = layers.Conv2DTranspose(1, 3, activation="sigmoid")(x)
    return with_new_names(json.loads(keras.Model(noise, x).to_json()))


def network(home: Path) -> Target:
    """`networks.load`: Keras makes a model of the JSON in `config.json`."""
    from gan_tf.gan.networks import load

    path, honest = home / "network.json", honest_network()
    held: dict[str, Any] = {}

    def write(data: bytes) -> int:
        if data[:1] < b"\xe0":
            held["content"] = altered(honest, data[1:])
        else:
            held["content"] = None
            with contextlib.suppress(ValueError, RecursionError):
                held["content"] = json.loads(data[1:])
        return put(path, json.dumps(held["content"]).encode())

    def check(model: Any) -> int:
        assert model.count_params() <= MOST
        return 8 << 20  # what Keras keeps of a model, twice

    seeds = [b"\x01", b"\xe0{}", b"\xe0[]", b"\xe01"]
    seeds += [
        bytes([1, p, w, h])
        for p in range(3, 60, 3)
        for w in (5, 6, 8, 15)
        for h in (3, 4)
    ]
    return Target(
        lambda: seeds, write, lambda: load("generator", held["content"], MOST), check
    )


def evaluation(home: Path) -> Target:
    """`evaluation.json`, which the report and the model card show."""
    from gan_tf.storage.evaluations import read_evaluation

    path = home / "evaluation.json"
    metrics = {"mnist_frechet_distance": 1.5, "precision": 0.5, "label_accuracy": 0.9}
    honest = {"real": metrics, "results": {"step 40": metrics}, "warnings": ["x"]}

    def write(data: bytes) -> int:
        return put(path, json_content(data, honest))

    def check(found: Any) -> int:
        for values in [] if found is None else found.results.values():
            assert all(f"{value:.4g}" for value in values.values())
        return path.stat().st_size

    ways = [(p, w, h) for p in range(6) for w in range(29) for h in (2, 7, 14)]
    seeds = [b"\x01", *(bytes([1, *way]) for way in ways)]
    return Target(lambda: seeds, write, lambda: read_evaluation(home), check)
