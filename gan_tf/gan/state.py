"""The training state: two networks, their optimizers, the average, the step.

`GAN` and `assemble` know nothing about images: any generator, any discriminator.
"""

from __future__ import annotations

import dataclasses
import itertools
import math

import keras
import tensorflow as tf

from gan_tf.config import Config
from gan_tf.gan.losses import OBJECTIVES, Objective
from gan_tf.gan.models import (
    PIXELS,
    build_discriminator,
    build_generator,
    takes_labels,
)
from gan_tf.gan.networks import MAX_PARAMETERS, Networks, load, seeded


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rules:
    """The numbers that shape a step and never change during a run.

    Attributes:
        objective: a name in `gan_tf.gan.losses.OBJECTIVES`.
        d_steps: discriminator updates in a step, the k of Algorithm 1.
        r1_weight: gamma of the R1 penalty; 0 for none.
        r1_every: steps from one R1 penalty to the next (lazy R1).
        gp_weight: lambda of the gradient penalty; 0 for none.
        ema_decay: how much of the average is kept in a step, at most.
        norms_every: steps from one measurement of the gradient norms to the next.
    """

    objective: str = "non_saturating"
    d_steps: int = 1
    r1_weight: float = 0.0
    r1_every: int = 1
    gp_weight: float = 0.0
    ema_decay: float = 0.0
    norms_every: int = 1

    @property
    def losses(self) -> Objective:
        """The row of the table of objectives."""
        return OBJECTIVES[self.objective]


@dataclasses.dataclass(frozen=True, eq=False)
class GAN:
    """Everything that training changes, and the rules of its step.

    Attributes:
        generator: noise `[B, latent_dim]` (and labels `[B]`) to samples `[B, ...]`.
        discriminator: samples `[B, ...]` (and labels `[B]`) to logits `[B, 1]`.
        generator_optimizer: over the generator's variables only.
        discriminator_optimizer: over the discriminator's variables only.
        average: the exponential moving average of the generator, or None.
        step: int64 scalar, training steps done.
        rules: what shapes a step.
    """

    generator: keras.Model
    discriminator: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    discriminator_optimizer: keras.optimizers.Optimizer
    average: keras.Model | None
    step: tf.Variable
    rules: Rules = Rules()

    @property
    def sampler(self) -> keras.Model:
        """The generator to sample from: the averaged one where there is one."""
        return self.generator if self.average is None else self.average

    @property
    def conditional(self) -> bool:
        """Whether both networks take labels."""
        return takes_labels(self.generator)

    @property
    def latent_dim(self) -> int:
        """Size of the noise vector."""
        return self.generator.inputs[0].shape[-1]

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample as the discriminator takes it, without the batch."""
        return tuple(self.discriminator.inputs[0].shape[1:])

    def generate(self, noise: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """G(z) or G(z, y) in training mode: `[B, *sample_shape]`, float32."""
        inputs = [noise, labels] if self.conditional else noise
        return self.shaped(self.generator(inputs, training=True))

    def logits(self, samples: tf.Tensor, labels: tf.Tensor | None = None) -> tf.Tensor:
        """D's logits of `[B, *sample_shape]` in training mode: `[B, 1]`, float32."""
        inputs = [samples, labels] if self.conditional else samples
        return self.discriminator(inputs, training=True)

    def shaped(self, samples: tf.Tensor) -> tf.Tensor:
        """Samples `[B, ...]` in the shape that the discriminator takes."""
        if tuple(samples.shape[1:]) == self.sample_shape:
            return samples
        return tf.reshape(samples, (-1, *self.sample_shape))

    def checkpoint(self) -> tf.train.Checkpoint:
        """The state by its names, for saving and restoring."""
        state = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
            "step": self.step,
        }
        if self.average is not None:
            state["average"] = self.average
        if seeds := _seeds(self.generator) + _seeds(self.discriminator):
            state["seeds"] = seeds
        return tf.train.Checkpoint(**state)


def _seeds(network: keras.Model) -> list[tf.Variable]:
    """The random states of layers such as Dropout, which `tf.train` does not find."""
    weights = {id(variable) for variable in network.weights}
    return [v.value for v in network.variables if id(v) not in weights]


def build_gan(
    config: Config,
    pixels: int = PIXELS,
    classes: int | None = None,
    networks: Networks | None = None,
) -> GAN:
    """The state at step 0; a function of its arguments alone.

    Args:
        pixels: values of one image.
        classes: of the data; used if the configuration is conditional.
        networks: the caller's own ones, instead of the dense ones.
    """
    networks = networks or {}
    classes = classes if config.conditional else None
    seeds = 2 * config.seed, 2 * config.seed + 1  # unlike weights in the two networks
    generator = new_generator(config, pixels, classes, seeds[0], networks)
    average = None
    if config.ema_decay:
        average = new_generator(config, pixels, classes, networks=networks)
    return assemble(
        generator=generator,
        discriminator=_own("discriminator", networks, seeds[1])
        or build_discriminator(
            config.discriminator_units, pixels, seeds[1], config.precision, classes
        ),
        average=average,
        rules=Rules(
            objective=config.objective,
            d_steps=config.d_steps,
            r1_weight=config.r1_weight,
            r1_every=config.r1_every,
            gp_weight=config.gp_weight,
            ema_decay=config.ema_decay,
            # At every step they would cost 6 % of its time. Five has no divisor in
            # common with r1_every = 4: steps with and without R1 have their shares.
            norms_every=math.gcd(5, config.log_every, config.epochs),
        ),
        learning_rate=config.learning_rate,
        rate_ratio=config.rate_ratio,
        decay_steps=config.decay_steps,
        beta_1=config.beta_1,
    )


def new_generator(
    config: Config,
    pixels: int = PIXELS,
    classes: int | None = None,
    seed: int = 0,
    networks: Networks | None = None,
    most: int = MAX_PARAMETERS,
) -> keras.Model:
    """The run's generator with fresh weights.

    Args:
        most: how many weights it may have, if it is one of `networks`.
    """
    classes = classes if config.conditional else None
    if own := _own("generator", networks or {}, seed, most):
        own.classes = classes
        return own
    return build_generator(
        config.latent_dim,
        config.generator_units,
        pixels,
        config.output_activation,
        seed,
        config.precision,
        classes,
    )


def generator_parameters(
    config: Config, pixels: int = PIXELS, classes: int | None = None
) -> int:
    """How many weights `new_generator` would make; makes none."""
    inputs = config.latent_dim + (classes or 0 if config.conditional else 0)
    sizes = [inputs, *config.generator_units, pixels]
    return sum((fan_in + 1) * out for fan_in, out in itertools.pairwise(sizes))


def _own(
    role: str, networks: Networks, seed: int, most: int = MAX_PARAMETERS
) -> keras.Model | None:
    """The caller's own network in that role, if there is one."""
    if role not in networks:
        return None
    with seeded(seed):
        return load(role, networks[role], most)


def assemble(
    generator: keras.Model,
    discriminator: keras.Model,
    average: keras.Model | None = None,
    rules: Rules = Rules(),
    learning_rate: float = Config.learning_rate,
    rate_ratio: float = Config.rate_ratio,
    decay_steps: int = Config.decay_steps,
    beta_1: float = Config.beta_1,
) -> GAN:
    """A training state around any two networks, with an Adam for each.

    Args:
        average: a model like `generator`, overwritten by its weights; None for no
            averaging.
        learning_rate: of the discriminator; `rate_ratio` times it is the generator's.
        decay_steps: both fall to a twentieth by this step; 0 for constant ones.
    """
    rates = {generator: rate_ratio * learning_rate, discriminator: learning_rate}
    optimizers: list[keras.optimizers.Optimizer] = []
    for network, rate in rates.items():
        if decay_steps:
            rate = keras.optimizers.schedules.CosineDecay(rate, decay_steps, alpha=0.05)
        optimizer = keras.optimizers.Adam(rate, beta_1)
        optimizer.build(network.trainable_variables)  # before tracing and restoring
        optimizers.append(optimizer)
    if average is not None:
        average.set_weights(generator.get_weights())
    step = tf.Variable(
        0,
        dtype=tf.int64,
        name="step",
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )
    first, second = optimizers
    return GAN(generator, discriminator, first, second, average, step, rules)
