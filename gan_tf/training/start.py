"""What a run starts from: its networks, and their first weights."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np

from gan_tf.config import Config
from gan_tf.data.image_set import ImageSet
from gan_tf.errors import UserError
from gan_tf.gan.networks import Builder, Needs, Networks, make
from gan_tf.gan.state import GAN, build_gan
from gan_tf.storage import description, source
from gan_tf.storage.curves import MAX_ROWS


@dataclasses.dataclass(frozen=True)
class Start:
    """What a new run, or a resumed one, is made of.

    Attributes:
        networks: the descriptions of its own networks, by role.
        weights: the first weights of those that the caller's functions made.
        source: the run whose weights it takes instead; None for a resumed run.
        initial: what `config.json` notes of that.
    """

    networks: Networks
    weights: dict[str, list[np.ndarray]]
    source: source.Source | None
    initial: description.Content

    def new_gan(self, config: Config, data: ImageSet) -> GAN:
        """The state at step 0."""
        gan = build_gan(config, math.prod(data.shape), data.classes, self.networks)
        if "generator" in self.weights:
            gan.generator.set_weights(self.weights["generator"])
            if gan.average is not None:
                gan.average.set_weights(self.weights["generator"])
        if "discriminator" in self.weights:
            gan.discriminator.set_weights(self.weights["discriminator"])
        if self.source is not None:
            self.source.restore(gan)
        return gan

    @property
    def needs_saving(self) -> bool:
        """Whether the state at step 0 could not be made again without the caller."""
        return bool(self.networks or self.source)


def prepare(
    config: Config,
    run_dir: Path,
    data: ImageSet,
    builders: dict[str, Builder | None] | None = None,
) -> Start:
    """Finds or makes the networks of a run, and checks that they fit.

    Own networks come from the caller's functions, else from what the run has recorded,
    else from the run that `--init_from` names.

    Args:
        builders: the caller's functions by role.

    Raises:
        UserError: a network does not fit, `run_dir` holds another run, or the curves
            would have too many rows.
    """
    if config.epochs > MAX_ROWS * config.log_every:
        raise UserError(
            f"--log_every {config.log_every} makes more than {MAX_ROWS} rows of "
            f"curves.csv: give {-(-config.epochs // MAX_ROWS)} or more"
        )
    classes = data.classes if config.conditional else None
    needs = Needs(config.latent_dim, data.shape, classes)
    made = {
        role: make(role, build, needs, 2 * config.seed + number)
        for number, (role, build) in enumerate((builders or {}).items())
        if build is not None
    }
    given = {role: network.description for role, network in made.items()}
    description.check_run(run_dir, config, data, given)
    recorded = description.recorded(run_dir)
    found, initial = source.source_of(config, run_dir, recorded.get("initial", {}))
    networks = description.networks_of(recorded)
    if found is not None:
        networks = found.networks | networks | given
        source.check_source(found, config, data, networks)
    weights = {role: network.weights for role, network in made.items()}
    return Start(networks | given, weights, found, initial)
