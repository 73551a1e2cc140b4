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
from gan_tf.gan.adam import FusedAdam
from gan_tf.gan.models import PIXELS, build_discriminator, build_generator


@dataclasses.dataclass(frozen=True, eq=False)
class GAN:
    """Everything that training changes, and the numbers that shape a step.

    Attributes:
        generator: latent `[B, latent_dim]` to samples `[B, ...]`.
        discriminator: samples `[B, ...]` to logits `[B, 1]`.
        generator_optimizer: over the generator's variables only.
        discriminator_optimizer: over the discriminator's variables only.
        average: the exponential moving average of the generator, or None.
        step: int64 scalar, training steps done.
        r1_weight: gamma of the R1 penalty; 0 for none.
        r1_every: steps from one R1 penalty to the next (lazy R1).
        ema_decay: how much of the average is kept in a step, at most.
        norms_every: steps from one look at the gradients' norms to the next.
    """

    generator: keras.Model
    discriminator: keras.Model
    generator_optimizer: keras.optimizers.Optimizer
    discriminator_optimizer: keras.optimizers.Optimizer
    average: keras.Model | None
    step: tf.Variable
    r1_weight: float = 0.0
    r1_every: int = 1
    ema_decay: float = 0.0
    norms_every: int = 1

    @property
    def sampler(self) -> keras.Model:
        """The generator to draw with: the averaged one where there is one."""
        return self.generator if self.average is None else self.average

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
        return tf.train.Checkpoint(**state)


def build_gan(config: Config) -> GAN:
    """The state at step 0; a function of the configuration alone."""
    seeds = 2 * config.seed, 2 * config.seed + 1  # unlike weights in the two networks
    return assemble(
        generator=new_generator(config, seeds[0]),
        discriminator=build_discriminator(
            config.discriminator_units, seed=seeds[1], precision=config.precision
        ),
        average=new_generator(config) if config.ema_decay else None,
        learning_rate=config.learning_rate,
        rate_ratio=config.rate_ratio,
        decay_steps=config.decay_steps,
        beta_1=config.beta_1,
        r1_weight=config.r1_weight,
        r1_every=config.r1_every,
        ema_decay=config.ema_decay,
        # At every step they would cost 6 % of its time. Five has no divisor in common
        # with r1_every = 4: steps with and without R1 have their shares.
        norms_every=math.gcd(5, config.log_every, config.epochs),
        adam=keras.optimizers.Adam if config.precision == "float32" else FusedAdam,
    )


def new_generator(config: Config, seed: int = 0) -> keras.Model:
    """The configuration's generator with fresh weights."""
    return build_generator(
        config.latent_dim,
        config.generator_units,
        output_activation=config.output_activation,
        seed=seed,
        precision=config.precision,
    )


def generator_parameters(config: Config) -> int:
    """How many weights `new_generator` would make; makes none."""
    sizes = [config.latent_dim, *config.generator_units, PIXELS]
    return sum((fan_in + 1) * out for fan_in, out in itertools.pairwise(sizes))


def assemble(
    generator: keras.Model,
    discriminator: keras.Model,
    average: keras.Model | None = None,
    learning_rate: float = Config.learning_rate,
    rate_ratio: float = Config.rate_ratio,
    decay_steps: int = Config.decay_steps,
    beta_1: float = Config.beta_1,
    r1_weight: float = Config.r1_weight,
    r1_every: int = Config.r1_every,
    ema_decay: float = Config.ema_decay,
    norms_every: int = 1,
    adam: type[keras.optimizers.Optimizer] = keras.optimizers.Adam,
) -> GAN:
    """A training state around any two networks, with an Adam for each.

    Args:
        average: a model like `generator`, overwritten by its weights; None for no
            averaging.
        learning_rate: of the discriminator; `rate_ratio` times it is the generator's.
        decay_steps: both fall to a twentieth by this step; 0 for constant ones.
        adam: makes an optimizer of a rate and `beta_1`.
    """
    rates = {generator: rate_ratio * learning_rate, discriminator: learning_rate}
    optimizers = []
    for network, rate in rates.items():
        if decay_steps:
            rate = keras.optimizers.schedules.CosineDecay(rate, decay_steps, alpha=0.05)
        optimizer = adam(rate, beta_1)
        optimizer.build(network.trainable_variables)  # before tracing and restoring
        optimizers.append(optimizer)
    if average is not None:
        average.set_weights(generator.get_weights())
    return GAN(
        generator,
        discriminator,
        *optimizers,
        average=average,
        step=tf.Variable(
            0,
            dtype=tf.int64,
            name="step",
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        ),
        r1_weight=r1_weight,
        r1_every=r1_every,
        ema_decay=ema_decay,
        norms_every=norms_every,
    )
