"""Trains the GAN: `python -m gan_tf.train --epochs 30000`."""

from __future__ import annotations

import argparse
import signal
import sys
import types
from pathlib import Path
from typing import Any

from gan_tf import cli
from gan_tf.environment import quiet_tensorflow
from gan_tf.training import signals

_DESCRIPTION = """
Train a GAN on MNIST (without MNIST: on built-in artificial digits). Everything is kept
in the run directory. The same command again continues the run, a larger --epochs
extends it. Watch it with: tensorboard --logdir runs
"""


def parser() -> cli.Parser:
    """The command's flags."""
    flags = cli.Parser(prog="python -m gan_tf.train", description=_DESCRIPTION)
    flags.add_argument(
        "--run_dir",
        type=cli.path,
        metavar="DIR",
        default=argparse.SUPPRESS,
        help="where the run is kept (default: runs/ and the recipe's name)",
    )
    cli.add_config_flags(flags)
    flags.add_argument(
        "--dry_run",
        action="store_true",
        help="print the configuration and what would happen, and change nothing",
    )
    return flags


def main(values: argparse.Namespace) -> None:
    """Trains as the flags say."""
    from gan_tf.training import program_cache  # not for --help, which answers at once

    config = cli.config_from(values)
    run_dir = getattr(values, "run_dir", Path("runs", values.recipe))
    with (
        signals.kept_from_new_threads(signal.SIGTERM),
        quiet_tensorflow({} if values.dry_run else program_cache.settings(config)),
    ):
        from gan_tf.training import loop, plan
    if values.dry_run:
        print(plan.plan(config, run_dir))
    else:
        loop.train(config, run_dir)


class _CallableModule(types.ModuleType):
    """`gan_tf.train` names this command and the API's function: make both true."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from gan_tf.training.loop import train

        return train(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule

if __name__ == "__main__":
    # Until there is something to save, Ctrl-C ends the program at once, also inside
    # TensorFlow, where Python would hear it seconds later.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    cli.run(parser(), main)
