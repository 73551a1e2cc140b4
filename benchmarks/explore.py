"""One run of the exploration behind the default recipe: any option, any value.

    python benchmarks/explore.py --data_dir DIR --judge judge1.npz beta_1=0.5

Trains the package's networks with the options of `DEFAULTS`, many of which the package
itself does not have because they did not help, and appends one line to
`exploration.jsonl`: the Frechet distance of 10000 samples under the judge named, which
should not be the one that the results are reported by (`train_classifier.py --seed 1`).
`--table` prints all lines so far, the best first.
"""

import argparse
import json
import math
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from gan_tf import build_discriminator, build_generator
from gan_tf.data import sources
from gan_tf.data.stream import stream
from gan_tf.evaluation import metrics
from gan_tf.evaluation.classifier import classify, load_classifier
from gan_tf.gan import losses
from gan_tf.gan.noise import SAMPLING, TRAINING, latent
from gan_tf.images import to_pixels, to_unit

RESULTS = Path(__file__).with_name("exploration.jsonl")
BATCH, CHUNK, LATENT = 128, 50, 100
DEFAULTS = {
    "steps": 10000,
    "seed": 100,
    "learning_rate": 2e-3,
    "rate_ratio": 2.0,
    "decay": 0.0,  # last share of the run in which the rates fall to 0.1; 1: to 0
    "cosine": 0.0,  # share that the rates fall to on a cosine; 0: they do not
    "beta_1": 0.0,
    "beta_2": 0.999,
    "r1_weight": 0.3,
    "r1_every": 4,
    "r2_weight": 0.0,  # the same penalty on generated images
    "top": 1.0,  # share of a batch, the best by D, that G learns from
    "activation": "sigmoid",
    "bias": 0,  # 1: the output starts at the mean image
    "noise": "normal",  # or uniform, signs, half_signs, choice10: see `latents`
    "spread": 1.0,  # the noise's standard deviation
    "smoothing": 1.0,  # the label of real images (one-sided)
    "dropout": 0.0,  # in D's hidden layers
    "init": "glorot_uniform",
    "blur": 0.0,  # deviation of noise on all that D sees
    "shift": 0,  # pixels by which all that D sees is moved at random
    "width_g": 1.0,  # times the document's hidden units, to see what they limit
    "width_d": 1.0,
    "average": "t2",  # step t weighs t^2; or a decay such as 0.999
}


def main() -> None:
    """Runs one setting, or prints the table."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--data_dir", default="")
    flags.add_argument("--judge", help="default: the one shipped")
    flags.add_argument("--samples", metavar="NPZ", help="keep the samples there")
    flags.add_argument("--table", action="store_true")
    flags.add_argument("options", nargs="*", metavar="name=value")
    values = flags.parse_args()
    if values.table:
        print(table())
        return
    changes = dict(option.split("=") for option in values.options)
    unknown = changes.keys() - DEFAULTS.keys()
    if unknown:
        flags.error(f"no option {', '.join(unknown)}; there are {', '.join(DEFAULTS)}")
    options = {
        name: type(value)(changes.get(name, value)) for name, value in DEFAULTS.items()
    }
    generator = trained(options, sources.load("mnist", values.data_dir).images)
    images = drawn(generator, options)
    if values.samples:
        np.savez_compressed(values.samples, images=images)
    judge = (
        load_classifier(Path(values.judge), "") if values.judge else load_classifier()
    )
    features, labels = classify(judge, images)
    shares = metrics.class_shares(labels)
    result = {
        "options": options,
        "frechet_distance": metrics.frechet_distance(
            metrics.gaussian(features), judge.real
        ),
        "class_shares": [float(shares.min()), float(shares.max())],
        "judge": judge.digest[:8],
    }
    line = json.dumps(result)
    print(line)
    with RESULTS.open("a") as file:
        file.write(line + "\n")


def table() -> str:
    """Every run so far as a Markdown table."""
    results = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    results.sort(key=lambda r: r["frechet_distance"])
    rows = ["| options | Frechet distance | class shares |", "| --- | --- | --- |"]
    for result in results:
        told = ", ".join(
            f"{name} {value}"
            for name, value in result["options"].items()
            if value != DEFAULTS[name]
        )
        least, most = result["class_shares"]
        rows.append(
            f"| {told or 'as above'} | {result['frechet_distance']:.2f} | "
            f"{least:.3f} to {most:.3f} |"
        )
    return "\n".join(rows)


def trained(options: dict, images: np.ndarray) -> keras.Model:
    """The averaged generator after `options["steps"]` steps."""
    seed, steps = options["seed"], options["steps"]
    g_units, d_units = (
        [int(options[width] * size) for size in sizes]
        for width, sizes in (("width_g", (256, 512)), ("width_d", (512, 256)))
    )
    generator = build_generator(
        units=g_units, output_activation=options["activation"], seed=2 * seed
    )
    discriminator = build_discriminator(d_units, seed=2 * seed + 1)
    for network in (generator, discriminator):
        start(network, options)
    if options["bias"]:
        mean = np.clip(images.reshape(-1, 784).mean(axis=0) / 255, 1e-3, 1 - 1e-3)
        sigmoid = options["activation"] == "sigmoid"
        generator.layers[-1].bias.assign(np.log(mean / (1 - mean)) if sigmoid else mean)
    average = keras.models.clone_model(generator)
    average.set_weights(generator.get_weights())
    rates = {
        generator: options["rate_ratio"] * options["learning_rate"],
        discriminator: options["learning_rate"],
    }
    optimizers = {}
    for network, rate in rates.items():
        adam = keras.optimizers.Adam(rate, options["beta_1"], options["beta_2"])
        adam.build(network.trainable_variables)
        optimizers[network] = adam
    step = tf.Variable(0, dtype=tf.int64)

    def descend(tape, loss, network):
        variables = network.trainable_variables
        optimizers[network].apply(tape.gradient(loss, variables), variables)

    def seen(x, use):
        """What D sees of a batch."""
        if options["blur"]:
            x += options["blur"] * latent(seed, 10 + use, step, x.shape)
        return shifted(x, options["shift"], step, use) if options["shift"] else x

    def judged(x, use):
        """D's logits, with dropout."""
        if not options["dropout"]:
            return discriminator(x)
        *hidden, last = discriminator.layers
        for number, layer in enumerate(hidden):
            x = layer(x)
            noise = latent(seed, 20 + 10 * use + number, step, x.shape)
            kept = tf.math.erf(noise / math.sqrt(2)) * 0.5 + 0.5 > options["dropout"]
            x = tf.where(kept, x / (1 - options["dropout"]), 0.0)
        return last(x)

    def train_step(real):
        z = latents(seed, TRAINING, step, (2, BATCH, LATENT), options)
        real, fake = seen(real, 1), seen(generator(z[0]), 2)
        with tf.GradientTape() as tape:
            logits = judged(tf.concat([real, fake], axis=0), 1)
            real_logits, fake_logits = logits[:BATCH], logits[BATCH:]
            loss = losses.discriminator_loss(real_logits, fake_logits)
            # softplus(l) - softplus(-l) = l: the label's missing part
            loss += (1 - options["smoothing"]) * tf.reduce_mean(real_logits)
            if options["r1_weight"]:
                loss += tf.cond(
                    step % options["r1_every"] == 0,
                    lambda: (
                        options["r1_weight"]
                        / 2
                        * options["r1_every"]
                        * losses.r1_penalty(discriminator, real)[0]
                    ),
                    lambda: tf.zeros([]),
                )
            if options["r2_weight"]:
                loss += tf.cond(
                    step % options["r1_every"] == 1 % options["r1_every"],
                    lambda: (
                        options["r2_weight"]
                        / 2
                        * options["r1_every"]
                        * losses.r1_penalty(discriminator, fake)[0]
                    ),
                    lambda: tf.zeros([]),
                )
        descend(tape, loss, discriminator)
        with tf.GradientTape() as tape:
            logits = judged(seen(generator(z[1]), 3), 2)
            best = tf.sort(logits[:, 0])[BATCH - round(options["top"] * BATCH) :]
            loss = losses.generator_loss(best if options["top"] < 1 else logits)
        descend(tape, loss, generator)
        t = tf.cast(step, tf.float32)
        if options["average"].startswith("t"):
            keep = (1 + t) / (2 + t + float(options["average"][1:]))
        else:
            keep = tf.minimum(float(options["average"]), (1 + t) / (10 + t))
        for mean, value in zip(
            average.trainable_variables, generator.trainable_variables
        ):
            mean.assign_add((1 - keep) * (value - mean))
        step.assign_add(1)

    @tf.function(jit_compile=True)
    def train_steps(chunk, scale):
        for network, rate in rates.items():
            optimizers[network].learning_rate.assign(scale * rate)
        number = tf.constant(0)
        while number < CHUNK:
            train_step(to_unit(chunk[number]))
            number += 1

    for chunk, _ in stream(images, BATCH, CHUNK, seed):
        done = int(step.numpy()) / steps
        if done >= 1:
            return average
        scale = min(1.0, (1 - done) / options["decay"]) if options["decay"] else 1.0
        if 0 < options["decay"] < 1:
            scale = 0.1 + 0.9 * scale
        if options["cosine"]:
            falling = (1 + math.cos(math.pi * done)) / 2
            scale = options["cosine"] + (1 - options["cosine"]) * falling
        train_steps(chunk, tf.constant(scale, tf.float32))


def start(network: keras.Model, options: dict) -> None:
    """Other initial weights than the package's."""
    if options["init"] == DEFAULTS["init"]:
        return
    for number, layer in enumerate(network.layers):
        draw = keras.initializers.get(
            {
                "class_name": options["init"],
                "config": {"seed": options["seed"] + number},
            }
        )
        layer.kernel.assign(draw(layer.kernel.shape))


def shifted(x: tf.Tensor, most: int, step: tf.Variable, use: int) -> tf.Tensor:
    """Each image moved by its own whole number of pixels, up to `most` each way."""
    count, padding = x.shape[0], ((0, 0), (most, most), (most, most))
    image_seed = tf.stack([tf.constant(use, tf.int64), step])
    by = tf.random.stateless_uniform([count, 2], image_seed, 0, 2 * most + 1, tf.int32)
    rows, columns = (
        tf.one_hot(by[:, axis, None] + tf.range(28), 28 + 2 * most) for axis in (0, 1)
    )
    image = tf.pad(tf.reshape(x, (count, 28, 28)), padding)
    return tf.reshape(tf.einsum("brp,bpq,bsq->brs", rows, image, columns), x.shape)


def latents(seed, stream, index, shape, options) -> tf.Tensor:
    """The generator's noise."""
    z = latent(seed, stream, index, shape)
    if options["noise"] == "uniform":
        z = math.sqrt(3) * tf.math.erf(z / math.sqrt(2))
    elif options["noise"] == "signs":
        z = tf.sign(z)
    elif options["noise"] == "half_signs":
        z = tf.concat([tf.sign(z[..., ::2]), z[..., 1::2]], axis=-1)
    elif options["noise"].startswith("choice"):  # one of so many, and normal numbers
        count = int(options["noise"].removeprefix("choice"))
        chosen = tf.one_hot(tf.argmax(z[..., :count], axis=-1), count)
        z = tf.concat([math.sqrt(count) * chosen, z[..., count:]], axis=-1)
    return options["spread"] * z


def drawn(generator: keras.Model, options: dict) -> np.ndarray:
    """10000 samples, uint8 `[10000, 28, 28]`."""
    batches = [
        generator(latents(5, SAMPLING, number, (250, LATENT), options))
        for number in range(40)
    ]
    return to_pixels(np.concatenate(batches))


if __name__ == "__main__":
    main()
