"""The training step: the algorithm of the GAN paper, and many steps in one call.

`train_step` knows nothing about images: it trains any generator against any
discriminator on any float batch `[B, ...]`.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from gan_tf.gan import losses
from gan_tf.gan.noise import TRAINING, latent
from gan_tf.gan.state import GAN
from gan_tf.images import to_unit


def train_step(gan: GAN, real: tf.Tensor, seed: int) -> dict[str, tf.Tensor]:
    """One step: D on real and generated samples, then G through the new D.

    Goodfellow et al. 2014, Algorithm 1 with k = 1 and the non-saturating G loss, with
    new noise for each half; R1 after Mescheder et al. 2018, not at every step.

    Under a `tf.distribute` strategy each replica takes its share of the one batch and
    of the one noise, so that any number of replicas make the same step.

    Args:
        real: `[B, ...]`, float32, a batch of data, the same on every replica.
        seed: of the run; the noise depends on it and on `gan.step`.

    Returns:
        Scalars by name, float32; see `METRICS`. With several replicas each returns its
        own, of which the mean is meant.
    """
    latent_dim = gan.generator.input_shape[-1]
    noise = latent(seed, TRAINING, gan.step, (2, real.shape[0], latent_dim))
    real, noise = _my_share(real), _my_share(noise, axis=1)
    batch = real.shape[0]

    # Train the discriminator, at 1 of r1_every steps by R1 too, so many times as heavy.
    fake = gan.generator(noise[0])

    def discriminator_half(with_r1: bool):
        with tf.GradientTape() as tape:
            if with_r1:
                r1, real_logits = losses.r1_penalty(gan.discriminator, real)
                r1 *= gan.r1_every
                fake_logits = gan.discriminator(fake)
            else:  # as one batch, which is faster
                logits = gan.discriminator(tf.concat([real, fake], axis=0))
                real_logits, fake_logits = logits[:batch], logits[batch:]
                r1 = tf.zeros([])
            d_loss = losses.discriminator_loss(real_logits, fake_logits)
            objective = d_loss + gan.r1_weight / 2 * r1
        gradients = tape.gradient(objective, gan.discriminator.trainable_variables)
        return gradients, d_loss, r1, real_logits, fake_logits

    d_gradients, d_loss, r1, real_logits, fake_logits = _lazily(
        gan,
        gan.r1_every if gan.r1_weight else 0,
        lambda: discriminator_half(with_r1=True),
        lambda: discriminator_half(with_r1=False),
    )
    d_norm = _descend(gan, gan.discriminator, gan.discriminator_optimizer, d_gradients)

    # Train the generator, by its own variables alone.
    with tf.GradientTape() as tape:
        g_loss = losses.generator_loss(gan.discriminator(gan.generator(noise[1])))
    g_gradients = tape.gradient(g_loss, gan.generator.trainable_variables)
    g_norm = _descend(gan, gan.generator, gan.generator_optimizer, g_gradients)

    if gan.average is not None:
        tf.distribute.get_replica_context().merge_call(_move_average, args=(gan,))
    gan.step.assign_add(1)
    return {
        "d_loss": d_loss,
        "g_loss": g_loss,
        "r1": r1,
        "d_real": tf.reduce_mean(tf.sigmoid(real_logits)),
        "d_fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
        "d_real_accuracy": _share(real_logits > 0),
        "d_fake_accuracy": _share(fake_logits < 0),
        "d_gradient_norm": d_norm,
        "g_gradient_norm": g_norm,
    }


# What `train_step` returns, with the meaning of each for people.
METRICS = {
    "d_loss": "discriminator loss without R1, nats; log 4 = 1.386 when D cannot tell",
    "g_loss": "generator loss, nats; log 2 = 0.693 when D cannot tell",
    "r1": "mean squared gradient norm of D's logit at real images (unweighted)",
    "d_real": "mean D(x) on real images, 0 to 1",
    "d_fake": "mean D(G(z)) on generated images, 0 to 1",
    "d_real_accuracy": "share of real images that D calls real",
    "d_fake_accuracy": "share of generated images that D calls generated",
    "d_gradient_norm": "norm of the gradient of D, R1 included, at 1 of 5 steps",
    "g_gradient_norm": "norm of the gradient of G, at 1 of 5 steps",
}


def compile_train_steps(
    gan: GAN, seed: int, jit_compile: bool
) -> Callable[[tf.Tensor, int, int], dict[str, tf.Tensor]]:
    """Many steps in one compiled call: no Python and no host between two steps.

    Args:
        jit_compile: by XLA, where XLA can and does help: not on several replicas, whose
            exchange of gradients it does not compile, nor for bfloat16 on a CPU, whose
            units for that only TensorFlow's own products use.

    Returns:
        A function of a chunk of uint8 batches `[K, B, 784]` and of the range
        `first <= i < last` of its batches to train on, which gives the sums of the
        metrics over these steps. Compiled once for all ranges.
    """
    strategy = tf.distribute.get_strategy()
    names = list(METRICS)
    bfloat16 = gan.generator.layers[0].compute_dtype == "bfloat16"
    if strategy.num_replicas_in_sync > 1 or (
        bfloat16 and not tf.config.list_logical_devices("GPU")
    ):
        jit_compile = False

    def replica_step(images):
        metrics = train_step(gan, to_unit(images), seed)
        return tf.stack([metrics[name] for name in names])  # reduced as one

    @tf.function(jit_compile=jit_compile)
    def train_steps(chunk, first, last):
        sums = tf.zeros([len(names)])
        # Not tf.range: XLA would compile again for every other range.
        while first < last:
            metrics = strategy.run(replica_step, args=(chunk[first],))
            sums += strategy.reduce(tf.distribute.ReduceOp.MEAN, metrics, axis=None)
            first += 1
        return sums

    def call(chunk: tf.Tensor, first: int, last: int) -> dict[str, tf.Tensor]:
        sums = train_steps(chunk, tf.constant(first), tf.constant(last))
        return dict(zip(names, tf.unstack(sums)))

    return call


def _lazily(gan: GAN, every: int, due: Callable, otherwise: Callable):
    """`due()` at each step that `every` divides, `otherwise()` at the others.

    With `every` 0 it is never due, and with 1 always; neither needs a condition.
    What is made `every` times as large there has the mean over steps that it would have
    at every step, at a fraction of the cost: Karras et al. 2020, appendix B, for R1.
    """
    if every < 2:
        return due() if every else otherwise()
    return tf.cond(gan.step % every == 0, due, otherwise)


def _descend(
    gan: GAN,
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    gradients: list[tf.Tensor],
) -> tf.Tensor:
    """One optimizer step of `network`, and of it alone; returns the gradients' norm.

    Keras adds the gradients of all replicas up: each gives its part of their mean. The
    norm is the replica's own, and lazy: nobody reads it at every step.
    """
    replicas = tf.distribute.get_replica_context().num_replicas_in_sync
    parts = [gradient / replicas for gradient in gradients]
    optimizer.apply(parts, network.trainable_variables)
    return _lazily(
        gan,
        gan.norms_every,
        lambda: gan.norms_every * tf.linalg.global_norm(gradients),
        lambda: tf.zeros([]),
    )


def _my_share(batch: tf.Tensor, axis: int = 0) -> tf.Tensor:
    """The replica's part of a global batch; all of it where there is one replica."""
    replica = tf.distribute.get_replica_context()
    if replica.num_replicas_in_sync == 1:
        return batch
    number = tf.get_static_value(replica.replica_id_in_sync_group)
    return tf.split(batch, replica.num_replicas_in_sync, axis)[int(number)]


def _move_average(strategy: tf.distribute.Strategy, gan: GAN) -> None:
    """Moves the average: average += (1 - decay) (generator - average).

    Until it meets `ema_decay`, the decay is (1 + t) / (4 + t), which weighs step t by
    t^2: the average is always over about the last third of the run and never drags
    the first steps along (Karras et al. 2024, section 3.1, with gamma = 2).
    """
    t = tf.cast(gan.step, tf.float32)
    decay = tf.minimum(gan.ema_decay, (1.0 + t) / (4.0 + t))

    def move(mean, value):
        mean.assign_add((1.0 - decay) * (value - mean))

    for mean, value in zip(
        gan.average.trainable_variables, gan.generator.trainable_variables
    ):
        strategy.extended.update(mean.value, move, args=(value.value,), group=False)


def _share(hits: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.cast(hits, tf.float32))
