"""Makes a pretrained generator of a finished run, and scores it.

    python -m gan_tf.train --epochs 30000 --data_dir DIR --run_dir R
    python benchmarks/make_pretrained.py --run_dir R --name mnist --data_dir DIR

Writes `gan_tf/weights/NAME.npz` with the averaged weights as float16, prints its
SHA-256, which `gan_tf/weights/__init__.py` must name, and keeps the metrics of 10000
samples in `pretrained.json`: of the run's float32 weights, and of the float16 ones.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from gan_tf.data import sources
from gan_tf.evaluation import scores
from gan_tf.evaluation.classifier import load_classifier
from gan_tf.gan.sampling import labels_in_turn, sample
from gan_tf.storage.checkpoints import trained
from gan_tf.storage.pretrained import to_bytes
from gan_tf.weights import FOLDER, PRETRAINED

RESULTS = Path(__file__).with_name("pretrained.json")


def main() -> None:
    """Does what the flags say."""
    flags = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    flags.add_argument("--run_dir", required=True)
    flags.add_argument("--name", required=True, choices=PRETRAINED)
    flags.add_argument("--data_dir", default="", help="where MNIST lies")
    values = flags.parse_args()
    run = next(trained(values.run_dir))
    content = run.content | {"config": run.content["config"] | {"data_dir": ""}}
    file = to_bytes(run.generator, content)
    (FOLDER / f"{values.name}.npz").write_bytes(file)
    print(f"{values.name}: {hashlib.sha256(file).hexdigest()}, {len(file)} bytes")
    splits = [
        sources.load("mnist", values.data_dir, split).images
        for split in ("train", "test")
    ]
    real = scores.RealImages(*splits)
    found = {"float32": metrics_of(run.generator, real)}
    halves = [w.astype(np.float16) for w in run.generator.get_weights()]
    run.generator.set_weights([w.astype(np.float32) for w in halves])
    found["float16"] = metrics_of(run.generator, real)
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results[values.name] = {"config": content["config"], "metrics": found}
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def metrics_of(generator, real: scores.RealImages) -> dict[str, float]:
    """All metrics of 10000 samples."""
    labels = labels_in_turn(generator, scores.COUNT)
    images = sample(generator, seed=0, count=scores.COUNT, labels=labels)
    return scores.evaluate(images, load_classifier(), real, labels=labels).metrics


if __name__ == "__main__":
    main()
