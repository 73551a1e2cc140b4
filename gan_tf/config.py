"""Every option of a training run, once: its type, default, bounds and help.

The command line (`gan_tf.cli`), `config.json`, docs/configuration.md and the Python API
all come from the fields of `Config`. Standard library only, so that `--help` answers
at once.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from typing import Any

from gan_tf.errors import UserError
from gan_tf.options import GROUPS, as_text, checked, option
from gan_tf.recipes import RECIPES

# One maker a group of options.
_run, _data, _networks, _optimizer, _regularization, _logging, _devices = (
    functools.partial(option, group=group) for group in GROUPS
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """The configuration of one run; every field is also a flag of `gan_tf.train`.

    Raises:
        UserError: a value has the wrong type or lies outside its bounds.
    """

    epochs: int = _run(
        30000,
        "training steps in all (the tutorial calls one batch an epoch)",
        minimum=1,
        shapes_run=False,
    )
    dataset: str = _data(
        "auto",
        "mnist, the built-in strokes, auto (mnist if it can be found, else strokes), "
        "or another image set of tensorflow_datasets, such as emnist/letters",
        pattern=r"[A-Za-z0-9_]+(/[A-Za-z0-9_.-]+)?",
        shapes_run=False,  # what was really loaded is compared by its digest
    )
    data_dir: str = _data(
        "",
        "folder or file of images: IDX, npz, npy, CSV, PNG or JPEG files, or a "
        "prepared tensorflow_datasets set",
        shapes_run=False,
    )
    transpose: bool = _data(
        False,
        "exchange rows and columns of the images (EMNIST's files need it)",
        shapes_run=False,  # the digest is of the images after it
        value_before=False,
    )
    invert: bool = _data(
        False,
        "exchange black and white, for images of black ink on white paper",
        shapes_run=False,  # the digest is of the images after it
        value_before=False,
    )
    init_from: str = _run(
        "",
        "another run; the new run starts with its weights, not with its optimizers",
        shapes_run=False,  # where the weights came from is noted and compared
        value_before="",
    )
    seed: int = _run(
        0,
        "seed of the initial weights, the batches and the noise",
        minimum=0,
        below=2**31,
    )
    batch_size: int = _data(
        128,
        "real images per step, and as many generated ones",
        minimum=1,
        below=2**20,
    )
    conditional: bool = _networks(
        False,
        "train on the labels too, so that a class can be chosen when generating",
        value_before=False,
    )
    latent_dim: int = _networks(
        100,
        "size of the generator's noise vector",
        minimum=1,
        below=2**20,
    )
    generator_units: tuple[int, ...] = _networks(
        (256, 512),
        "sizes of the generator's hidden layers",
        minimum=1,
        below=2**20,
    )
    discriminator_units: tuple[int, ...] = _networks(
        (512, 256),
        "sizes of the discriminator's hidden layers",
        minimum=1,
        below=2**20,
    )
    output_activation: str = _networks(
        "sigmoid",
        "the generator's last layer; the tutorial's code has linear, its text sigmoid",
        choices=("sigmoid", "linear"),
    )
    objective: str = _optimizer(
        "non_saturating",
        "the losses: non_saturating (the tutorial's code), minimax (its formulas), "
        "hinge, least_squares, wasserstein (needs a gradient penalty)",
        choices=("non_saturating", "minimax", "hinge", "least_squares", "wasserstein"),
        value_before="non_saturating",
    )
    d_steps: int = _optimizer(
        1,
        "discriminator updates in a step, each on its own batch (k of Algorithm 1)",
        minimum=1,
        below=2**10,
        value_before=1,
    )
    learning_rate: float = _optimizer(
        2e-3,
        "the discriminator's learning rate (Adam)",
        minimum=0.0,
    )
    rate_ratio: float = _optimizer(
        2.0,
        "the generator's learning rate divided by the discriminator's",
        minimum=0.0,
    )
    decay_steps: int = _optimizer(
        30000,
        "step by which both rates fall to a twentieth, along a cosine; 0: never",
        minimum=0,
    )
    beta_1: float = _optimizer(
        0.0,
        "Adam's decay of the mean gradient",
        minimum=0.0,
        below=1.0,
    )
    r1_weight: float = _regularization(
        0.3,
        "gamma of the R1 gradient penalty on real images, 0 for none",
        minimum=0.0,
    )
    r1_every: int = _regularization(
        4,
        "steps between two R1 penalties, each weighted by this number",
        minimum=1,
    )
    gp_weight: float = _regularization(
        0.0,
        "lambda of the gradient penalty between real and generated images, 0 for none",
        minimum=0.0,
        value_before=0.0,
    )
    ema_decay: float = _regularization(
        0.9999,
        "decay of the averaged generator per step, at most; 0 for no average",
        minimum=0.0,
        below=1.0,
    )
    jit_compile: bool = _devices(
        True,
        "compile the training step with XLA (results differ by rounding)",
    )
    precision: str = _devices(
        "float32",
        "of the matrix multiplications; mixed_bfloat16 is for GPUs",
        choices=("float32", "mixed_bfloat16"),
        value_before="float32",
    )
    strategy: str = _devices(
        "auto",
        "devices: one, mirrored (this machine's GPUs), multi_worker (TF_CONFIG), auto",
        choices=("auto", "one", "mirrored", "multi_worker"),
        shapes_run=False,
        value_before="one",
    )
    cluster_timeout: int = _devices(
        600,
        "seconds to wait for the other workers of a cluster, then give up",
        minimum=1,
        below=2**31,
        shapes_run=False,
        value_before=600,
    )
    steps_per_call: int = _devices(
        50,
        "steps in one compiled call",
        minimum=1,
        below=2**16,
        shapes_run=False,
    )
    log_every: int = _logging(
        100,
        "steps between two points of the curves",
        minimum=1,
        shapes_run=False,
    )
    sample_every: int = _logging(
        1000,
        "steps between two sample grids",
        minimum=1,
        shapes_run=False,
    )
    save_every: int = _logging(
        1000,
        "steps between two checkpoints",
        minimum=1,
        shapes_run=False,
    )
    health: bool = _logging(
        True,
        "score 1000 samples with every grid and keep the best checkpoint (MNIST only)",
        shapes_run=False,
    )
    stop_g_loss: float = _run(
        0.0,
        "stop once g_loss, averaged over log_every steps, falls below this; 0: never",
        minimum=0.0,
        shapes_run=False,
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = checked(field, OPTION_TYPES[field.name], getattr(self, field.name))
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


OPTION_TYPES: dict[str, Any] = typing.get_type_hints(Config)
