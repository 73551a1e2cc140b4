"""TensorFlow 2 as in its tutorials: a Python loop, one `tf.function` call a step."""

import itertools

import keras
import tensorflow as tf

from peers import EPSILON, Problem, Program


def build(problem: Problem, jit_compile: bool = False) -> Program:
    """Keras networks and optimizers, gradient tapes."""
    config = problem.config
    generator, discriminator = problem.keras_networks()
    rate, beta_1 = config.learning_rate, config.beta_1
    d_optimizer = keras.optimizers.Adam(rate, beta_1, epsilon=EPSILON)
    g_optimizer = keras.optimizers.Adam(
        config.rate_ratio * rate, beta_1, epsilon=EPSILON
    )
    d_optimizer.build(discriminator.trainable_variables)
    g_optimizer.build(generator.trainable_variables)
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def learn(real, noise):
        fake = generator(noise[0])
        with tf.GradientTape() as tape:
            logits = discriminator(tf.concat([real, fake], axis=0))
            real_logits, fake_logits = tf.split(logits, 2)
            d_loss = cross_entropy(tf.ones_like(real_logits), real_logits)
            d_loss += cross_entropy(tf.zeros_like(fake_logits), fake_logits)
        variables = discriminator.trainable_variables
        d_optimizer.apply(tape.gradient(d_loss, variables), variables)

        with tf.GradientTape() as tape:
            fake_logits = discriminator(generator(noise[1]))
            g_loss = cross_entropy(tf.ones_like(fake_logits), fake_logits)
        variables = generator.trainable_variables
        g_optimizer.apply(tape.gradient(g_loss, variables), variables)
        return d_loss, g_loss

    @tf.function(jit_compile=jit_compile)
    def train_step(real):
        return learn(real, tf.random.normal(problem.noise_shape))

    given = tf.function(learn, jit_compile=jit_compile)
    batches = itertools.cycle(tf.unstack(tf.constant(problem.unit_batches())))

    def run(steps):
        for _ in range(steps):
            losses = train_step(next(batches))
        return tuple(map(float, losses))

    def step(real, noise):
        return tuple(map(float, given(tf.constant(real), tf.constant(noise))))

    return Program(run, step)
