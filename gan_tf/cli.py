"""What all commands share: flags made from `Config`, errors in one sentence."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import difflib
import errno
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from absl import app, flags, logging

from gan_tf.config import GROUPS, OPTION_TYPES, Config, as_text
from gan_tf.environment import open_streams
from gan_tf.errors import UserError, printable
from gan_tf.files import usable_path
from gan_tf.recipes import MEANINGS, RECIPES
from gan_tf.storage import run_directory
from gan_tf.weights import PRETRAINED

if TYPE_CHECKING:
    from gan_tf.storage.checkpoints import Trained

DEFAULT_RUN = Path("runs/default")  # of the commands that read a run
# The rule of all commands that write, for their help; see `files.check_replaceable`.
REPLACES = "what exists is replaced only by a result of the same kind"


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the default of a flag that has one, unless its own help says it."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        none = action.default is None or action.default is False
        if none or "(default: " in (action.help or ""):
            return action.help
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence and name the likely flag."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            allow_abbrev=False,
            formatter_class=_Help,
            **settings,
        )

    def parse_args(  # type: ignore[override]
        self, args: Any = None, namespace: Any = None
    ) -> argparse.Namespace:
        """Parses all of `args`, or says which one is unknown and exits with 2."""
        values, unknown = self.parse_known_args(args, namespace)
        if unknown:
            flags = [flag for action in self._actions for flag in action.option_strings]
            near = difflib.get_close_matches(unknown[0].split("=")[0], flags, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; see --help"
            self.error(f"unknown argument {unknown[0]}{hint}")
        return values

    def error(self, message: str) -> NoReturn:
        """Prints one sentence on standard error and exits with 2."""
        self.exit(2, f"{self.prog}: error: {message}\n")


def add_config_flags(parser: argparse.ArgumentParser) -> None:
    """Adds one flag for every field of `Config`, in its groups; without values."""
    groups = {name: parser.add_argument_group(name) for name in GROUPS}
    groups["run"].add_argument(
        "--recipe",
        choices=tuple(RECIPES),
        default="default",
        help="the options to start from; " + "; ".join(map(_recipe_text, MEANINGS)),
    )
    for field in dataclasses.fields(Config):
        choices = field.metadata.get("choices")
        kind = OPTION_TYPES[field.name]
        groups[field.metadata["group"]].add_argument(
            f"--{field.name}",
            type=_READERS.get(kind, kind),
            choices=choices,
            metavar=None if choices else _METAVARS.get(kind, "TEXT"),
            default=argparse.SUPPRESS,
            help=f"{field.metadata['help']} (default: {as_text(field.default)})",
        )


def add_source_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that name a trained run or a pretrained generator."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument(
        "--run_dir",
        type=path,
        metavar="DIR",
        default=DEFAULT_RUN,
        help="a trained run",
    )
    source.add_argument(
        "--pretrained",
        choices=tuple(PRETRAINED),
        help="instead of a run: weights that come with the package",
    )


def add_run_flags(parser: argparse.ArgumentParser, noise: bool = True) -> None:
    """Adds the flags that name a trained run, one of its generators and the noise.

    Args:
        noise: whether the command takes `--seed`.
    """
    add_source_flags(parser)
    parser.add_argument(
        "--checkpoint",
        choices=("last", "best"),
        default="last",
        help="the newest one, or the one whose samples scored best in training",
    )
    parser.add_argument(
        "--weights",
        choices=("averaged", "raw"),
        default="averaged",
        help="the generator's moving average, or its last weights; a run without an "
        "average always gives its last weights",
    )
    if noise:
        parser.add_argument(
            "--seed", type=seed, default=0, metavar="N", help="seed of the noise"
        )


def check_source(values: argparse.Namespace) -> None:
    """Checks the flags of `add_run_flags`, before TensorFlow is imported.

    Raises:
        UserError: there is no such run, or no such weights.
    """
    if not values.pretrained:
        run_directory.check_run_there(values.run_dir)
    elif values.weights == "raw" or values.checkpoint == "best":
        raise UserError(
            "--pretrained has one set of weights, the average of the last step: leave "
            "out --weights and --checkpoint"
        )


def trained(values: argparse.Namespace) -> Iterator[Trained]:
    """The generators that the flags of `add_run_flags` name, the newest first."""
    from gan_tf.storage import checkpoints, pretrained

    check_source(values)
    if values.pretrained:
        yield pretrained.pretrained(values.pretrained)
    else:
        averaged, best = values.weights == "averaged", values.checkpoint == "best"
        yield from checkpoints.trained(values.run_dir, averaged, best)


def config_from(values: argparse.Namespace) -> Config:
    """The recipe with the given flags on top."""
    names = {field.name for field in dataclasses.fields(Config)}
    given = {name: value for name, value in vars(values).items() if name in names}
    return Config.recipe(values.recipe, **given)


def path(text: str) -> Path:
    """Reads the path of a file or folder, as every path flag does."""
    try:
        return usable_path(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def path_text(text: str) -> str:
    """Checks a path as `path` does, but keeps it as written, with a / at its end."""
    path(text)
    return text


def count(text: str) -> int:
    """Reads a whole number from 1."""
    return _bounded(text, 1)


def labels(text: str) -> tuple[int, ...]:
    """Reads one or more class numbers, such as 7 or 0,1,2."""
    return tuple(_bounded(item.strip(), 0) for item in text.split(","))


def optional_text(text: str) -> str:
    """Reads a text, and "none" as the empty one."""
    return "" if text == "none" else text  # as `as_text` shows it


def seed(text: str) -> int:
    """Reads a whole number from 0, in 31 bits."""
    return _bounded(text, 0)


def run(parser: Parser, main: Callable[[argparse.Namespace], None]) -> None:
    """Runs a command under absl; a `UserError` becomes one sentence and exit code 2."""
    open_streams()
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"

    def parse(argv: list[str]) -> argparse.Namespace:
        flags.FLAGS.mark_as_parsed()
        return parser.parse_args(argv[1:])

    app.run(lambda values: exit_code(parser.prog, main, values), flags_parser=parse)


def exit_code(
    name: str, main: Callable[[argparse.Namespace], None], values: argparse.Namespace
) -> int:
    """Runs `main(values)`; says what went wrong in one sentence on standard error."""
    logging.set_verbosity(logging.WARNING)
    try:
        _check_current_folder()
        main(values)
        sys.stdout.flush()
    except UserError as error:
        _complain(f"{name}: error: {error}")
        return 2
    except KeyboardInterrupt as interruption:
        reason = str(interruption) or "stopped; what was saved is kept"
        _complain(f"{name}: {reason}")
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader of our output, `head` say, has left
        return 1
    except OSError as error:
        full = error.errno == errno.ENOSPC and not error.filename
        where = "cannot write standard output" if full else error.filename
        reason = error.strerror or str(error)
        reason = f"{where}: {reason}" if where else reason
        _complain(f"{name}: error: {printable(reason)}")
        return 2
    finally:
        _finish_output()
    return 0


def _check_current_folder() -> None:
    try:
        os.getcwd()
    except OSError:
        raise UserError("the current folder is gone: change to another one") from None


def _complain(text: str) -> None:
    """Prints on standard error, if that can be written."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _finish_output() -> None:
    """What standard output does not take goes nowhere; Python would report it."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _recipe_text(name: str) -> str:
    values = [f"{key} {as_text(value)}" for key, value in RECIPES[name].items()]
    return f"{name}: {MEANINGS[name]} ({', '.join(values)})"


def _bounded(text: str, least: int) -> int:
    if not re.fullmatch("[0-9]+", text) or (len(text) < 10 and int(text) < least):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least}")
    if len(text) > 10 or int(text) >= 2**31:
        raise argparse.ArgumentTypeError(f"{printable(text, 50)} is too large a number")
    return int(text)


def _read_bool(text: str) -> bool:
    values = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in values:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return values[text.lower()]


def _read_integers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(item) for item in text.split(",") if item.strip())
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no list of whole numbers such as 256,512"
        ) from None


_READERS = {bool: _read_bool, str: optional_text, tuple[int, ...]: _read_integers}
_METAVARS = {int: "N", float: "X", bool: "true|false", tuple[int, ...]: "N,N"}
