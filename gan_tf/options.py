"""One option of a configuration: its help, its rules, their check, its text."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

from gan_tf.errors import UserError

# The groups of options in help and docs, in their order.
GROUPS = (
    "run",
    "data",
    "networks",
    "optimizer",
    "regularization",
    "logging",
    "devices",
)

_MAX_LAYERS = 64
_MAX_INT = 10**15  # more steps than anyone makes, and far from int64's end


def option(default: Any, help: str, **rules: Any) -> Any:
    """A field with its help text and rules.

    Rules: `minimum` (allowed), `below` (not allowed any more), `choices`, `pattern`,
    `shapes_run=False` for options that leave the trained weights as they are, so
    that a run may be continued under another value, and `value_before`. Every option
    that joins after version 0.1.0 needs the last: the value that older runs had in
    effect. It is what an older `config.json` is read with, whatever the default.
    """
    return dataclasses.field(default=default, metadata={"help": help, **rules})


def as_text(value: Any) -> str:
    """An option's value as it is written on a command line."""
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value != "" else "none"


def checked(field: dataclasses.Field, kind: Any, value: Any) -> Any:
    """`value` in the field's type and within its bounds."""
    if kind == tuple[int, ...]:
        if not isinstance(value, (tuple, list)):
            raise UserError(f"{field.name} must be a list of integers, not {value!r}")
        if len(value) > _MAX_LAYERS:
            raise UserError(f"{field.name} must be at most {_MAX_LAYERS} sizes")
        return tuple(_scalar(field, int, item) for item in value)
    return _scalar(field, kind, value)


def _scalar(field: dataclasses.Field, kind: Any, value: Any) -> Any:
    rules = field.metadata
    if kind is float and type(value) is int and abs(value) < 2**53:
        value = float(value)
    if type(value) is not kind or (kind is float and not math.isfinite(value)):
        raise UserError(f"{field.name} must be {_NOUN[kind]}, not {value!r}")
    if "choices" in rules and value not in rules["choices"]:
        raise UserError(
            f"{field.name} must be one of {', '.join(rules['choices'])}, not {value!r}"
        )
    if "pattern" in rules and not re.fullmatch(rules["pattern"], value):
        raise UserError(f"{field.name} must be the name of a data set, not {value!r}")
    if "minimum" in rules and value < rules["minimum"]:
        raise UserError(
            f"{field.name} must be at least {rules['minimum']}, not {value}"
        )
    below = rules.get("below", _MAX_INT if kind is int else math.inf)
    if kind in (int, float) and value >= below:
        raise UserError(f"{field.name} must be below {below}, not {value}")
    return value


_NOUN = {
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    str: "a text",
}
