"""A caller's own networks: checked, recorded as Keras JSON, made again from it.

A run keeps the JSON, so that its networks need no program to be loaded. Training uses
the network made from the JSON, so that what is trained is what is recorded.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import inspect
import json
import math
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gan_tf.errors import UserError, printable
from gan_tf.gan.layer_names import with_new_names
from gan_tf.gan.models import check_classes

Description = dict[str, Any]  # a network's Keras JSON
ROLES = ("generator", "discriminator")
Networks = dict[str, Description]  # by role, the caller's own ones only
Builder = Callable[[], keras.Model]

_UNSAFE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
MAX_PARAMETERS = 1 << 28  # of a network that a file describes: 1 GiB
_MAX_VALUES = 1 << 22  # that any layer makes of one image: 16 MiB
_MAX_JSON = 1 << 18  # characters


@dataclasses.dataclass(frozen=True)
class OwnNetwork:
    """What a caller's function made.

    Attributes:
        description: the network's Keras JSON.
        weights: its first weights, as `get_weights` gives them.
    """

    description: Description
    weights: list[np.ndarray]


@dataclasses.dataclass(frozen=True)
class Needs:
    """What the networks of a run must fit.

    Attributes:
        latent_dim: size of the noise vector.
        shape: of one image, `(H, W)` or `(H, W, 3)`.
        classes: how many the labels have that both take as a second input; None if
            they take none.
    """

    latent_dim: int
    shape: tuple[int, ...]
    classes: int | None

    @property
    def image_shapes(self) -> tuple[tuple[int, ...], ...]:
        """The forms that images may have; the first is the usual one."""
        channels = self.shape if len(self.shape) == 3 else (*self.shape, 1)
        return channels, self.shape, (math.prod(self.shape),)

    def inputs(self, role: str) -> list[tuple[int, ...]]:
        """The usual shapes of a network's inputs, without the batch."""
        values = (self.latent_dim,) if role == "generator" else self.image_shapes[0]
        return [values, ()] if self.classes else [values]


def make(role: str, build: Builder, needs: Needs, seed: int) -> OwnNetwork:
    """Calls a caller's function and checks and records the network that it returns.

    Args:
        role: "generator" or "discriminator".
        seed: of the initial weights.

    Raises:
        UserError: it is no such function, or returns no Keras model, or one that does
            not fit or cannot be recorded.
    """
    _check_builder(role, build)
    with seeded(seed):
        network = build()
        if not isinstance(network, keras.Model):
            raise UserError(
                f"build_{role} must return a Keras model, not {type(network).__name__}"
            )
        network = _with_inputs(role, network, needs)
        _check_shapes(role, network, needs)
        _check_types(role, network)
        description = _described(role, network)
        again = load(role, description)
    if [w.shape for w in again.weights] != [w.shape for w in network.weights]:
        raise UserError(
            f"build_{role}: made again from its JSON, the network has other weights; "
            "its get_config must return every argument of its __init__"
        )
    if needs.classes:
        check_classes(role, again, needs.classes)
    return OwnNetwork(description, network.get_weights())


def load(
    role: str, description: Description, most: int = MAX_PARAMETERS
) -> keras.Model:
    """A network from its Keras JSON, with fresh weights; runs no code from it.

    Args:
        role: what the messages call it.
        most: how many weights it may have.

    Raises:
        UserError: Keras cannot load it, or it has more weights, or a layer makes too
            many values of one image.
    """
    try:
        _check_layers(description)
        _check_sizes(description, most)
        return _deserialized(description)
    except Exception as error:
        raise UserError(
            f"the {role} cannot be made from its recorded Keras JSON: {_reason(error)}"
        ) from error


def _check_layers(part: object) -> None:
    """Refuses layers that run code from elsewhere; old versions of Keras load some."""
    if isinstance(part, dict):
        if part.get("class_name") in _UNSAFE:
            raise UserError(
                f"a {part['class_name']} layer could run any code. Write a registered "
                "layer class instead"
            )
        part = list(part.values())
    if isinstance(part, list):
        for one in part:
            _check_layers(one)


def _check_sizes(description: Description, most: int) -> None:
    """Refuses a network that is too large, in a graph, which takes no memory for it."""
    with tf.Graph().as_default() as graph:
        network = _deserialized(description)
        count = network.count_params()
        if count > most:
            raise UserError(f"it has {count} weights, and {most} are possible")
        before = len(graph.get_operations())
        if any(None in one.shape[1:] for one in network.inputs):
            raise UserError("its inputs do not say their sizes")
        inputs = [tf.zeros((1, *one.shape[1:]), one.dtype) for one in network.inputs]
        with seeded(0):
            network(inputs if len(inputs) > 1 else inputs[0], training=False)
        made = [t for op in graph.get_operations()[before:] for t in op.outputs]
    values = max(tensor.shape.num_elements() or 0 for tensor in made)
    if values > max(count, _MAX_VALUES):
        raise UserError(
            f"a layer of it makes {values} values of one image, and {_MAX_VALUES} are "
            "possible"
        )


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Makes the seeds that Keras chooses for itself a function of `seed`.

    It takes them from Python's `random`, whose state comes back afterwards.
    """
    before = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(before)


def _check_builder(role: str, build: object) -> None:
    """Raises `UserError` unless it is a function without arguments."""
    if not callable(build) or isinstance(build, keras.Layer):
        raise UserError(
            f"build_{role} must be a function that returns a Keras model, not a "
            f"{type(build).__name__}: pass the function that makes it"
        )
    try:
        inspect.signature(build).bind()
    except TypeError as error:
        raise UserError(
            f"build_{role} must be a function without arguments: {error}"
        ) from error
    except ValueError:  # a function of C, which does not say
        pass


def _with_inputs(role: str, network: keras.Model, needs: Needs) -> keras.Model:
    """The network as a functional one, which knows its inputs and outputs."""
    if getattr(network, "inputs", None):
        return network
    shapes = needs.inputs(role)
    built = (network.get_build_config() or {}).get("input_shape")
    if role == "discriminator" and built and tuple(built[1:]) in needs.image_shapes:
        shapes[0] = tuple(built[1:])
    inputs = [
        keras.Input(shape, dtype=dtype)
        for shape, dtype in zip(shapes, ("float32", "int32"))
    ]
    try:
        outputs = network(inputs if needs.classes else inputs[0])
        return keras.Model(inputs, outputs, name=role)
    except Exception as error:
        raise UserError(
            f"build_{role}: the network cannot be called with inputs of shape "
            f"{_text(inputs)}: {_reason(error)}"
        ) from error


def _check_shapes(role: str, network: keras.Model, needs: Needs) -> None:
    """Raises `UserError`, with both shapes, if the network does not fit."""
    images = [(None, *shape) for shape in needs.image_shapes]
    values = [(None, needs.latent_dim)] if role == "generator" else images
    results = images if role == "generator" else [(None, 1)]
    found_in = [tuple(one.shape) for one in network.inputs]
    found_out = [tuple(one.shape) for one in network.outputs]
    labels = [(None,)] if needs.classes else []
    fits = found_in[:1] and found_in[0] in values and found_in[1:] == labels
    if fits and len(found_out) == 1 and found_out[0] in results:
        return
    wanted = " and ".join(str(list(s)) for s in (values[0], *labels))
    raise UserError(
        f"build_{role} returned a network from {_text(network.inputs)} to "
        f"{_text(network.outputs)}, this run needs one from {wanted} to "
        f"{list(results[0])}; images may also be {list(images[-1])}"
    )


def _check_types(role: str, network: keras.Model) -> None:
    """Raises `UserError` unless weights and results are float32."""
    if not network.trainable_variables:
        raise UserError(f"build_{role}: the network has no trainable weights")
    for one in (network.inputs[0], *network.outputs, *network.weights):
        if one.dtype != "float32":
            raise UserError(
                f"build_{role}: {one.name} of the network is {one.dtype}; its input, "
                "output and weights must be float32"
            )


def _described(role: str, network: keras.Model) -> Description:
    try:
        text = network.to_json()
    except Exception as error:
        raise UserError(
            f"build_{role}: the network cannot be recorded ({_reason(error)}): "
            "subclassed models and layers need a get_config method"
        ) from error
    if len(text) > _MAX_JSON:
        raise UserError(
            f"build_{role}: the network's Keras JSON has {len(text)} characters, and "
            f"{_MAX_JSON} are possible"
        )
    return with_new_names(json.loads(text))


def _deserialized(description: Description) -> keras.Model:
    own = copy.deepcopy(description)  # Keras takes its argument apart
    network = keras.saving.deserialize_keras_object(own, safe_mode=True)
    if not isinstance(network, keras.Model) or not getattr(network, "inputs", None):
        raise UserError("it describes no Keras model")
    return network


def _reason(error: Exception) -> str:
    """What Keras says, in one sentence, with what to do where we know it."""
    text = str(error).strip() or type(error).__name__
    if unknown := re.search(r"Could not locate \w+ '([^']*)'", text):
        return (
            f"{unknown[1]} is not known here. Decorate it with "
            "@keras.saving.register_keras_serializable(), and call gan_tf from a "
            "program that imports it"
        )
    if "Lambda" in text:
        return (
            "a Lambda layer could run any code. Write a registered layer class instead"
        )
    text = text.split("Exception encountered: ")[-1]
    return printable(" ".join(text.split()).split(". ")[0], 300)


def _text(tensors: list) -> str:
    return " and ".join(str(list(tensor.shape)) for tensor in tensors) or "nothing"
