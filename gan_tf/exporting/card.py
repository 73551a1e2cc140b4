"""The model card beside an export: what it is, where it comes from, how to use it."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from gan_tf.config import Config, as_text
from gan_tf.errors import printable
from gan_tf.gan.models import takes_labels
from gan_tf.storage.checkpoints import Trained
from gan_tf.storage.description import class_count, image_shape

_CARD = """\
# {name}

The generator of a small generative adversarial network (GAN). It makes {kind}
images of {size} pixels, like those of the data set {data}, from random noise.

{facts}

## Inputs and outputs

{interface}

## Example

```python
{example}
```

## Metrics

{metrics}

## Limits and license

- The images show what a small network learned of one data set, with its gaps and
  biases. It was trained on standard normal noise; other noise gives worse images.
- gan_tf, which trained it, has the MIT license. The weights come from the data named
  above: check its owner's terms before you publish weights or images.
{limits}"""
# The options that shape the weights.
_SHAPING = {
    field.name
    for field in dataclasses.fields(Config)
    if field.metadata.get("shapes_run", True)
}
_INT8 = "- int8 is coarse: single values at steep edges may be far off.\n"
_NOT_EVALUATED = (
    "Not evaluated. `python -m gan_tf.evaluate` scores a run that was trained on MNIST."
)


def card(
    name: str,
    trained: Trained,
    facts: dict[str, str],
    code: str,
    pixels: bool,
    metrics: dict[str, float],
) -> str:
    """The card in Markdown.

    Args:
        name: of the exported file.
        facts: how it was exported, more rows for the table.
        code: the example.
        pixels: images are uint8 instead of float32.
        metrics: of 10000 samples of this generator, by name; may be empty.
    """
    shape, data = image_shape(trained.content), trained.content["data"]
    rows = _facts(trained) | facts
    return _CARD.format(
        name=_plain(name),
        kind="color" if len(shape) == 3 else "grey",
        size=f"{shape[0]}x{shape[1]}",
        data=_plain(data["name"]),
        facts=_table(rows),
        interface=_interface(trained, shape, pixels),
        example=code,
        metrics=_table({_plain(key): f"{value:.4g}" for key, value in metrics.items()})
        or _NOT_EVALUATED,
        limits=_INT8 if "int8" in facts["format"] else "",
    )


def _recipe(config: Config) -> str:
    """The nearest recipe, and the options that differ from it and shape the weights."""
    name = config.nearest_recipe()
    defaults = Config.recipe(name, seed=config.seed)
    changes = [
        f"--{option} {as_text(value)}"
        for option, value in config.to_dict().items()
        if option in _SHAPING and value != getattr(defaults, option)
    ]
    return " ".join([name, *changes])


def _facts(trained: Trained) -> dict[str, str]:
    """What was trained, on what, with what."""
    data: dict[str, Any] = trained.content["data"]
    count = f"{_plain(str(data['images']))} images, " if "images" in data else ""
    versions = trained.content.get("versions", {})
    return {
        "data": f"{_plain(data['name'])}, {count}SHA-256 {_plain(data['sha256'])}",
        "recipe": _plain(_recipe(trained.config)),
        "training steps": str(trained.step),
        "seed": str(trained.config.seed),
        "trained with": _versions(versions),
    }


def _versions(versions: dict[str, str]) -> str:
    return _plain(", ".join(f"{name} {version}" for name, version in versions.items()))


def _interface(trained: Trained, shape: tuple[int, ...], pixels: bool) -> str:
    """One line for each input and output."""
    latent = trained.generator.inputs[0].shape[-1]
    lines = [f"- input `noise`: float32 `[N, {latent}]`, standard normal; any N"]
    if takes_labels(trained.generator):
        last = (class_count(trained.content) or 1) - 1
        lines.append(f"- input `label`: int32 `[N]`, the class, 0 to {last}")
    kind = "uint8, 0 to 255" if pixels else "float32, 0 to 1"
    sizes = ", ".join(map(str, shape))
    lines.append(f"- output `images`: {kind}, `[N, {sizes}]`; 0 is black")
    return "\n".join(lines)


def _table(rows: dict[str, str]) -> str:
    lines = [f"| {key} | {value} |" for key, value in rows.items()]
    return "\n".join(["| | |", "| --- | --- |", *lines]) if lines else ""


def _plain(text: str) -> str:
    """Text from elsewhere, of which Markdown makes no tag, link, code, cell or line."""
    return re.sub(r"[\\`*<>\[\]|&~]", r"\\\g<0>", printable(text))
