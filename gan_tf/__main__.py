"""`python -m gan_tf`: lists the commands, or runs the one that is named."""

from __future__ import annotations

import importlib
import sys

import gan_tf
from gan_tf import cli
from gan_tf.environment import open_streams

COMMANDS = {
    "train": "train a GAN, or continue a run",
    "generate": "generate images with a trained run",
    "evaluate": "score a trained run, or a set of images",
    "export": "write a trained generator for another runtime",
    "report": "show a run, or compare several, in one HTML file",
}


def main(arguments: list[str]) -> int:
    """Runs `arguments[0]` with the rest; without arguments prints what there is."""
    open_streams()
    name, *rest = arguments or ["--help"]
    if name in COMMANDS:
        module = importlib.import_module(f"gan_tf.{name}")
        sys.argv = [name, *rest]
        cli.run(module.parser(), module.main)
    elif name in ("--help", "-h"):
        print("The small GAN in TensorFlow 2. Commands, each with its own --help:\n")
        for command, text in COMMANDS.items():
            print(f"  python -m gan_tf.{command:<10}{text}")
    elif name == "--version":
        print(f"gan_tf {gan_tf.__version__}")
    else:
        known = ", ".join(COMMANDS)
        print(
            f"python -m gan_tf: error: no command {name!r}; there are {known}",
            file=sys.stderr,
        )
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
