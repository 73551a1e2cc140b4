"""The formats: how each is written, and how its own runtime loads it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_tf.errors import UserError
from gan_tf.exporting import dense
from gan_tf.exporting.network import Feed

Runtime = Callable[[Feed], np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Export:
    """What is to be written.

    Attributes:
        generator: of the run, in float32.
        network: the generator with named inputs and finished images.
        shape: of one image.
        pixels: images are uint8 instead of float32.
        quantize: `"float16"`, `"int8"` or `""`, for LiteRT.
        calibration: inputs that show int8 the ranges of all values.
    """

    generator: keras.Model
    network: keras.Model
    shape: tuple[int, ...]
    pixels: bool
    quantize: str
    calibration: Feed


@dataclasses.dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        write: writes an export to a path.
        load: loads it from there in the format's own runtime.
        runtime: the name of that for people.
    """

    write: Callable[[Export, Path], None]
    load: Callable[[Path], Runtime]
    runtime: str


def _write_keras(export: Export, path: Path) -> None:
    export.network.save(path)


def _load_keras(path: Path) -> Runtime:
    network = keras.saving.load_model(path, compile=False, safe_mode=True)
    return lambda feed: np.asarray(network(feed)["images"])


def _write_saved_model(export: Export, path: Path) -> None:
    export.network.export(path, format="tf_saved_model", verbose=False)


def _load_saved_model(path: Path) -> Runtime:
    model = tf.saved_model.load(str(path))
    return lambda feed: model.serve(feed)["images"].numpy()


def _write_onnx(export: Export, path: Path) -> None:
    inputs = {
        value.name: keras.InputSpec(
            shape=value.shape, dtype=value.dtype, name=value.name
        )
        for value in export.network.inputs
    }
    export.network.export(path, format="onnx", verbose=False, input_signature=[inputs])


def _load_onnx(path: Path) -> Runtime:
    import onnxruntime

    session = onnxruntime.InferenceSession(
        path.read_bytes(), providers=["CPUExecutionProvider"]
    )
    return lambda feed: session.run(["images"], feed)[0]


def _write_litert(export: Export, path: Path) -> None:
    """Writes with LiteRT's own operations only: its runtime has no others."""
    if tuple(map(int, keras.__version__.split(".")[:2])) < (3, 13):
        raise UserError("--format litert needs Keras 3.13, which needs Python 3.11")
    settings: dict[str, Any] = {}
    operations = [tf.lite.OpsSet.TFLITE_BUILTINS]
    target: dict[str, Any] = {"supported_ops": operations}
    if export.quantize:
        settings["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if export.quantize == "float16":
        target["supported_types"] = [tf.float16]
    elif export.quantize == "int8":
        operations.insert(0, tf.lite.OpsSet.TFLITE_BUILTINS_INT8)
        settings["representative_dataset"] = lambda: _one_by_one(export.calibration)
    export.network.export(
        path, format="litert", verbose=False, target_spec=target, **settings
    )


def _one_by_one(feed: Feed) -> Iterator[Feed]:
    for row in range(len(feed["noise"])):
        yield {name: values[row : row + 1] for name, values in feed.items()}


def _load_litert(path: Path) -> Runtime:
    from ai_edge_litert.interpreter import Interpreter

    model = Interpreter(model_content=path.read_bytes())
    run = model.get_signature_runner()
    return lambda feed: run(**feed)["images"]


def _write_npz(export: Export, path: Path) -> None:
    dense.write(path, export.generator, export.shape, export.pixels)


FORMATS = {
    "keras": Format(_write_keras, _load_keras, "Keras, in safe mode"),
    "saved_model": Format(_write_saved_model, _load_saved_model, "tf.saved_model"),
    "onnx": Format(_write_onnx, _load_onnx, "ONNX Runtime"),
    "litert": Format(_write_litert, _load_litert, "LiteRT"),
    "npz": Format(_write_npz, dense.load, "NumPy"),
}
