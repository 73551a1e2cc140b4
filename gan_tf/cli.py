"""What all commands share: flags made from `Config`, errors in one sentence."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import difflib
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from absl import app, flags, logging
from absl.flags import argparse_flags

from gan_tf.config import OPTION_TYPES, RECIPES, Config, as_text
from gan_tf.errors import UserError


class Parser(argparse_flags.ArgumentParser):
    """An argument parser whose errors are one sentence and name the likely flag."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            allow_abbrev=False,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
            inherited_absl_flags=None,  # --help shows our flags only
            **settings,
        )

    def parse_args(self, args: Any = None, namespace: Any = None) -> argparse.Namespace:
        """Parses all of `args`, or tells which one is unknown and exits with 2."""
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
    """Adds one flag for every field of `Config`; ungiven ones leave no value."""
    for field in dataclasses.fields(Config):
        choices = field.metadata.get("choices")
        kind = OPTION_TYPES[field.name]
        parser.add_argument(
            f"--{field.name}",
            type=_READERS.get(kind, kind),
            choices=choices,
            metavar=None if choices else _METAVARS.get(kind, "TEXT"),
            default=argparse.SUPPRESS,
            help=f"{field.metadata['help']} (default: {as_text(field.default)})",
        )
    parser.add_argument(
        "--recipe",
        choices=tuple(RECIPES),
        default="default",
        help="the options to start from; document: the tutorial's own, only with its "
        f"losses corrected ({_recipe_text('document')})",
    )


def config_from(values: argparse.Namespace) -> Config:
    """The recipe with the given flags on top."""
    names = {field.name for field in dataclasses.fields(Config)}
    given = {name: value for name, value in vars(values).items() if name in names}
    return Config.recipe(values.recipe, **given)


def count(text: str) -> int:
    """Reads a whole number from 1."""
    return _bounded(text, 1)


def seed(text: str) -> int:
    """Reads a whole number from 0, in 31 bits."""
    return _bounded(text, 0)


def run(parser: Parser, main: Callable[[argparse.Namespace], None]) -> None:
    """Runs a command under absl; a `UserError` becomes one sentence and exit code 2."""
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"

    def parse(argv: list[str]) -> argparse.Namespace:
        flags.FLAGS.mark_as_parsed()
        return parser.parse_args(argv[1:])

    app.run(lambda values: exit_code(parser.prog, main, values), flags_parser=parse)


def exit_code(
    name: str, main: Callable[[argparse.Namespace], None], values: argparse.Namespace
) -> int:
    """Runs `main(values)`; tells what went wrong in one sentence on standard error."""
    logging.set_verbosity(logging.WARNING)
    try:
        main(values)
    except UserError as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interruption:
        reason = str(interruption) or "stopped; what was saved is kept"
        print(f"{name}: {reason}", file=sys.stderr)
        return 128 + signal.SIGINT
    except BrokenPipeError:  # the reader of our output, `head` say, has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


@contextlib.contextmanager
def quiet_tensorflow() -> Iterator[None]:
    """Hides what TensorFlow's libraries print while they load; shows it on failure.

    They print about oneDNN and missing GPU drivers before any log level can stop
    them. Set TF_CPP_MIN_LOG_LEVEL to see everything.
    """
    try:
        tempfile.gettempdir()
    except OSError:  # TensorFlow is not even imported then
        raise UserError(
            "no folder for temporary files can be written, and TensorFlow needs one; "
            "set TMPDIR to one, such as export TMPDIR=/a/folder/that/can/be/written"
        ) from None
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
    sys.stderr.flush()
    with tempfile.TemporaryFile() as hidden:
        stderr = os.dup(2)
        os.dup2(hidden.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.get_visible_devices()
            yield
        except BaseException:
            hidden.seek(0)
            os.write(stderr, hidden.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _recipe_text(name: str) -> str:
    return ", ".join(f"{key} {as_text(value)}" for key, value in RECIPES[name].items())


def _bounded(text: str, least: int) -> int:
    if not (text.isdecimal() and least <= int(text) < 2**31):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least}")
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


_READERS = {bool: _read_bool, tuple[int, ...]: _read_integers}
_METAVARS = {int: "N", float: "X", bool: "true|false", tuple[int, ...]: "N,N"}
