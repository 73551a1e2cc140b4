"""The training step: the algorithm of the GAN paper, and many steps in one call.

`train_step` knows nothing about images: it trains any generator against any
discriminator on any float batch `[B, ...]`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import tensorflow as tf

from gan_tf.gan import losses
from gan_tf.gan.noise import INTERPOLATION, TRAINING, latent, uniform
from gan_tf.gan.replicas import my_share, share_statistics
from gan_tf.gan.state import GAN, Rules
from gan_tf.images import to_unit

Tensors = dict[str, tf.Tensor]
Chunk = tuple[tf.Tensor, tf.Tensor | None]


def train_step(
    gan: GAN, real: tf.Tensor, labels: tf.Tensor | None, seed: int | tf.Tensor
) -> Tensors:
    """One step of Algorithm 1 of Goodfellow et al. 2014: k times D, then G.

    D learns from real and generated samples, then G through the new D, each from new
    noise. With the default rules k is 1 and G's loss the non-saturating one.

    Under a `tf.distribute` strategy each replica takes its share of the one batch and
    of the one noise, so that any number of replicas make the same step.

    Args:
        real: `[k * B, ...]`, float32, k batches of data, the same on every replica.
        labels: int32 `[k * B]` if the networks take labels, else None. Generated
            samples get the labels of the batch.
        seed: of the run; the noise depends on it and on `gan.step`.

    Returns:
        Scalars by name, float32; see `metrics_of`. With several replicas each returns
        its own, of which the mean is meant.
    """
    k = gan.rules.d_steps
    size = real.shape[0] // k
    real = my_share(tf.reshape(real, (k, size, *real.shape[1:])))
    labels = [None] * k if labels is None else my_share(tf.reshape(labels, (k, size)))
    noise = my_share(latent(seed, TRAINING, gan.step, (k + 1, size, gan.latent_dim)))
    mix = my_share(uniform(seed, INTERPOLATION, gan.step, (k, size)))

    for i in range(k):
        d_metrics = discriminator_step(gan, real[i], labels[i], noise[i], mix[i])
    g_metrics = generator_step(gan, labels[-1], noise[-1])
    share_statistics(gan)
    move_average(gan)
    gan.step.assign_add(1)
    return d_metrics | g_metrics


def discriminator_step(
    gan: GAN,
    real: tf.Tensor,
    labels: tf.Tensor | None,
    noise: tf.Tensor,
    mix: tf.Tensor,
) -> Tensors:
    """Updates D by the gradient of its loss and penalties on one batch.

    Args:
        real: `[B, ...]`, float32.
        labels: int32 `[B]`, or None.
        noise: `[B, latent_dim]`.
        mix: `[B]`, uniform on [0, 1]: the place between a real and a generated sample
            where the gradient penalty is taken.
    """
    rules, objective = gan.rules, gan.rules.losses
    fake = gan.generate(noise, labels)
    logits = functools.partial(gan.logits, labels=labels)

    def half(with_r1: bool):
        """Loss, logits and gradients, with R1 weighted by the steps it stands for."""
        r1 = penalty = tf.zeros([])
        with tf.GradientTape() as tape:
            if with_r1:
                r1, real_logits = losses.r1_penalty(logits, real)
                r1 *= rules.r1_every
                fake_logits = logits(fake)
            else:
                real_logits, fake_logits = _both_logits(gan, real, fake, labels)
            loss = objective.discriminator_loss(real_logits, fake_logits)
            total = loss + rules.r1_weight / 2 * r1
            if rules.gp_weight:
                penalty = losses.gradient_penalty(logits, real, fake, mix)
                total += rules.gp_weight * penalty
        gradients = _gradients(tape, total, gan.discriminator)
        return gradients, loss, r1, penalty, real_logits, fake_logits

    gradients, loss, r1, penalty, real_logits, fake_logits = _lazily(
        gan,
        rules.r1_every if rules.r1_weight else 0,
        lambda: half(with_r1=True),
        lambda: half(with_r1=False),
    )
    norm = _descend(gan, gan.discriminator, gan.discriminator_optimizer, gradients)
    metrics = {"d_loss": loss, "r1": r1, "d_gradient_norm": norm}
    if rules.gp_weight:
        metrics["gradient_penalty"] = penalty
    return metrics | _readings(objective, real_logits, fake_logits)


def generator_step(gan: GAN, labels: tf.Tensor | None, noise: tf.Tensor) -> Tensors:
    """Updates G, and G alone, by the gradient of its loss through D."""
    with tf.GradientTape() as tape:
        fake_logits = gan.logits(gan.generate(noise, labels), labels)
        loss = gan.rules.losses.generator_loss(fake_logits)
    gradients = _gradients(tape, loss, gan.generator)
    norm = _descend(gan, gan.generator, gan.generator_optimizer, gradients)
    return {"g_loss": loss, "g_gradient_norm": norm}


def move_average(gan: GAN) -> None:
    """Moves the average: average += (1 - decay) (generator - average).

    Until it meets `ema_decay`, the decay is (1 + t) / (4 + t), which weighs step t by
    t^2: the average is always over about the last third of the run and never drags
    the first steps along (Karras et al. 2024, section 3.1, with gamma = 2).
    """
    if gan.average is not None:
        tf.distribute.get_replica_context().merge_call(_move_average, args=(gan,))


def metrics_of(rules: Rules) -> dict[str, str]:
    """What `train_step` returns under these rules, with the meaning of each."""
    objective = rules.losses
    unit = ", nats" if objective.probability else ""
    output = "mean D, 0 to 1," if objective.probability else "mean output of D"
    d_rest, g_rest = (
        "" if value is None else f"; {value:.3f} at equilibrium"
        for value in (objective.d_equilibrium, objective.g_equilibrium)
    )
    metrics = {
        "d_loss": f"discriminator loss without penalties{unit}{d_rest}",
        "g_loss": f"generator loss{unit}{g_rest}",
        "r1": "mean squared gradient norm of D's logit at real images (unweighted)",
        "d_real": f"{output} on real images",
        "d_fake": f"{output} on generated images",
        "d_real_accuracy": "share of real images that D calls real",
        "d_fake_accuracy": "share of generated images that D calls generated",
        "d_gradient_norm": "norm of D's gradient, penalties included, at 1 of 5 steps",
        "g_gradient_norm": "norm of G's gradient, at 1 of 5 steps",
    }
    if objective.threshold is None:
        del metrics["d_real_accuracy"], metrics["d_fake_accuracy"]
    if rules.gp_weight:
        metrics["gradient_penalty"] = "mean (gradient norm - 1)^2 between the images"
    return metrics


METRICS = metrics_of(Rules())


def compile_train_steps(
    gan: GAN, seed: int, jit_compile: bool
) -> Callable[[Chunk, int, int], Tensors]:
    """Many steps in one compiled call: no Python and no host between two steps.

    Args:
        jit_compile: by XLA, where XLA can: not on several replicas, whose exchange of
            gradients it does not compile.

    Returns:
        A function of a chunk of the stream (uint8 images `[K, k * B, pixels]`, and
        int32 labels `[K, k * B]` or None) and of the range `first <= i < last` of its
        steps. It returns the sums of the metrics over these steps. Compiled once for
        all ranges, and the same for all seeds.
    """
    strategy = tf.distribute.get_strategy()
    names = list(metrics_of(gan.rules))
    if strategy.num_replicas_in_sync > 1:
        jit_compile = False

    @tf.autograph.experimental.do_not_convert  # nothing to convert; it takes seconds
    def replica_step(images, labels, seed):
        metrics = train_step(gan, gan.shaped(to_unit(images)), labels, seed)
        return tf.stack([metrics[name] for name in names])  # reduced as one

    @tf.function(jit_compile=jit_compile)
    def train_steps(images, labels, first, last, seed):
        sums = tf.zeros([len(names)])
        # Not tf.range: XLA would compile again for every other range.
        while first < last:
            batch = images[first], None if labels is None else labels[first]
            metrics = strategy.run(replica_step, args=(*batch, seed))
            sums += strategy.reduce(tf.distribute.ReduceOp.MEAN, metrics, axis=None)
            first += 1
        return sums

    def call(chunk: Chunk, first: int, last: int) -> Tensors:
        steps = tf.constant(first), tf.constant(last)
        sums = train_steps(*chunk, *steps, tf.constant(seed, tf.int64))
        return dict(zip(names, tf.unstack(sums)))

    return call


def _both_logits(
    gan: GAN, real: tf.Tensor, fake: tf.Tensor, labels: tf.Tensor | None
) -> tuple[tf.Tensor, tf.Tensor]:
    """Logits of real and of generated samples."""
    if gan.discriminator.non_trainable_variables:
        # Batch normalization and the like must not mix the two kinds.
        return gan.logits(real, labels), gan.logits(fake, labels)
    # As one batch, which is faster.
    both = None if labels is None else tf.concat([labels, labels], axis=0)
    logits = gan.logits(tf.concat([real, fake], axis=0), both)
    return logits[: real.shape[0]], logits[real.shape[0] :]


def _readings(
    objective: losses.Objective, real_logits: tf.Tensor, fake_logits: tf.Tensor
) -> Tensors:
    """What D's outputs say: their means and how often D is right."""
    read = tf.sigmoid if objective.probability else tf.identity
    readings = {
        "d_real": tf.reduce_mean(read(real_logits)),
        "d_fake": tf.reduce_mean(read(fake_logits)),
    }
    if objective.threshold is not None:
        readings["d_real_accuracy"] = _share(real_logits > objective.threshold)
        readings["d_fake_accuracy"] = _share(fake_logits < objective.threshold)
    return readings


def _lazily(gan: GAN, every: int, due: Callable, otherwise: Callable):
    """`due()` at each step that `every` divides, `otherwise()` at the others.

    With `every` 0 it is never due, and with 1 always; neither needs a condition.
    What is made `every` times as large there has the mean over steps that it would have
    at every step, at a fraction of the cost: Karras et al. 2020, appendix B, for R1.
    """
    if every < 2:
        return due() if every else otherwise()
    return tf.cond(gan.step % every == 0, due, otherwise)


def _gradients(
    tape: tf.GradientTape, loss: tf.Tensor, network: keras.Model
) -> list[tf.Tensor]:
    """The gradients for a network; zero for weights that the loss does not reach."""
    gradients = tape.gradient(
        loss,
        network.trainable_variables,
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )
    return [tf.convert_to_tensor(gradient) for gradient in gradients]  # of embeddings


def _descend(
    gan: GAN,
    network: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    gradients: list[tf.Tensor],
) -> tf.Tensor:
    """One optimizer step of `network`, and of it alone; returns the gradients' norm.

    Keras sums gradients over replicas: each gives its part of their mean. The norm is
    the replica's own, and lazy: nobody reads it at every step.
    """
    replicas = tf.distribute.get_replica_context().num_replicas_in_sync
    parts = [gradient / replicas for gradient in gradients]
    optimizer.apply(parts, network.trainable_variables)
    every, zero = gan.rules.norms_every, functools.partial(tf.zeros, [])
    return _lazily(gan, every, lambda: every * tf.linalg.global_norm(gradients), zero)


def _move_average(strategy: tf.distribute.Strategy, gan: GAN) -> None:
    t = tf.cast(gan.step, tf.float32)
    decay = tf.minimum(gan.rules.ema_decay, (1.0 + t) / (4.0 + t))

    def move(mean, value):
        mean.assign_add((1.0 - decay) * (value - mean))

    assert gan.average is not None
    for mean, value in zip(gan.average.weights, gan.generator.weights):
        strategy.extended.update(mean.value, move, args=(value.value,), group=False)


def _share(hits: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.cast(hits, tf.float32))
