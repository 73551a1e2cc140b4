"""Draws digits with a trained generator: `python -m gan_tf.generate --run_dir R`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from gan_tf import cli
from gan_tf.errors import UserError

if TYPE_CHECKING:
    import keras
    import numpy as np

_DESCRIPTION = """
Draw images from a trained run. Image i depends on the run, the seed and i alone: a
larger --num adds images and changes none.
"""
_FRAME_SECONDS = 0.08


def parser() -> cli.Parser:
    """The command's flags."""
    flags = cli.Parser(prog="python -m gan_tf.generate", description=_DESCRIPTION)
    flags.add_argument("--run_dir", default="runs/default", help="a trained run")
    flags.add_argument(
        "--num",
        type=cli.count,
        default=64,
        metavar="N",
        help="how many images; with --interpolate how many walks",
    )
    flags.add_argument(
        "--seed", type=cli.seed, default=0, metavar="N", help="source of the noise"
    )
    flags.add_argument(
        "--out",
        default="samples.png",
        help="x.png: one sheet; x.npz: uint8 array images [N, 28, 28]; x.gif: a film "
        "of walks (with --interpolate); a folder: one PNG an image",
    )
    flags.add_argument(
        "--interpolate",
        action="store_true",
        help="draw walks between neighbouring latent vectors, one a row",
    )
    flags.add_argument(
        "--points",
        type=cli.count,
        default=16,
        metavar="N",
        help="images of one walk, both ends included",
    )
    flags.add_argument(
        "--checkpoint",
        choices=("last", "best"),
        default="last",
        help="the newest one, or the one whose samples were judged best in training",
    )
    flags.add_argument(
        "--weights",
        choices=("averaged", "raw"),
        default="averaged",
        help="the generator's moving average, or its last weights; a run without an "
        "average always gives its last weights",
    )
    return flags


def main(values: argparse.Namespace) -> None:
    """Draws as the flags say."""
    out = Path(values.out)
    if out.suffix not in ("", ".png", ".npz", ".gif"):
        raise UserError(f"--out {out} must end in .png, .npz or .gif, or be a folder")
    if out.suffix == ".gif" and not values.interpolate:
        raise UserError("--out x.gif shows walks: add --interpolate")
    if values.interpolate and out.suffix not in (".png", ".gif"):
        raise UserError("--interpolate draws into x.png or x.gif")
    with cli.quiet_tensorflow():
        from gan_tf.storage import checkpoints
    generator = checkpoints.load_generator(
        values.run_dir, values.weights == "averaged", values.checkpoint == "best"
    )
    if values.interpolate:
        _write_walks(generator, values, out)
    else:
        _write_images(generator, values, out)
    print(f"wrote {out}")


def _write_images(
    generator: keras.Model, values: argparse.Namespace, out: Path
) -> None:
    from gan_tf import images
    from gan_tf.gan.sampling import sample

    drawn = sample(generator, values.seed, values.num)
    if out.suffix == ".png":
        images.write_png(out, images.grid(drawn))
    elif out.suffix == ".npz":
        images.write_npz(out, drawn)
    else:
        for number, image in enumerate(drawn):
            images.write_png(out / f"{number:06d}.png", image)


def _write_walks(generator: keras.Model, values: argparse.Namespace, out: Path) -> None:
    from gan_tf import images
    from gan_tf.gan.sampling import interpolate

    walks = interpolate(generator, values.seed, values.num, values.points)
    if out.suffix == ".png":
        sheet = images.grid(_flat(walks), columns=values.points)
        images.write_png(out, sheet)
        return
    frames = [
        images.enlarged(images.grid(moment), 3) for moment in walks.swapaxes(0, 1)
    ]
    # There and back again, so that the endless film does not jump.
    images.write_gif(out, frames + frames[-2:0:-1], _FRAME_SECONDS)


def _flat(walks: np.ndarray) -> np.ndarray:
    return walks.reshape(-1, *walks.shape[2:])


if __name__ == "__main__":
    cli.run(parser(), main)
