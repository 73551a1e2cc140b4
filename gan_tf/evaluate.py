"""Scores a run, or anyone's samples: `python -m gan_tf.evaluate --run_dir R`."""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gan_tf import cli
from gan_tf.environment import quiet_tensorflow
from gan_tf.errors import UserError
from gan_tf.files import check_writable

if TYPE_CHECKING:
    import numpy as np

    from gan_tf.evaluation.scores import RealImages

_DESCRIPTION = """
Score 10000 samples with the frozen judge that comes with the package, beside what real
MNIST scores. The class shares and the Frechet distance need nothing else; the other
figures compare with MNIST's images, looked for as gan_tf.train does.
"""


def parser() -> cli.Parser:
    """The command's flags."""
    flags = cli.Parser(prog="python -m gan_tf.evaluate", description=_DESCRIPTION)
    cli.add_run_flags(flags)
    flags.add_argument(
        "--samples",
        type=cli.path,
        metavar="FILE",
        help="an npz with uint8 images [10000, 28, 28], instead of a run",
    )
    flags.add_argument(
        "--all", action="store_true", help="score every checkpoint that the run keeps"
    )
    flags.add_argument("--data_dir", default="", metavar="DIR", help="where MNIST lies")
    flags.add_argument(
        "--out",
        type=cli.path,
        metavar="DIR",
        help="where evaluation.json and evaluation.png go (default: the run "
        "directory, or that of the samples)",
    )
    flags.add_argument(
        "--json", action="store_true", help="print the figures as JSON, not as a table"
    )
    return flags


def main(values: argparse.Namespace) -> None:
    """Scores as the flags say."""
    with quiet_tensorflow():
        from gan_tf.evaluation import classifier, domain, scores
        from gan_tf.files import write_atomically, write_json
        from gan_tf.training import log
    home = Path() if values.pretrained else Path(values.run_dir)
    home = values.samples.parent if values.samples else home
    out = values.out or home
    check_writable(out, "--out")
    judge = classifier.load_classifier()
    sets = _samples(values) if values.samples else _run_samples(values)
    first = next(sets)  # what is wrong with it is told before the work
    real = _real_images(values.data_dir)
    results, warnings = {}, {}
    for name, images in itertools.chain([first], sets if values.all else ()):
        share = domain.in_domain_share(images)
        name = domain.labelled(name, share)
        warnings[name] = domain.warning(name, share)
        with scores.progress(name, 5 if real else 1) as tell:
            figures = scores.evaluate(images, judge, real, tell)
        results[name] = {"in_domain_share": share} | figures

    content = {
        "judge": judge.digest,
        "real": domain.REAL | judge.real_scores,
        "results": results,
        "warnings": [told for told in warnings.values() if told],
    }
    write_json(out / "evaluation.json", content)
    name, told = next(iter(warnings.items()))
    picture = scores.picture(first[1], judge, real, title=told or name)
    write_atomically(out / "evaluation.png", picture)
    if not (values.samples or values.pretrained or values.out):
        log.write_evaluation(Path(values.run_dir), results)
    if values.json:
        print(json.dumps(content, indent=2))
    else:
        print(scores.table(judge, results), *content["warnings"], sep="\n")
        print(f"wrote {out / 'evaluation.json'} and evaluation.png")


def _run_samples(values: argparse.Namespace) -> Iterator[tuple[str, np.ndarray]]:
    """Samples of the run's checkpoints, the newest first, named by their step."""
    from gan_tf.evaluation.scores import COUNT
    from gan_tf.gan.sampling import sample
    from gan_tf.storage import description

    for one in cli.trained(values):
        source = one.content["data"]["name"]
        domain = "" if source == "mnist" else f" of a run on {source}, not MNIST"
        if description.image_shape(one.content) != (28, 28):
            raise UserError(
                f"{one.name} makes images of another size than MNIST's 28x28, and only "
                "those can be scored"
            )
        yield f"step {one.step}{domain}", sample(one.generator, values.seed, COUNT)


def _samples(values: argparse.Namespace) -> Iterator[tuple[str, np.ndarray]]:
    """The images of an npz or npy file, or of a folder of PNG files."""
    from gan_tf.data.files import read_samples
    from gan_tf.evaluation.scores import COUNT

    if values.all:
        raise UserError("--all is for the checkpoints of a run; --samples is one set")
    path = values.samples
    images = read_samples(path)
    if images.ndim != 3 or images.shape[1:] != (28, 28) or len(images) < COUNT:
        raise UserError(
            f"{path} holds images of shape {list(images.shape)}; needed are at least "
            f"{COUNT} of 28x28, because the Frechet distance depends on their number"
        )
    yield path.name, images[:COUNT]


def _real_images(data_dir: str) -> RealImages | None:
    """MNIST, if it can be had; its absence costs some figures and no more."""
    import warnings

    from gan_tf.data import sources
    from gan_tf.evaluation.scores import RealImages

    try:
        dataset = "auto" if data_dir else "mnist"
        splits = [sources.load(dataset, data_dir, split) for split in ("train", "test")]
    except UserError as error:
        if data_dir:
            raise
        warnings.warn(f"only the figures that need no image: {error}", stacklevel=2)
        return None
    if any(split.name != "mnist" for split in splits):
        raise UserError(f"--data_dir {data_dir} is not MNIST, which the judge knows")
    return RealImages(*(split.images for split in splits))


if __name__ == "__main__":
    cli.run(parser(), main)
