"""Trains the classifier of `gan_tf.evaluation.classifier` on MNIST; deterministic.

    python benchmarks/train_classifier.py --data_dir DIR --out NPZ
    python benchmarks/train_classifier.py --data_dir DIR --update OLD --out NPZ

Shifted, turned and zoomed digits, a cosine learning rate, and a moving average of the
weights; then the weights are rounded to float16, and accuracy and statistics are those
of the rounded ones. Prints the file's SHA-256, which
`gan_tf/evaluation/classifier.py` must name. Takes minutes on two cores. `--update`
trains nothing and adds the scores of real data that a file lacks.
"""

import argparse
import hashlib
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from gan_tf.data import sources
from gan_tf.evaluation.classifier import (
    Classifier,
    build_classifier,
    classify,
    load_classifier,
)
from gan_tf.evaluation.metrics import gaussian
from gan_tf.evaluation.scores import RealImages, real_scores

BATCH = 128
# Scores whose definition changed since files were made: `--update` replaces them.
REDEFINED = ("kernel_distance",)


def main() -> None:
    """Trains, rounds, measures, writes."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--data_dir", default="")
    flags.add_argument("--seed", type=int, default=0)
    flags.add_argument("--epochs", type=int, default=10)
    flags.add_argument(
        "--update",
        type=Path,
        metavar="NPZ",
        help="keep the weights and scores of this file, add the scores it lacks",
    )
    flags.add_argument("--out", required=True)
    values = flags.parse_args()

    training = sources.load("mnist", values.data_dir)
    test = sources.load("mnist", values.data_dir, "test")
    if values.update:
        update(values.out, values.update, training, test)
        return
    keras.utils.set_random_seed(values.seed)
    tf.config.experimental.enable_op_determinism()
    begun = time.monotonic()
    model = trained(training, test, values.seed, values.epochs)
    model.set_weights([w.astype(np.float16) for w in model.get_weights()])
    write(values.out, model, training, test)
    print(f"{time.monotonic() - begun:.0f} s in all")


def trained(training, test, seed: int, epochs: int) -> keras.Model:
    """The classifier after `epochs` passes over the training images."""
    model = build_classifier(seed)
    steps = epochs * (len(training.images) // BATCH)
    optimizer = keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            1e-4, steps, warmup_target=3e-3, warmup_steps=steps // 10
        ),
        weight_decay=1e-4,
        use_ema=True,
        ema_momentum=0.998,
    )
    model.compile(
        optimizer,
        loss=[None, keras.losses.SparseCategoricalCrossentropy(from_logits=True)],
        metrics=[None, "accuracy"],
    )
    images = tf.cast(training.images[..., None], tf.float32) / 255.0
    batches = (
        tf.data.Dataset.from_tensor_slices((images, training.labels))
        .shuffle(len(images), seed=seed)
        .batch(BATCH, drop_remainder=True)
    )
    disturb = keras.Sequential(
        [
            keras.layers.RandomRotation(0.03, "constant", seed=seed),
            keras.layers.RandomTranslation(0.08, 0.08, "constant", seed=seed + 1),
            keras.layers.RandomZoom(0.1, fill_mode="constant", seed=seed + 2),
        ]
    )
    batches = batches.map(lambda x, y: (disturb(x, training=True), y)).prefetch(2)
    for epoch in range(epochs):
        history = model.fit(batches, verbose=0).history
        _, labels = classify(Classifier(model, None, {}, ""), test.images)
        print(
            f"epoch {epoch + 1}, loss {history['loss'][0]:.4f}, "
            f"test accuracy {np.mean(labels == test.labels):.4f} (not averaged)",
            flush=True,
        )
    optimizer.finalize_variable_values(model.trainable_variables)
    return model


def write(path: str, model: keras.Model, training, test) -> None:
    """Writes weights and the scores of real data; prints the classifier's accuracy."""
    features, labels = classify(Classifier(model, None, {}, ""), test.images)
    classifier = Classifier(model, gaussian(features), {}, "")
    scores = real_scores(classifier, real_images(training, test))
    weights = {
        f"weight_{number:02d}": weight.astype(np.float16)
        for number, weight in enumerate(model.get_weights())
    }
    print(f"test accuracy {np.mean(labels == test.labels):.4f} as stored (float16)")
    save(
        path,
        {
            "real_mean": classifier.real.mean,
            "real_covariance": classifier.real.covariance,
            **{f"floor_{name}": value for name, value in scores.items()},
            **weights,
        },
    )


def update(path: str, old: Path, training, test) -> None:
    """Adds the scores that a file lacks or has by an older definition, no more."""
    with np.load(old, allow_pickle=False) as file:
        arrays = dict(file)
    scores = real_scores(load_classifier(old, ""), real_images(training, test))
    for name, value in scores.items():
        if f"floor_{name}" not in arrays or name in REDEFINED:
            arrays[f"floor_{name}"] = np.array(value)
    save(path, arrays)


def real_images(training, test) -> RealImages:
    """Both splits as the scores take them."""
    return RealImages(training.images, test.images, training.labels, test.labels)


def save(path: str, arrays: dict) -> None:
    """Writes the file; prints the scores of real data and its SHA-256."""
    np.savez_compressed(path, **arrays)
    content = Path(path).read_bytes()
    for name, value in arrays.items():
        if name.startswith("floor_"):
            print(f"{name.removeprefix('floor_')} {value:.4f}")
    print(f"{path}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
