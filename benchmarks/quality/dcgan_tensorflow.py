"""The DCGAN of TensorFlow's tutorials: batch 256, Adam 1e-4, a `tf.function` step."""

import keras
import numpy as np
import tensorflow as tf
from clock import COUNT, Clock
from keras import layers

BATCH = 256


def main() -> None:
    """Trains until the time is over."""
    clock = Clock()
    keras.utils.set_random_seed(clock.seed)
    with np.load(clock.data) as file:
        images = (file["images"][..., None].astype("float32") - 127.5) / 127.5
    data = tf.data.Dataset.from_tensor_slices(images).shuffle(60000).batch(BATCH)
    generator, discriminator = networks()
    g_optimizer, d_optimizer = keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)

    @tf.function
    def step(real):
        noise = tf.random.normal([BATCH, 100])
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake = generator(noise, training=True)
            real_output = discriminator(real, training=True)
            fake_output = discriminator(fake, training=True)
            g_loss = loss(tf.ones_like(fake_output), fake_output)
            d_loss = loss(tf.ones_like(real_output), real_output)
            d_loss += loss(tf.zeros_like(fake_output), fake_output)
        for tape, value, network, optimizer in (
            (g_tape, g_loss, generator, g_optimizer),
            (d_tape, d_loss, discriminator, d_optimizer),
        ):
            variables = network.trainable_variables
            optimizer.apply(tape.gradient(value, variables), variables)

    for network, optimizer in ((generator, g_optimizer), (discriminator, d_optimizer)):
        optimizer.build(network.trainable_variables)

    def sample():
        noise = np.random.default_rng(0).normal(size=(COUNT, 100)).astype("float32")
        return generator.predict(noise, batch_size=500, verbose=0) / 2 + 0.5

    while True:
        for batch in data:
            step(batch)
            if not clock.tick(sample):
                return


def networks() -> tuple[keras.Model, keras.Model]:
    """Generator and discriminator."""

    def upward(filters: int, stride: int, **options):
        return layers.Conv2DTranspose(
            filters, 5, stride, padding="same", use_bias=False, **options
        )

    generator = keras.Sequential(
        [
            keras.Input((100,)),
            layers.Dense(7 * 7 * 256, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Reshape((7, 7, 256)),
            upward(128, 1),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            upward(64, 2),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            upward(1, 2, activation="tanh"),
        ]
    )
    discriminator = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(64, 5, 2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Conv2D(128, 5, 2, padding="same"),
            layers.LeakyReLU(),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    return generator, discriminator


main()
