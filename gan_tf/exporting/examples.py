"""The few lines that generate images with an export and nothing of this package."""

from __future__ import annotations

import keras

from gan_tf.gan.dense import ACTIVATIONS, dense_layers
from gan_tf.gan.models import takes_labels

_NOISE = (
    'noise = np.random.default_rng(0).standard_normal((16, {latent}), dtype="float32")'
)
_LABEL = 'np.arange(16, dtype="int32") % {classes}'
_EXAMPLES = {
    "keras": """\
import keras, numpy as np
model = keras.saving.load_model({path!r})
{noise}
images = np.asarray(model({{{feed}}})["images"])
print(images.shape, images.dtype)""",
    "saved_model": """\
import numpy as np, tensorflow as tf
model = tf.saved_model.load({path!r})
{noise}
images = model.serve({{{feed}}})["images"].numpy()
print(images.shape, images.dtype)""",
    "onnx": """\
import numpy as np, onnxruntime
model = onnxruntime.InferenceSession({path!r})
{noise}
images = model.run(["images"], {{{feed}}})[0]
print(images.shape, images.dtype)""",
    "litert": """\
import numpy as np
from ai_edge_litert.interpreter import Interpreter
model = Interpreter({path!r})
{noise}
images = model.get_signature_runner()(**{{{feed}}})["images"]""",
    "npz": """\
import numpy as np
model = np.load({path!r})
functions = {{{functions}}}
{noise}
x = {inputs}
for i, name in enumerate(model["activations"]):
    x = functions[name](x @ model[f"kernel_{{i}}"] + model[f"bias_{{i}}"])
images = {images}""",
}


def example(
    form: str,
    name: str,
    generator: keras.Model,
    shape: tuple[int, ...],
    pixels: bool,
    classes: int | None,
) -> str:
    """Python code that sets `images` to 16 images of the export `name` beside it."""
    label = _LABEL.format(classes=classes) if takes_labels(generator) else ""
    return _EXAMPLES[form].format(
        path=name,
        noise=_NOISE.format(latent=generator.inputs[0].shape[-1]),
        feed='"noise": noise' + (f', "label": {label}' if label else ""),
        **(_dense_words(generator, shape, pixels, label) if form == "npz" else {}),
    )


def _dense_words(
    generator: keras.Model, shape: tuple[int, ...], pixels: bool, label: str
) -> dict[str, str]:
    """What only the NumPy code needs."""
    used = dict.fromkeys(layer.activation for layer in dense_layers(generator))
    one_hot = f'np.eye(model["classes"], dtype="float32")[{label}]'
    unit = f"np.clip(x, 0, 1).reshape{(-1, *shape)}"
    return {
        "functions": ", ".join(
            f'"{name}": lambda x: {ACTIVATIONS[name][1]}' for name in used
        ),
        "inputs": f"np.concatenate([noise, {one_hot}], axis=1)" if label else "noise",
        "images": f"np.rint(255 * {unit}).astype(np.uint8)" if pixels else unit,
    }
