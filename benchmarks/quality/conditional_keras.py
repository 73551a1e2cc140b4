"""The conditional GAN of Keras's examples: batch 64, Adam 3e-4, `Model.fit`.

Its generator takes 128 normal numbers and the class as one-hot, its discriminator the
class as ten more channels. It trains on training and test images together; here it
gets what the data file has.
"""

import keras
import numpy as np
import tensorflow as tf
from clock import COUNT, Clock
from keras import layers

LATENT, CLASSES = 128, 10


class ConditionalGAN(keras.Model):
    """Both networks and their step."""

    def __init__(self, discriminator, generator) -> None:
        super().__init__()
        self.discriminator, self.generator = discriminator, generator
        self.d_loss = keras.metrics.Mean("d_loss")
        self.g_loss = keras.metrics.Mean("g_loss")

    def compile(self, d_optimizer, g_optimizer, loss) -> None:
        super().compile()
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.loss_fn = loss

    def train_step(self, data):
        images, classes = data
        planes = tf.tile(classes[:, None, None, :], (1, 28, 28, 1))
        size = tf.shape(images)[0]
        noise = tf.concat([tf.random.normal((size, LATENT)), classes], 1)
        fake = tf.concat([self.generator(noise), planes], -1)
        both = tf.concat([fake, tf.concat([images, planes], -1)], 0)
        labels = tf.concat([tf.ones((size, 1)), tf.zeros((size, 1))], 0)
        labels += 0.05 * tf.random.uniform(tf.shape(labels))
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(both))
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights))
        noise = tf.concat([tf.random.normal((size, LATENT)), classes], 1)
        with tf.GradientTape() as tape:
            fake = tf.concat([self.generator(noise), planes], -1)
            g_loss = self.loss_fn(tf.zeros((size, 1)), self.discriminator(fake))
        weights = self.generator.trainable_weights
        self.g_optimizer.apply_gradients(zip(tape.gradient(g_loss, weights), weights))
        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}


def main() -> None:
    """Trains until the time is over."""
    clock = Clock()
    keras.utils.set_random_seed(clock.seed)
    with np.load(clock.data) as file:
        images = file["images"][..., None].astype("float32") / 255
        classes = np.eye(CLASSES, dtype="float32")[file["labels"]]
    data = tf.data.Dataset.from_tensor_slices((images, classes))
    data = data.shuffle(1024).batch(64)
    discriminator, generator = networks()
    gan = ConditionalGAN(discriminator, generator)
    gan.compile(
        keras.optimizers.Adam(3e-4),
        keras.optimizers.Adam(3e-4),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    noise = np.random.default_rng(0).normal(size=(COUNT, LATENT))
    inputs = np.concatenate([noise, np.eye(10)[np.arange(COUNT) % 10]], 1)

    class Sampling(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            def sample():
                return generator.predict(inputs, batch_size=500, verbose=0)

            if not clock.tick(sample):
                self.model.stop_training = True

    gan.fit(data, epochs=1000, callbacks=[Sampling()], verbose=0)


def networks() -> tuple[keras.Model, keras.Model]:
    """Discriminator and generator."""
    discriminator = keras.Sequential(
        [
            keras.Input((28, 28, 1 + CLASSES)),
            layers.Conv2D(64, 3, 2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(128, 3, 2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.GlobalMaxPooling2D(),
            layers.Dense(1),
        ]
    )
    channels = LATENT + CLASSES
    generator = keras.Sequential(
        [
            keras.Input((channels,)),
            layers.Dense(7 * 7 * channels),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Reshape((7, 7, channels)),
            layers.Conv2DTranspose(128, 4, 2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(128, 4, 2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(1, 7, padding="same", activation="sigmoid"),
        ]
    )
    return discriminator, generator


main()
