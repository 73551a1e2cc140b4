"""Names of layers in a network's Keras JSON that do not depend on the process.

Keras numbers layers by how many the process has made before: `dense_7`. Numbered anew,
the same network has the same JSON wherever it is made.
"""

from __future__ import annotations

import re
from typing import Any


def with_new_names(description: dict[str, Any]) -> dict[str, Any]:
    """The same network with its layers numbered in the order of their appearance."""
    names: dict[str, str] = {}
    _collect(description, names)
    return _replaced(description, names)


def first_difference(old: Any, new: Any, where: str = "") -> str:
    """The first place where two descriptions differ: `layers.1.config.units 8, 16`.

    None is the network that the configuration describes, a dense one.
    """
    if where == "" and (old is None or new is None):
        own = ["a dense one" if one is None else "another one" for one in (old, new)]
        return ", ".join(own)
    keys: list = []
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        keys = list(new)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        keys = list(range(len(new)))
    for key in keys:
        if old[key] != new[key]:
            return first_difference(old[key], new[key], f"{where}.{key}")
    short = [f"{str(one)[:40]}..." if len(str(one)) > 40 else one for one in (old, new)]
    return f"{where.removeprefix('.config').lstrip('.')} {short[0]}, {short[1]}"


def _is_layer(node: dict[str, Any]) -> bool:
    marks = (
        "trainable",
        "batch_shape",
        "inbound_nodes",
    )  # other objects have names too
    return isinstance(node.get("name"), str) and any(mark in node for mark in marks)


def _collect(node: Any, names: dict[str, str]) -> None:
    if isinstance(node, dict):
        if _is_layer(node) and node["name"] not in names:
            names[node["name"]] = _free(node["name"], set(names.values()))
        for value in node.values():
            _collect(value, names)
    elif isinstance(node, list):
        for value in node:
            _collect(value, names)


def _free(name: str, taken: set[str]) -> str:
    base = re.sub(r"_\d+$", "", name)
    new, number = base, 0
    while new in taken:
        number += 1
        new = f"{base}_{number}"
    return new


def _replaced(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, dict):
        new = {key: _replaced(value, names) for key, value in node.items()}
        return new | {"name": names[node["name"]]} if _is_layer(node) else new
    if isinstance(node, list):
        if [type(value) for value in node] == [str, int, int]:  # a tensor's origin
            return [names.get(node[0], node[0]), *node[1:]]
        return [_replaced(value, names) for value in node]
    return node
