"""Generates images with a trained run: `python -m gan_tf.generate --run_dir R`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from gan_tf import cli
from gan_tf.environment import quiet_tensorflow
from gan_tf.errors import UserError
from gan_tf.files import check_replaceable, check_writable, usable_path

if TYPE_CHECKING:
    import numpy as np

    from gan_tf.storage.checkpoints import Trained

_DESCRIPTION = """
Generate images with a trained run, or at once with --pretrained mnist. Image i depends
on the run, the seed, i and its label alone: a larger --num adds images and changes
none.
"""
_FRAME_SECONDS = 0.08
_FORMS = (".png", ".npz", ".gif")
_MARK = "gan_tf.generate"  # in every file, which shows that it may be replaced


def parser() -> cli.Parser:
    """The command's flags."""
    flags = cli.Parser(prog="python -m gan_tf.generate", description=_DESCRIPTION)
    cli.add_run_flags(flags)
    flags.add_argument(
        "--num",
        type=cli.count,
        default=64,
        metavar="N",
        help="how many images; with --interpolate how many rows",
    )
    flags.add_argument(
        "--label",
        type=cli.labels,
        metavar="N,N",
        help="class or classes to generate, in turn, for a run with --conditional "
        "(default: all classes in turn)",
    )
    flags.add_argument(
        "--out",
        type=cli.path_text,
        default="samples.png",
        metavar="PATH",
        help="x.png: one grid; x.npz: uint8 array images [N, H, W] (and labels); "
        "x.gif: an animation (with --interpolate); a folder: one PNG per image, in one "
        f"subfolder per class if there are labels; {cli.REPLACES}",
    )
    flags.add_argument(
        "--interpolate",
        nargs="?",
        const="noise",
        choices=("noise", "classes"),
        help="interpolate between neighboring latent vectors (noise, the default), or "
        "through all classes at fixed noise, one row each",
    )
    flags.add_argument(
        "--points",
        type=cli.count,
        default=16,
        metavar="N",
        help="images of one interpolation, both ends included",
    )
    return flags


def main(values: argparse.Namespace) -> None:
    """Generates as the flags say."""
    out, form = _checked_out(values)
    cli.check_source(values)
    with quiet_tensorflow():
        from gan_tf.storage import description
    trained = next(cli.trained(values))
    shape = description.image_shape(trained.content)
    write = _write_interpolations if values.interpolate else _write_images
    try:
        write(trained, shape, values, out, form)
    except MemoryError as error:
        raise UserError(
            f"--num {values.num}: so many images do not fit into memory"
        ) from error
    print(f"wrote {out}")


def _checked_out(values: argparse.Namespace) -> tuple[Path, str]:
    """Where the images go and in which form: an ending, or "" for a folder."""
    text = values.out
    out = usable_path(text)
    folder = out.is_dir() or text.endswith(("/", os.sep))
    form = "" if folder else out.suffix.lower()
    if form not in ("", *_FORMS):
        raise UserError(
            f"--out {out} must end in .png, .npz or .gif, or be a folder: an existing "
            f"one, or {out}/ for a new one"
        )
    if form == ".gif" and not values.interpolate:
        raise UserError(f"--out {out} shows interpolations: add --interpolate")
    if values.interpolate and form not in (".png", ".gif"):
        raise UserError("--interpolate writes x.png or x.gif")
    if values.interpolate == "classes" and values.label is not None:
        raise UserError("--interpolate classes shows all classes: leave out --label")
    check_writable(out if form == "" else out.parent, "--out")
    if form:
        check_replaceable(out, _MARK.encode())
    return out, form


def _labels(trained: Trained, values: argparse.Namespace) -> np.ndarray | None:
    """One label for each image or row; None for a run without labels."""
    import numpy as np

    from gan_tf.gan.models import classes_of, takes_labels
    from gan_tf.gan.sampling import labels_in_turn

    generator = trained.generator
    if values.label is None:
        return labels_in_turn(generator, values.num)
    if not takes_labels(generator):
        raise UserError(
            f"--label: {trained.name} was trained without labels; train a run with "
            "--conditional true, or use --pretrained mnist_conditional"
        )
    classes = classes_of(generator)
    if classes is not None and max(values.label) >= classes:
        raise UserError(f"--label must be below {classes}, the number of classes")
    return np.resize(np.array(values.label, np.int32), values.num)


def _write_images(
    trained: Trained,
    shape: tuple[int, ...],
    values: argparse.Namespace,
    out: Path,
    form: str,
) -> None:
    from gan_tf import images
    from gan_tf.gan.sampling import sample

    labels = _labels(trained, values)
    samples = sample(trained.generator, values.seed, values.num, labels, shape)
    if form == ".png":
        images.write_png(out, images.grid(samples), _MARK)
    elif form == ".npz":
        images.write_npz(out, samples, labels, _MARK)
    else:
        classes = [""] * len(samples) if labels is None else map(str, labels)
        paths = [out / name / f"{i:06d}.png" for i, name in enumerate(classes)]
        for path in paths:
            check_replaceable(path, _MARK.encode())
        for path, image in zip(paths, samples):
            images.write_png(path, image, _MARK)


def _write_interpolations(
    trained: Trained,
    shape: tuple[int, ...],
    values: argparse.Namespace,
    out: Path,
    form: str,
) -> None:
    from gan_tf import images
    from gan_tf.gan.models import one_hot_layer
    from gan_tf.gan.sampling import interpolate, interpolate_classes

    settings = trained.generator, values.seed, values.num, values.points
    if values.interpolate == "noise":
        rows = interpolate(*settings, _labels(trained, values), shape)
    elif one_hot_layer(trained.generator) is None:
        raise UserError(
            f"--interpolate classes: {trained.name} knows no classes, or not as "
            "one-hot labels"
        )
    else:
        rows = interpolate_classes(*settings, shape)
    if form == ".png":
        flat = rows.reshape(-1, *rows.shape[2:])
        images.write_png(out, images.grid(flat, columns=values.points), _MARK)
        return
    frames = [images.enlarged(images.grid(one), 3) for one in rows.swapaxes(0, 1)]
    # There and back again, so that the endless animation does not jump.
    images.write_gif(out, frames + frames[-2:0:-1], _FRAME_SECONDS, _MARK)


if __name__ == "__main__":
    cli.run(parser(), main)
