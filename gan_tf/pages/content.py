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
from gan_tf.storage.evaluations import Metrics, picture_path, read_evaluation


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
        "commands": _commands(flag, name, config, content["data"]),
    }


def metrics_table(runs: list[Metrics], real: Metrics) -> list[list[str]]:
    """One row for each metric of a run: name, meaning, values, value of real data."""
    meanings = domain.METRIC | scores.REPORT | OF_LABELS
    return [
        [
            name,
            meanings.get(name, ""),
            *(
                f"{found[name]:.4g}" if name in found else "-"
                for found in [*runs, real]
            ),
        ]
        for name in dict.fromkeys(name for run in runs for name in run)
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


def _commands(
    flag: str, name: str, config: Config, data: dict[str, Any]
) -> dict[str, str]:
    """What one does next, as commands for a shell or Python, by what they do.

    Args:
        flag: what names the run or the pretrained generator.
        name: the run directory.
        data: what the run notes of its data.
    """
    run = shlex.quote(flag)
    commands = {
        "generate images": f"generate {run} --num=64 --out=grid.png",
        "export the generator": f"export {run} --format=onnx --out=generator.onnx",
        "make this page again": f"report {run}",
    }
    is_run = flag.startswith("--run_dir")
    if data["name"] == "mnist":
        there = [f"--data_dir={config.data_dir}"] if is_run and config.data_dir else []
        commands["score it"] = shlex.join(["evaluate", flag, *there])
    commands = {what: f"python -m gan_tf.{end}" for what, end in commands.items()}
    if is_run:
        commands["continue to twice the steps"] = _continue(flag, name, config, data)
    return commands


def _continue(flag: str, name: str, config: Config, data: dict[str, Any]) -> str:
    """The command that trains a run to twice its steps, or the call in Python.

    Only Python can give the images of a run that was trained on a caller's arrays.
    """
    recipe = config.nearest_recipe()
    defaults = Config.recipe(recipe).to_dict()
    options = config.to_dict() | {"epochs": 2 * config.epochs}
    changed = {n: value for n, value in options.items() if value != defaults[n]}
    named = config.data_dir or config.dataset != "auto"
    if data["name"].split("-")[0] == "images" and not named:
        settings = ", ".join(f"{n}={value!r}" for n, value in changed.items())
        images = "(images, labels)" if data.get("classes") else "images"
        made = f"gan_tf.Config.recipe({recipe!r}, {settings})"
        return f"gan_tf.train({made}, {name!r}, images={images})"
    flags = [flag, *(f"--{n}={as_text(value)}" for n, value in changed.items())]
    flags += [f"--recipe={recipe}"] if recipe != "default" else []
    return f"python -m gan_tf.train {shlex.join(flags)}"
