"""Scores a run, or anyone's samples: `python -m gan_tf.evaluate --run_dir R`."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gan_tf import cli
from gan_tf.environment import quiet_tensorflow
from gan_tf.errors import UserError
from gan_tf.files import check_writable, exists
from gan_tf.storage.run_directory import evaluation_events_dir

if TYPE_CHECKING:
    import numpy as np

    from gan_tf.evaluation.classifier import Classifier
    from gan_tf.evaluation.origin import Origin
    from gan_tf.evaluation.scores import Evaluation, RealImages

    # Where they come from, uint8 images [N, 28, 28], and labels [N] if they have any.
    Samples = tuple[Origin, np.ndarray, np.ndarray | None]

_DESCRIPTION = """
Score 10000 samples with the frozen classifier that comes with the package, beside the
scores of real MNIST. The class shares, the Frechet distance and the accuracy of labels
need nothing else; the other metrics compare with MNIST's images, which are
found as gan_tf.train finds them.
"""


def parser() -> cli.Parser:
    """The command's flags."""
    flags = cli.Parser(prog="python -m gan_tf.evaluate", description=_DESCRIPTION)
    cli.add_run_flags(flags)
    flags.add_argument(
        "--samples",
        type=cli.path,
        metavar="FILE",
        help="instead of a run: 10000 images of 28x28 as npz (images, and labels if "
        "they were generated for some), npy, or a folder of PNG files; all metrics of "
        "labels need 60000",
    )
    flags.add_argument(
        "--all", action="store_true", help="score every checkpoint that the run keeps"
    )
    flags.add_argument(
        "--data_dir",
        type=cli.optional_text,
        default="none",
        metavar="DIR",
        help="where MNIST lies",
    )
    flags.add_argument(
        "--out",
        type=cli.path,
        metavar="DIR",
        help="where evaluation.json and evaluation.png go (default: the run "
        f"directory, or that of the samples); {cli.REPLACES}, here a score of the same "
        "run or samples",
    )
    flags.add_argument(
        "--json", action="store_true", help="print the metrics as JSON, not as a table"
    )
    return flags


def main(values: argparse.Namespace) -> None:
    """Scores as the flags say."""
    out, scored = _checked_place(values)
    _share_cores()
    with quiet_tensorflow():
        from gan_tf.evaluation import domain
        from gan_tf.evaluation.classifier import load_classifier
        from gan_tf.evaluation.picture import picture
        from gan_tf.evaluation.scores import table
        from gan_tf.files import write_atomically
        from gan_tf.storage import evaluations
    classifier = load_classifier()
    sets = _samples(values) if values.samples else _run_samples(values)
    first = next(sets)  # what is wrong with it is reported before the work
    real = _real_images(values.data_dir)
    evaluated = [
        _evaluated(samples, classifier, real)
        for samples in itertools.chain([first], sets if values.all else ())
    ]
    results = {str(origin): found.metrics for origin, found in evaluated}
    doubts = {
        name: domain.warning(name, found["in_domain_share"])
        for name, found in results.items()
    }
    content = evaluations.write_evaluation(
        out,
        evaluations.Evaluations(
            results=results,
            real=domain.REAL | classifier.real_scores,
            warnings=[doubt for doubt in doubts.values() if doubt],
            weights=None if values.samples else values.weights,
            scored=scored,
            classifier=classifier.digest,
        ),
    )
    name, doubt = next(iter(doubts.items()))
    png = picture(first[1], evaluated[0][1], real, title=doubt or name)
    write_atomically(evaluations.picture_path(out), png)
    if _has_curves(values):
        _write_scalars(Path(values.run_dir), evaluated)
    if values.json:
        print(json.dumps(content, indent=2))
    else:
        print(table(classifier, results), *content["warnings"], sep="\n")
        print(f"wrote {out / 'evaluation.json'} and evaluation.png")


def _checked_place(values: argparse.Namespace) -> tuple[Path, str]:
    """As `_place`; checks what can be checked before TensorFlow is imported."""
    from gan_tf.storage.evaluations import check_evaluation_place

    if not values.samples:
        cli.check_source(values)
    elif values.all or values.pretrained or values.run_dir != cli.DEFAULT_RUN:
        raise UserError(
            "--samples is one set of images, without a run: leave out --run_dir, "
            "--pretrained and --all"
        )
    elif not exists(values.samples):
        raise UserError(f"--samples {values.samples} does not exist")
    out, scored = _place(values)
    check_writable(out, "--out")
    check_evaluation_place(out, scored)
    if _has_curves(values):
        check_writable(evaluation_events_dir(Path(values.run_dir)), "--run_dir")
    return out, scored


def _has_curves(values: argparse.Namespace) -> bool:
    """Whether TensorBoard is to show the metrics beside the run's curves."""
    return not (values.samples or values.pretrained or values.out)


def _share_cores() -> None:
    """Half of the cores for NumPy: `scores.evaluate` keeps two threads busy.

    Before NumPy is imported, and never against what the user has set.
    """
    half = max(1, (os.cpu_count() or 2) // 2)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(half))


def _write_scalars(run_dir: Path, evaluated: list[tuple[Origin, Evaluation]]) -> None:
    """Writes the metrics of a run's checkpoints for TensorBoard."""
    from gan_tf.training import log

    by_step = {origin.step or 0: found.metrics for origin, found in evaluated}
    log.write_evaluation(run_dir, by_step)


def _place(values: argparse.Namespace) -> tuple[Path, str]:
    """Where the evaluation goes, and what it says it is of."""
    from gan_tf.storage.evaluations import OF_THE_RUN

    if values.pretrained:
        return values.out or Path(), f"--pretrained {values.pretrained}"
    if values.samples:
        # The parent of "." is "." again, and the samples are no place for a picture.
        home = values.samples.parent if values.samples.name else Path("..")
        elsewhere = f"--samples {values.samples}"
        here = f"--samples {values.samples.absolute().name}"
    else:
        home, elsewhere = Path(values.run_dir), f"--run_dir {values.run_dir}"
        here = OF_THE_RUN
    out = values.out or home
    return out, here if out == home else elsewhere


def _run_samples(values: argparse.Namespace) -> Iterator[Samples]:
    """Samples of the run's checkpoints, the newest first."""
    from gan_tf.evaluation.origin import Origin
    from gan_tf.evaluation.scores import samples_needed
    from gan_tf.gan.models import classes_of
    from gan_tf.gan.sampling import labels_in_turn, sample
    from gan_tf.storage import description

    for one in cli.trained(values):
        if description.image_shape(one.content) != (28, 28):
            raise UserError(
                f"{one.name} makes images of another size than MNIST's 28x28, and only "
                "those can be scored"
            )
        count = samples_needed(classes_of(one.generator) is not None)
        labels = labels_in_turn(one.generator, count)
        images = sample(one.generator, values.seed, count, labels)
        origin = Origin(values.pretrained or "", one.step, one.content["data"]["name"])
        yield origin, images, labels


def _samples(values: argparse.Namespace) -> Iterator[Samples]:
    """The images and labels of an npz or npy file, or of a folder of PNG files."""
    from gan_tf.data.files import read_samples
    from gan_tf.evaluation.label_scores import order_in_turn, usable_labels
    from gan_tf.evaluation.origin import Origin
    from gan_tf.evaluation.scores import COUNT, samples_needed

    path = values.samples
    images, labels = read_samples(path)
    if images.ndim != 3 or images.shape[1:] != (28, 28) or len(images) < COUNT:
        raise UserError(
            f"{path} holds images of shape {list(images.shape)}; needed are at least "
            f"{COUNT} of 28x28, because the Frechet distance depends on their number"
        )
    if labels is not None and usable_labels(labels) is None:
        labels = None
        warnings.warn(
            f"{path}: its labels are not all digits from 0 to 9; what needs labels is "
            "left out",
            stacklevel=2,
        )
    if labels is not None:  # a folder has one class after another
        order = order_in_turn(labels)
        images, labels = images[order], labels[order]
    needed = samples_needed(labels is not None)
    if len(images) < needed:
        warnings.warn(
            f"{path} has {len(images)} labelled samples; the classification accuracy "
            f"score needs {needed} and is left out",
            stacklevel=2,
        )
    yield (
        Origin(path.absolute().name),
        images[:needed],
        None if labels is None else labels[:needed],
    )


def _evaluated(
    samples: Samples, classifier: Classifier, real: RealImages | None
) -> tuple[Origin, Evaluation]:
    """The samples' metrics, with the share in the domain, which completes the name."""
    from gan_tf.evaluation import domain, scores

    origin, images, labels = samples
    share = domain.in_domain_share(images[: scores.COUNT])
    origin = dataclasses.replace(origin, like_mnist=domain.is_like_mnist(share))
    with scores.progress(str(origin), scores.parts(real, labels)) as report:
        found = scores.evaluate(images, classifier, real, report, labels)
    metrics = {"in_domain_share": share} | found.metrics
    return origin, dataclasses.replace(found, metrics=metrics)


def _real_images(data_dir: str) -> RealImages | None:
    """MNIST, if it can be had; its absence costs some metrics and no more."""
    from gan_tf.data import sources
    from gan_tf.evaluation.scores import RealImages

    try:
        dataset = "auto" if data_dir else "mnist"
        training, test = (
            sources.load(dataset, data_dir, split) for split in ("train", "test")
        )
    except UserError as error:
        if data_dir:
            raise
        warnings.warn(f"only the metrics that need no image: {error}", stacklevel=2)
        return None
    if (training.name, test.name) != ("mnist", "mnist"):
        raise UserError(f"--data_dir {data_dir} is not MNIST, which the scores are for")
    return RealImages(training.images, test.images, training.labels, test.labels)


if __name__ == "__main__":
    cli.run(parser(), main)
