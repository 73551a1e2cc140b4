"""README and code agree: flags, defaults, tags, commands, files, dependencies."""

import dataclasses
import importlib
import re
import shlex

import pytest
from conftest import ROOT

from gan_tf.config import RECIPES, Config, as_text
from gan_tf.evaluation.monitor import METRICS
from gan_tf.training.summary import SCALARS

README = (ROOT / "README.md").read_text()
SHELL = [
    line
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
COMMANDS = [line for line in SHELL if line.startswith("python -m gan_tf.")]


def test_the_table_of_flags_is_the_configuration():
    rows = [
        f"| `--{field.name}` | {as_text(field.default)} | {field.metadata['help']} |"
        for field in dataclasses.fields(Config)
    ]
    assert "\n".join(rows) in README


def test_the_document_recipe_is_told():
    told = ", ".join(f"`--{k} {as_text(v)}`" for k, v in RECIPES["document"].items())
    assert told in " ".join(README.split())


def test_the_table_of_tags_is_what_is_written():
    tags = SCALARS | METRICS
    rows = [f"| `{name}` | {what} |" for name, what in tags.items()]
    assert "\n".join(rows) in README


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_parse(line):
    _, _, module, *arguments = shlex.split(line)
    importlib.import_module(module).parser().parse_args(arguments)


def test_every_flag_named_anywhere_exists():
    known = {"--logdir"}
    for module in ("train", "generate", "evaluate"):
        parser = importlib.import_module(f"gan_tf.{module}").parser()
        known |= {flag for action in parser._actions for flag in action.option_strings}
    assert set(re.findall(r"--[a-z_0-9]+", README)) <= known


def test_there_are_two_commands_for_set_up_each_one_line():
    set_up = [line for line in SHELL if "pip install" in line]
    assert len(set_up) == 2
    for line, ending in zip(set_up, ("-m gan_tf.train --epochs 30000", "-m pytest")):
        assert line.startswith("python3 -m venv .venv && .venv/bin/pip install -e ")
        assert line.endswith(f".venv/bin/python {ending}")


def test_linked_files_exist():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_example_is_listed():
    for path in (ROOT / "examples").glob("*.py"):
        assert f"(examples/{path.name})" in README


def test_set_up_names_every_package_that_is_imported():
    names = {
        "PIL": "pillow",
        "absl": "absl-py",
        "tensorflow_datasets": "tensorflow-datasets",
    }
    setup = (ROOT / "setup.py").read_text()
    local = {path.stem for path in (ROOT / "gan_tf").glob("*.py")} | {"gan_tf"}
    import ast
    import sys

    for path in (ROOT / "gan_tf").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                modules = [node.module]
            for module in modules:
                top = module.split(".")[0]
                if top in sys.stdlib_module_names | local | {"keras", "__future__"}:
                    continue  # keras comes with tensorflow
                assert f'"{names.get(top, top)}>=' in setup, f"{path.name}: {top}"
