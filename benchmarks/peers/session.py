"""The tutorial's program in a TensorFlow 1 session, with its losses corrected."""

import itertools

import numpy as np
import tensorflow as tf

from peers import EPSILON, Problem, Program

v1 = tf.compat.v1


def build(problem: Problem) -> Program:
    """Placeholders, `feed_dict`, two `AdamOptimizer`s; D(x) and D(G(z)) apart."""
    config = problem.config
    with tf.Graph().as_default():
        generator_weights, discriminator_weights = (
            [v1.Variable(value) for value in weights] for weights in problem.weights()
        )

        def dense_layers(inputs, weights):
            *hidden, last = zip(weights[::2], weights[1::2])
            for kernel, bias in hidden:
                inputs = tf.nn.relu(tf.matmul(inputs, kernel) + bias)
            kernel, bias = last
            return tf.matmul(inputs, kernel) + bias

        x = v1.placeholder(tf.float32, [None, 784])
        z = v1.placeholder(tf.float32, [None, config.latent_dim])
        fake = dense_layers(z, generator_weights)
        if config.output_activation == "sigmoid":
            fake = tf.nn.sigmoid(fake)
        real_logits = dense_layers(x, discriminator_weights)
        fake_logits = dense_layers(fake, discriminator_weights)

        def cross_entropy(logits, labels):
            return tf.reduce_mean(
                tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=labels)
            )

        d_loss = cross_entropy(real_logits, tf.ones_like(real_logits))
        d_loss += cross_entropy(fake_logits, tf.zeros_like(fake_logits))
        g_loss = cross_entropy(fake_logits, tf.ones_like(fake_logits))
        rate, beta_1 = config.learning_rate, config.beta_1
        train_d = v1.train.AdamOptimizer(rate, beta_1, epsilon=EPSILON).minimize(
            d_loss, var_list=discriminator_weights
        )
        train_g = v1.train.AdamOptimizer(
            config.rate_ratio * rate, beta_1, epsilon=EPSILON
        ).minimize(g_loss, var_list=generator_weights)
        session = v1.Session()
        session.run(v1.global_variables_initializer())

    def step(real, noise):
        _, d = session.run([train_d, d_loss], feed_dict={x: real, z: noise[0]})
        _, g = session.run([train_g, g_loss], feed_dict={z: noise[1]})
        return float(d), float(g)

    random = np.random.default_rng(config.seed)
    batches = itertools.cycle(problem.unit_batches())

    def run(steps):
        for _ in range(steps):
            noise = random.standard_normal(problem.noise_shape, np.float32)
            losses = step(next(batches), noise)
        return losses

    return Program(run, step)
