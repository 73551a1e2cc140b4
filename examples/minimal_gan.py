"""The whole GAN on one page: Goodfellow et al. 2014 on MNIST, nothing hidden.

    python examples/minimal_gan.py --images train-images-idx3-ubyte.gz --steps 30000

The tutorial's networks, batch size and optimizer with its losses corrected, and an R1
penalty (Mescheder et al. 2018), without which all samples soon become the same digit.
Without --images it downloads MNIST through keras. Needs tensorflow and matplotlib only.
"""

import argparse
import gzip

import keras
import matplotlib.image
import numpy as np
import tensorflow as tf

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--images", help="MNIST's train-images-idx3-ubyte.gz")
parser.add_argument("--steps", type=int, default=30000)
parser.add_argument("--out", default="minimal_gan.png")
args = parser.parse_args()

LATENT, BATCH, R1_WEIGHT = 100, 128, 1.0

if args.images:
    with gzip.open(args.images) as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)
else:
    pixels = keras.datasets.mnist.load_data()[0][0].reshape(-1, 784)

batches = (
    tf.data.Dataset.from_tensor_slices(pixels)
    .shuffle(len(pixels))
    .repeat()
    .batch(BATCH, drop_remainder=True)
    .map(lambda batch: tf.cast(batch, tf.float32) / 255.0)
    .prefetch(2)
)


def dense(*units, output):
    """Dense relu layers; the last one has the `output` activation."""
    layers = [keras.layers.Dense(size, "relu") for size in units[1:-1]]
    return keras.Sequential(
        [keras.Input((units[0],)), *layers, keras.layers.Dense(units[-1], output)]
    )


generator = dense(LATENT, 256, 512, 784, output="sigmoid")
discriminator = dense(784, 512, 256, 1, output=None)  # gives logits
generator_optimizer = keras.optimizers.Adam(1e-3, beta_1=0.5)
discriminator_optimizer = keras.optimizers.Adam(1e-3, beta_1=0.5)
cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)


@tf.function(jit_compile=True)
def train_step(real):
    """Algorithm 1: D learns to tell real from fake, G learns to be taken as real."""
    fake = generator(tf.random.normal([BATCH, LATENT]))
    with tf.GradientTape() as tape:
        with tf.GradientTape() as input_tape:
            input_tape.watch(real)
            real_logits = discriminator(real)
        slope = input_tape.gradient(real_logits, real)
        r1 = tf.reduce_mean(tf.reduce_sum(slope**2, axis=1))
        fake_logits = discriminator(fake)
        d_loss = cross_entropy(tf.ones_like(real_logits), real_logits)
        d_loss += cross_entropy(tf.zeros_like(fake_logits), fake_logits)
        objective = d_loss + R1_WEIGHT / 2 * r1
    variables = discriminator.trainable_variables
    discriminator_optimizer.apply(tape.gradient(objective, variables), variables)

    with tf.GradientTape() as tape:
        fake_logits = discriminator(generator(tf.random.normal([BATCH, LATENT])))
        g_loss = cross_entropy(tf.ones_like(fake_logits), fake_logits)
    variables = generator.trainable_variables
    generator_optimizer.apply(tape.gradient(g_loss, variables), variables)
    return d_loss, g_loss


for step, real in enumerate(batches.take(args.steps), start=1):
    d_loss, g_loss = train_step(real)
    if step % 1000 == 0 or step == args.steps:
        print(f"step {step}, d_loss {d_loss:.3f}, g_loss {g_loss:.3f}")

samples = generator(tf.random.normal([64, LATENT])).numpy().reshape(8, 8, 28, 28)
picture = samples.transpose(0, 2, 1, 3).reshape(8 * 28, 8 * 28)
matplotlib.image.imsave(args.out, picture, cmap="gray", vmin=0, vmax=1)
print(f"wrote {args.out}")
