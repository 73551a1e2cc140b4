"""What a report says of a run: read from its directory, ready for the template."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import keras

from gan_tf.config import Config, as_text
from gan_tf.errors import UserError
from gan_tf.evaluation import domain, scores
from gan_tf.evaluation.label_scores import REPORT as OF_LABELS
from gan_tf.gan.losses import OBJECTIVES
from gan_tf.pages.network import page_data
from gan_tf.pages.pictures import picture
from gan_tf.storage import checkpoints, description
from gan_tf.storage.checkpoints import Trained
from gan_tf.storage.curves import read_curves
from gan_tf.storage.evaluations import picture_path, read_evaluation


def run_content(
    source: Path | Trained, live: bool, generator: keras.Model | None = None
) -> dict[str, Any]:
    """All that the page says of a run, except its charts and sample grids.

    Args:
        source: a run directory, or a generator without one.
        live: whether the page shows the generator itself.
        generator: the generator of the run directory, if it is at hand.

    Raises:
        UserError: there is no run, or its description cannot be read.
    """
    evaluation = None
    if isinstance(source, Trained):
        name, generator = source.name.removeprefix("--"), source.generator
        config, content, step = source.config, source.content, source.step
        flag, curves = source.name.replace(" ", "="), {}
    else:
        name, flag = str(source), f"--run_dir={source}"
        config, content = description.read_run(source)
        curves, evaluation = read_curves(source), read_evaluation(source)
        step = max([0, *(steps[-1] for steps, _ in curves.values())])
    network, why_not = None, ""
    if live:
        try:
            if generator is None and isinstance(source, Path):
                generator = checkpoints.load_generator(source)
            network = page_data(generator, description.image_shape(content))
        except (UserError, ValueError) as error:
            why_not = str(error)
    return {
        "name": name,
        "summary": _summary(config, content, step),
        "options": {name: as_text(value) for name, value in config.to_dict().items()},
        "objective": OBJECTIVES[config.objective],
        "curves": curves,
        "frames": [],
        "network": network,
        "why_not": why_not,
        "evaluation": evaluation,
        "picture": evaluation and picture(picture_path(Path(name)), 1600),
        "commands": _commands(flag, config, content["data"]["name"]),
    }


def metrics_table(columns: list[dict[str, float]]) -> list[list[str]]:
    """One row for each metric: its name, its meaning, its value in each column."""
    meanings = domain.METRIC | scores.REPORT | OF_LABELS
    return [
        [
            name,
            meanings.get(name, ""),
            *(f"{column[name]:.4g}" if name in column else "-" for column in columns),
        ]
        for name in dict.fromkeys(name for column in columns for name in column)
    ]


def _summary(config: Config, content: dict[str, Any], step: int) -> list[str]:
    """The run in one line."""
    recipe = config.nearest_recipe()
    differences = Config.recipe(recipe).differences(config)
    shaping = [difference.split(":")[0] for difference in differences]
    changes = [f"{name} {as_text(getattr(config, name))}" for name in shaping]
    versions = content.get("versions", {})
    return [
        content["data"]["name"],
        ", ".join([f"recipe {recipe}", *changes]),
        f"{step} of {config.epochs} steps",
        f"seed {config.seed}",
        *(f"{package} {version}" for package, version in versions.items()),
    ]


def _commands(flag: str, config: Config, data: str) -> dict[str, str]:
    """What one does next, as commands for a shell, by what they do.

    Args:
        flag: what names the run or the pretrained generator.
        data: the name of the data.
    """
    run = shlex.quote(flag)
    commands = {
        "generate images": f"generate {run} --num=64 --out=grid.png",
        "export the generator": f"export {run} --format=onnx --out=generator.onnx",
        "make this page again": f"report {run}",
    }
    if data == "mnist":
        commands["score it"] = f"evaluate {run}"
    if flag.startswith("--run_dir"):
        recipe = config.nearest_recipe()
        defaults = Config.recipe(recipe).to_dict()
        options = config.to_dict() | {"epochs": 2 * config.epochs}
        given = [f"--{n}={as_text(v)}" for n, v in options.items() if v != defaults[n]]
        given += [f"--recipe={recipe}"] if recipe != "default" else []
        commands["continue to twice the steps"] = f"train {run} {shlex.join(given)}"
    return {what: f"python -m gan_tf.{command}" for what, command in commands.items()}
