"""Tests and benchmarks do not import each other: either works without the other."""

import ast
import re

import pytest

from tests.conftest import ROOT

BY_NAME = ("import_module", "spec_from_file_location", "run_path", "run_module")


def imported(source):
    """The first names of all modules that a source imports, also late or by a path."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
        elif isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
            if called in BY_NAME or called in ("insert", "append"):  # sys.path
                names.update(text for text in texts if isinstance(text, str))
    return {re.split(r"[./]", name)[0] for name in names}


def own_names(folder):
    return {folder, *(path.stem for path in (ROOT / folder).glob("*"))}


@pytest.mark.parametrize(
    ("folder", "others"), [("tests", "benchmarks"), ("benchmarks", "tests")]
)
def test_tests_and_benchmarks_do_not_import_each_other(folder, others):
    shared = {"conftest"} if folder == "tests" else set()
    forbidden = own_names(others) - shared
    for path in (ROOT / folder).rglob("*.py"):
        wrong = imported(path.read_text("utf-8")) & forbidden
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_all_ways_to_import_are_seen():
    source = """
def late():
    from benchmarks.peers import x
    import importlib, runpy, sys
    sys.path.insert(0, str(ROOT / "folder"))
    importlib.import_module("module.inner")
    runpy.run_path("other/script.py")
"""
    assert {"benchmarks", "folder", "module", "other"} <= imported(source)
