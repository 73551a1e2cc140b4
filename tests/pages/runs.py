"""Small runs without training: their descriptions, networks, curves and pictures."""

import dataclasses

import numpy as np

from gan_tf import images
from gan_tf.config import Config
from gan_tf.data.image_set import image_set
from gan_tf.evaluation import monitor
from gan_tf.files import write_json
from gan_tf.gan.models import build_generator
from gan_tf.storage import description
from gan_tf.storage.curves import CurveWriter
from gan_tf.storage.run_directory import sample_grid_path
from tests.conftest import TINY


@dataclasses.dataclass
class Run:
    path: object
    generator: object
    shape: tuple


def make_run(path, shape=(28, 28), classes=None, units=(64, 128), name="letters"):
    """A run directory of 40 steps, with a random generator of strong contrast."""
    random = np.random.default_rng(0)
    real = random.integers(0, 255, (20, *shape), np.uint8)
    labels = None if classes is None else np.arange(20) % classes
    config = Config(**TINY, epochs=40, conditional=classes is not None)
    path.mkdir(parents=True)
    description.open_run(path, config, image_set(real, labels, name))
    pixels = int(np.prod(shape))
    generator = build_generator(20, units, pixels, seed=3, classes=classes)
    generator.set_weights([2.5 * weights for weights in generator.get_weights()])
    names = ("d_loss", "g_loss", "d_real", "d_fake", *monitor.METRICS)
    with CurveWriter(path, names, 0) as curves:
        for step in range(0, 41, 10):
            write_step(path, curves, names, step, random, shape)
    values = {"precision": 0.5, "recall": 0.25}
    found = {"real": {"precision": 0.9, "recall": 0.8}, "results": {"step 40": values}}
    write_json(path / "evaluation.json", found | {"warnings": []})
    images.write_png(path / "evaluation.png", np.zeros((60, 156), np.uint8))
    return Run(path, generator, shape)


def write_step(path, curves, names, step, random, shape):
    values = dict.fromkeys(names, 0.1) | {"d_loss": 1.5 - step / 100, "g_loss": 0.7}
    curves.write(step, values | {monitor.DISTANCE: 100.0 / (1 + step)})
    noise = random.integers(0, 255, (4, *shape), np.uint8)
    images.write_png(sample_grid_path(path, step), images.grid(noise))
