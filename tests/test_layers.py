"""Modules import downwards only, and importing the package costs nothing."""

import ast
from pathlib import Path

import pytest
from conftest import ROOT, run_python

LEVELS = {
    **dict.fromkeys(("errors", "config", "files", "readers", "strokes"), 0),
    **dict.fromkeys(("adam", "bundle"), 0),
    **dict.fromkeys(("images", "losses", "models", "metrics", "randomness"), 0),
    "domain": 0,
    **dict.fromkeys(
        ("cli", "data", "state", "step", "sampling", "classifier", "devices"), 1
    ),
    **dict.fromkeys(("run", "checkpoint", "summary", "evaluation", "health"), 2),
    "loop": 3,
    **dict.fromkeys(("train", "generate", "evaluate"), 4),
}
# Within a level: who may import whom.
SIDEWAYS = {
    ("config", "errors"),
    ("files", "errors"),
    ("readers", "errors"),
    ("bundle", "errors"),
    ("images", "errors"),
    ("images", "files"),
    ("models", "config"),
    ("step", "state"),
    ("checkpoint", "run"),
}
MODULES = sorted((ROOT / "gan_tf").glob("[!_]*.py"))


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "gan_tf":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "gan_tf."
        ):
            names.add(node.module.split(".")[1])
    return names & LEVELS.keys()


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_imports_lower_levels_only(path):
    for name in imported(path):
        if path.stem == "train" and name == "train":
            continue  # the function of the same name
        lower = LEVELS[name] < LEVELS[path.stem]
        assert lower or (path.stem, name) in SIDEWAYS, f"{path.stem} imports {name}"
        assert LEVELS[name] < 4, "nothing imports a command"


def test_importing_the_package_imports_no_tensorflow_and_prints_nothing():
    code = (
        "import sys, gan_tf; gan_tf.Config(); "
        "assert not {'tensorflow', 'keras', 'numpy'} & set(sys.modules)"
    )
    result = run_python("-c", code)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_train_is_callable_before_and_after_its_module_is_imported():
    code = (
        "import gan_tf; first = gan_tf.train; assert callable(first); "
        "import gan_tf.train; assert callable(gan_tf.train); "
        "assert gan_tf.train.parser().prog == 'python -m gan_tf.train'"
    )
    assert run_python("-c", code).returncode == 0


def test_unknown_names_of_the_package_are_attribute_errors():
    import gan_tf

    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        _ = gan_tf.trian
    for name in gan_tf.__all__:
        assert getattr(gan_tf, name) is not None
