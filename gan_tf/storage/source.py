"""`--init_from`: the run whose weights another one starts from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from gan_tf.config import Config, as_text
from gan_tf.data.image_set import ImageSet
from gan_tf.errors import UserError
from gan_tf.files import exists, usable_path
from gan_tf.gan.layer_names import first_difference
from gan_tf.gan.networks import Networks
from gan_tf.gan.state import GAN
from gan_tf.storage import checkpoints
from gan_tf.storage.description import (
    Content,
    class_count,
    image_shape,
    networks_of,
    read_run,
)
from gan_tf.storage.manifest import digest_of
from gan_tf.storage.run_directory import config_path, saved, step_of

_DENSE = {"generator": "generator_units", "discriminator": "discriminator_units"}


@dataclasses.dataclass(frozen=True)
class Source:
    """A checkpoint of another run.

    Attributes:
        run: its run directory, as the user wrote it.
        path: the checkpoint, the newest sound one.
        config: that run's configuration.
        content: its `config.json`.
    """

    run: str
    path: Path
    config: Config
    content: Content

    @property
    def record(self) -> Content:
        """What the new run's `config.json` says of it."""
        step = step_of(self.path)
        return {"run": self.run, "step": step, "sha256": digest_of(self.path)}

    @property
    def networks(self) -> Networks:
        """Its own networks, if it has such."""
        return networks_of(self.content)

    def restore(self, gan: GAN) -> None:
        """Gives its weights to `gan`, whose optimizers stay as they are."""
        checkpoints.restore_weights(self.path, gan, self.config.ema_decay > 0)


def find(run: str) -> Source:
    """The run that `--init_from` names.

    Raises:
        UserError: there is none, or it has no usable checkpoint.
    """
    run_dir = usable_path(run)
    if not (exists(config_path(run_dir)) or saved(run_dir)):
        raise UserError(f"--init_from {run} is no run: it has no config.json")
    try:
        config, content = read_run(run_dir)
    except UserError as error:
        raise UserError(str(error).replace("--run_dir", "--init_from")) from error
    path = checkpoints.newest(run_dir)
    if path is None:
        raise UserError(f"--init_from {run} holds no sound checkpoint")
    return Source(run, path, config, content)


def source_of(
    config: Config, run_dir: Path, recorded: Content
) -> tuple[Source | None, Content]:
    """Where the first weights come from, if they are needed, and what to note of it.

    A run that has checkpoints needs no source any more; then it is only checked that
    `--init_from`, if given, names what the run began with, there or moved.

    Args:
        recorded: what the run's `config.json` says of its source; empty for none.

    Raises:
        UserError: it names another one, or no usable run.
    """
    if not saved(run_dir):
        source = find(config.init_from) if config.init_from else None
        return source, source.record if source else {}
    if config.init_from and config.init_from != recorded.get("run"):
        same = recorded and find(config.init_from).record["sha256"]
        if same != recorded.get("sha256"):
            raise UserError(
                f"--run_dir {run_dir} began with "
                f"{_named(recorded) if recorded else 'weights of its own'}, not with "
                f"--init_from {config.init_from}: leave that out to continue the run, "
                "or name another --run_dir"
            )
    return None, recorded


def check_source(
    source: Source, config: Config, images: ImageSet, networks: Networks
) -> None:
    """Raises `UserError` unless the source has the networks of the new run.

    Args:
        networks: the new run's own ones.
    """
    names = ["conditional", "latent_dim", "output_activation"]
    names += [units for role, units in _DENSE.items() if role not in networks]
    if "generator" in networks:
        names.remove("output_activation")
    differences = [
        f"{name} {as_text(old)}, {as_text(new)}"
        for name in names
        if (old := getattr(source.config, name)) != (new := getattr(config, name))
    ]
    shapes = image_shape(source.content), images.shape
    if shapes[0] != shapes[1]:
        old, new = ("x".join(map(str, shape)) for shape in shapes)
        differences.append(f"images {old}, {new}")
    classes = class_count(source.content), images.classes
    if config.conditional and classes[0] != classes[1]:
        differences.append(f"classes {classes[0]}, {classes[1]}")
    differences += [
        f"{role} {first_difference(source.networks.get(role), networks.get(role))}"
        for role in _DENSE
        if source.networks.get(role) != networks.get(role)
    ]
    if differences:
        raise UserError(
            f"--init_from {source.run} has other networks (there, here): "
            f"{'; '.join(differences)}. Its weights fit the same networks only."
        )


def _named(recorded: Content) -> str:
    return f"the weights of {recorded.get('run')} at step {recorded.get('step')}"
