"""Every option of a training run, once: its type, default, bounds and help.

The command line (`gan_tf.cli`), `config.json`, docs/configuration.md and the Python API
all come from the fields of `Config`. Standard library only, so that `--help` answers
at once.
"""

from __future__ import annotations

import dataclasses
import math
import re
import typing
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


def _option(default: Any, help: str, **rules: Any) -> Any:
    """A field with its help text and rules.

    Rules: `minimum` (allowed), `below` (not allowed any more), `choices`, `pattern`,
    `shapes_run=False` for options that leave the trained weights as they are, so
    that a run may be continued under another value, and `value_before`. Every option
    that joins after version 0.1.0 needs the last: the value that older runs had in
    effect. It is what an older `config.json` is read with, whatever the default.
    """
    return dataclasses.field(default=default, metadata={"help": help, **rules})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """The configuration of one run; every field is also a flag of `gan_tf.train`.

    Raises:
        UserError: a value has the wrong type or lies outside its bounds.
    """

    epochs: int = _option(
        30000,
        "training steps in all (the tutorial calls one batch an epoch)",
        minimum=1,
        shapes_run=False,
        group="run",
    )
    dataset: str = _option(
        "auto",
        "mnist, the built-in strokes, auto (mnist if it can be found, else strokes), "
        "or another image set of tensorflow_datasets, such as emnist/letters",
        pattern=r"[A-Za-z0-9_]+(/[A-Za-z0-9_.-]+)?",
        shapes_run=False,  # what was really loaded is compared by its digest
        group="data",
    )
    data_dir: str = _option(
        "",
        "folder or file of images: IDX, npz, npy, CSV, PNG or JPEG files, or a "
        "prepared tensorflow_datasets set",
        shapes_run=False,
        group="data",
    )
    transpose: bool = _option(
        False,
        "exchange rows and columns of the images (EMNIST's files need it)",
        shapes_run=False,  # the digest is of the images after it
        value_before=False,
        group="data",
    )
    invert: bool = _option(
        False,
        "exchange ink and paper, for images of black ink on white paper",
        shapes_run=False,  # the digest is of the images after it
        value_before=False,
        group="data",
    )
    init_from: str = _option(
        "",
        "another run, with whose weights (not optimizers) a new run starts",
        shapes_run=False,  # where the weights came from is noted and compared
        value_before="",
        group="run",
    )
    seed: int = _option(
        0,
        "seed of the initial weights, the batches and the noise",
        minimum=0,
        below=2**31,
        group="run",
    )
    batch_size: int = _option(
        128,
        "real images per step, and as many generated ones",
        minimum=1,
        below=2**20,
        group="data",
    )
    conditional: bool = _option(
        False,
        "train on the labels too: one class can then be asked for",
        value_before=False,
        group="networks",
    )
    latent_dim: int = _option(
        100,
        "size of the generator's noise vector",
        minimum=1,
        below=2**20,
        group="networks",
    )
    generator_units: tuple[int, ...] = _option(
        (256, 512),
        "sizes of the generator's hidden layers",
        minimum=1,
        below=2**20,
        group="networks",
    )
    discriminator_units: tuple[int, ...] = _option(
        (512, 256),
        "sizes of the discriminator's hidden layers",
        minimum=1,
        below=2**20,
        group="networks",
    )
    output_activation: str = _option(
        "sigmoid",
        "the generator's last layer; the tutorial's code has linear, its text sigmoid",
        choices=("sigmoid", "linear"),
        group="networks",
    )
    objective: str = _option(
        "non_saturating",
        "the losses: non_saturating (the tutorial's code), minimax (its formulas), "
        "hinge, least_squares, wasserstein (needs a gradient penalty)",
        choices=("non_saturating", "minimax", "hinge", "least_squares", "wasserstein"),
        value_before="non_saturating",
        group="optimizer",
    )
    d_steps: int = _option(
        1,
        "discriminator updates in a step, each on its own batch (k of Algorithm 1)",
        minimum=1,
        below=2**10,
        value_before=1,
        group="optimizer",
    )
    learning_rate: float = _option(
        2e-3,
        "Adam's step size for the discriminator",
        minimum=0.0,
        group="optimizer",
    )
    rate_ratio: float = _option(
        2.0,
        "the generator's step size over the discriminator's",
        minimum=0.0,
        group="optimizer",
    )
    decay_steps: int = _option(
        30000,
        "step by which both step sizes fall to a twentieth, on a cosine; 0: never",
        minimum=0,
        group="optimizer",
    )
    beta_1: float = _option(
        0.0,
        "Adam's decay of the mean gradient",
        minimum=0.0,
        below=1.0,
        group="optimizer",
    )
    r1_weight: float = _option(
        0.3,
        "gamma of the R1 gradient penalty on real images, 0 for none",
        minimum=0.0,
        group="regularization",
    )
    r1_every: int = _option(
        4,
        "steps between two R1 penalties, each weighted by this number",
        minimum=1,
        group="regularization",
    )
    gp_weight: float = _option(
        0.0,
        "lambda of the gradient penalty between real and generated images, 0 for none",
        minimum=0.0,
        value_before=0.0,
        group="regularization",
    )
    ema_decay: float = _option(
        0.9999,
        "decay of the averaged generator per step, at most; 0 for no average",
        minimum=0.0,
        below=1.0,
        group="regularization",
    )
    jit_compile: bool = _option(
        True,
        "compile the training step with XLA (results differ by rounding)",
        group="devices",
    )
    precision: str = _option(
        "float32",
        "of matrix multiplications; mixed_bfloat16 is for GPUs",
        choices=("float32", "mixed_bfloat16"),
        value_before="float32",
        group="devices",
    )
    strategy: str = _option(
        "auto",
        "devices: one, mirrored (this machine's GPUs), multi_worker (TF_CONFIG), auto",
        choices=("auto", "one", "mirrored", "multi_worker"),
        shapes_run=False,
        value_before="one",
        group="devices",
    )
    cluster_timeout: int = _option(
        600,
        "seconds to wait for the other workers of a cluster, then give up",
        minimum=1,
        below=2**31,
        shapes_run=False,
        value_before=600,
        group="devices",
    )
    steps_per_call: int = _option(
        50,
        "steps in one compiled call",
        minimum=1,
        below=2**16,
        shapes_run=False,
        group="devices",
    )
    log_every: int = _option(
        100,
        "steps between two points of the curves",
        minimum=1,
        shapes_run=False,
        group="logging",
    )
    sample_every: int = _option(
        1000,
        "steps between two sample grids",
        minimum=1,
        shapes_run=False,
        group="logging",
    )
    save_every: int = _option(
        1000,
        "steps between two checkpoints",
        minimum=1,
        shapes_run=False,
        group="logging",
    )
    health: bool = _option(
        True,
        "score 1000 samples with every grid and keep the best checkpoint (MNIST only)",
        shapes_run=False,
        group="logging",
    )
    stop_g_loss: float = _option(
        0.0,
        "stop once g_loss, averaged over log_every steps, falls below this; 0: never",
        minimum=0.0,
        shapes_run=False,
        group="run",
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = _checked(field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)

    @classmethod
    def recipe(cls, name: str, **overrides: Any) -> Config:
        """The named recipe, with single options replaced by `overrides`."""
        if name not in RECIPES:
            raise UserError(f"no recipe {name!r}; there are {', '.join(RECIPES)}")
        return cls(**(RECIPES[name] | overrides))

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """The inverse of `to_dict`, also for a dictionary of an older version.

        Options that joined later get their `value_before`; other missing names and
        unknown ones are refused.
        """
        given = values if isinstance(values, dict) else {}
        fields = dataclasses.fields(cls)
        later = {
            f.name: f.metadata["value_before"]
            for f in fields
            if "value_before" in f.metadata
        }
        odd = {field.name for field in fields} ^ set(later | given)
        if odd:
            raise UserError(
                "a configuration needs exactly its own options; see "
                + ", ".join(sorted(map(str, odd)))
            )
        return cls(**(later | given))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return dataclasses.asdict(self)

    def nearest_recipe(self) -> str:
        """The name of the recipe from which the fewest options differ."""
        return min(RECIPES, key=lambda name: len(self.recipe(name).differences(self)))

    def differences(self, other: Config) -> list[str]:
        """What keeps `other` from continuing this run, one `name: old, new` each."""
        return [
            f"{field.name}: {as_text(mine)}, {as_text(theirs)}"
            for field in dataclasses.fields(self)
            if field.metadata.get("shapes_run", True)
            and (mine := getattr(self, field.name))
            != (theirs := getattr(other, field.name))
        ]


# The tutorial's program with its losses corrected and nothing else changed.
RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "document": {
        "output_activation": "linear",
        "learning_rate": 2e-4,
        "rate_ratio": 1.0,
        "decay_steps": 0,
        "beta_1": 0.5,
        "r1_weight": 0.0,
        "ema_decay": 0.0,
    },
}

_MAX_LAYERS = 64

OPTION_TYPES: dict[str, Any] = typing.get_type_hints(Config)


def as_text(value: Any) -> str:
    """An option's value as it is written on a command line."""
    if isinstance(value, tuple):
        return ",".join(str(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if value != "" else "none"


def _checked(field: dataclasses.Field, value: Any) -> Any:
    """`value` in the field's type and within its bounds."""
    if OPTION_TYPES[field.name] == tuple[int, ...]:
        if not isinstance(value, (tuple, list)):
            raise UserError(f"{field.name} must be a list of integers, not {value!r}")
        if len(value) > _MAX_LAYERS:
            raise UserError(f"{field.name} must be at most {_MAX_LAYERS} sizes")
        return tuple(_scalar(field, int, item) for item in value)
    return _scalar(field, OPTION_TYPES[field.name], value)


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
    if "below" in rules and value >= rules["below"]:
        raise UserError(f"{field.name} must be below {rules['below']}, not {value}")
    return value


_NOUN = {
    int: "a whole number",
    float: "a finite number",
    bool: "true or false",
    str: "a text",
}
