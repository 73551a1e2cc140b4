"""Exports a run's generator: `python -m gan_tf.export --run_dir R --format onnx`."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import time
import warnings
from pathlib import Path

from gan_tf import cli
from gan_tf.config import Config
from gan_tf.environment import quiet_tensorflow
from gan_tf.errors import UserError
from gan_tf.files import check_replaceable, check_writable

_DESCRIPTION = """
Write a trained generator for use without this program. Inputs: noise [N, latent],
float32, standard normal; for a conditional run also label [N], int32. Output: images,
[N, H, W] or [N, H, W, 3]. N is free. The export is loaded by its own runtime and
compared with the run's generator before it appears, with a model card (.md) beside it.
Nothing that exists is replaced.
"""
# The ending of each format's name, and the packages that TensorFlow does not bring.
_ENDINGS = {
    "keras": ".keras",
    "saved_model": "",
    "onnx": ".onnx",
    "litert": ".tflite",
    "npz": ".npz",
}
_PACKAGES = {"onnx": ("tf2onnx", "onnxruntime"), "litert": ("ai_edge_litert",)}


def parser() -> cli.Parser:
    """The command's flags."""
    flags = cli.Parser(prog="python -m gan_tf.export", description=_DESCRIPTION)
    cli.add_run_flags(flags, noise=False)
    export = flags.add_argument_group("export")
    export.add_argument(
        "--format",
        choices=tuple(_ENDINGS),
        required=True,
        help="keras: for Keras 3; saved_model: TensorFlow and its servers; onnx: ONNX "
        "Runtime, also in browsers; litert: phones and small devices; npz: the arrays, "
        "for dense networks, computed in a few lines of NumPy",
    )
    export.add_argument(
        "--output",
        choices=("float", "pixels"),
        default="float",
        help="images as float32 in [0, 1], or as uint8, 0 to 255",
    )
    export.add_argument(
        "--quantize",
        choices=("float16", "int8"),
        help="for litert: weights in half the size, or weights and computation in a "
        "quarter; int8 is calibrated with noise of the run's seed",
    )
    export.add_argument(
        "--out",
        type=cli.path,
        metavar="PATH",
        default=argparse.SUPPRESS,
        help="a new file with the format's ending, for saved_model a new folder "
        "(default: generator and the ending)",
    )
    return flags


def main(values: argparse.Namespace) -> None:
    """Exports as the flags say."""
    out = _checked_out(values)
    cli.check_source(values)
    with quiet_tensorflow():
        from gan_tf.exporting.exporter import FORMATS, export_generator
    trained = next(cli.trained(values))
    metrics = _metrics(values, trained.step)
    start = time.monotonic()
    with quiet_tensorflow(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the converters' own
        found = export_generator(
            trained,
            values.format,
            out,
            values.output == "pixels",
            values.quantize or "",
            packages=_PACKAGES.get(values.format, ()),
            weights=_weights(values, trained.config),
            metrics=metrics,
        )
    batches = ", ".join(map(str, found.batches))
    print(f"{FORMATS[values.format].runtime}, batches of {batches}: {found}")
    print(f"wrote {out} and {out}.md in {time.monotonic() - start:.1f} s")


def _checked_out(values: argparse.Namespace) -> Path:
    """Where the export goes; refuses early what cannot end well."""
    ending = _ENDINGS[values.format]
    out: Path = getattr(values, "out", Path(f"generator{ending}"))
    if values.quantize and values.format != "litert":
        raise UserError("--quantize is for --format litert")
    _check_packages(values.format)
    if out.suffix != ending and ending:
        raise UserError(
            f"--out {out} must end in {ending} for --format {values.format}"
        )
    # TensorFlow reads these as a pattern.
    if values.format == "saved_model" and (set("[]\\") - {os.sep}) & set(str(out)):
        raise UserError(
            f"--out {out}: TensorFlow loads no SavedModel from a path with [, ] or \\; "
            "name another folder"
        )
    check_writable(out.parent, "--out")
    check_replaceable(out)
    return out


def _check_packages(form: str) -> None:
    needed = _PACKAGES.get(form, ())
    missing = [name for name in needed if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"--format {form} needs more packages, {' and '.join(missing)}; install "
            "them with pip install 'gan_tf[export]'"
        )


def _weights(values: argparse.Namespace, config: Config) -> str:
    """Which weights of the run are exported, for people."""
    averaged = values.weights == "averaged" and config.ema_decay
    return "moving average" if averaged else "last"


def _metrics(values: argparse.Namespace, step: int) -> dict[str, float]:
    """What `python -m gan_tf.evaluate` measured at this step; empty if it did not."""
    from gan_tf.storage.evaluations import read_evaluation

    found = None if values.pretrained else read_evaluation(Path(values.run_dir))
    if found is None or found.weights != values.weights:
        return {}
    return next(
        (
            metrics
            for name, metrics in found.results.items()
            if re.match(rf"step {step}\b", name)
        ),
        {},
    )


if __name__ == "__main__":
    cli.run(parser(), main)
