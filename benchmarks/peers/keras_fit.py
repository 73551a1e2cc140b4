"""Keras `fit` over a model with a `train_step`, as in Keras's guide to `fit`.

https://keras.io/guides/custom_train_step_in_tensorflow/, its last part: a GAN.
"""

import keras
import tensorflow as tf

from peers import EPSILON, Problem, Program


class GAN(keras.Model):
    """The guide's class, with this repo's networks and new noise for each half."""

    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
        self.seed_generator = keras.random.SeedGenerator(0)

    def compile(self, d_optimizer, g_optimizer, loss_fn, jit_compile):
        super().compile(jit_compile=jit_compile)
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.loss_fn = loss_fn

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def train_step(self, real):
        shape = (2, real.shape[0], self.latent_dim)
        noise = keras.random.normal(shape, seed=self.seed_generator)
        d_loss, g_loss = self.learn(real, noise)
        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {metric.name: metric.result() for metric in self.metrics}

    def learn(self, real, noise):
        batch = real.shape[0]
        fake = self.generator(noise[0])
        images = tf.concat([real, fake], axis=0)
        # The mean over 2B images is half the sum of the two losses: undone here.
        labels = tf.concat([tf.ones((batch, 1)), tf.zeros((batch, 1))], axis=0)
        with tf.GradientTape() as tape:
            d_loss = 2 * self.loss_fn(labels, self.discriminator(images))
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights))

        misleading = tf.ones((batch, 1))
        with tf.GradientTape() as tape:
            logits = self.discriminator(self.generator(noise[1]))
            g_loss = self.loss_fn(misleading, logits)
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights))
        return d_loss, g_loss


def build(problem: Problem, jit_compile: bool = False) -> Program:
    """The guide's model; batches come from `tf.data`, ready made."""
    config = problem.config
    generator, discriminator = problem.keras_networks()
    rate, beta_1 = config.learning_rate, config.beta_1
    gan = GAN(discriminator, generator, config.latent_dim)
    gan.compile(
        keras.optimizers.Adam(rate, beta_1, epsilon=EPSILON),
        keras.optimizers.Adam(config.rate_ratio * rate, beta_1, epsilon=EPSILON),
        keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=jit_compile,
    )
    dataset = tf.data.Dataset.from_tensor_slices(problem.unit_batches())
    dataset = dataset.repeat().prefetch(tf.data.AUTOTUNE)

    def run(steps):
        history = gan.fit(dataset, steps_per_epoch=steps, verbose=0).history
        return history["d_loss"][-1], history["g_loss"][-1]

    def step(real, noise):
        return tuple(map(float, gan.learn(real, noise)))

    return Program(run, step)
