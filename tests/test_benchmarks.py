"""The study's tables are those of its stored results, and its arithmetic is right."""

import importlib.util
import json

import pytest
from conftest import ROOT

from gan_tf import Config
from gan_tf.classifier import load_judge


@pytest.fixture(scope="module")
def recipes():
    path = ROOT / "benchmarks" / "recipes.py"
    spec = importlib.util.spec_from_file_location("recipes", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_and_notes_show_the_stored_results(recipes):
    results = recipes.read(recipes.RESULTS)
    for name, table in recipes.TABLES.items():
        shown = (ROOT / name).read_text().split(recipes.BEGIN)[1].split(recipes.END)[0]
        assert shown == table(results) + "\n"


def test_the_stored_results_are_of_this_version(recipes):
    results = recipes.read(recipes.RESULTS)
    assert results["judges"][recipes.SHIPPED]["sha256"] == load_judge().digest
    assert results["rows"]["default"]["seeds"].keys() == {"0", "1", "2"}
    for row, entry in results["rows"].items():
        name, changes = recipes.LADDER[row]
        assert entry["config"] == recipes.told(Config.recipe(name, **changes)), row
        for judges in entry["seeds"].values():
            assert judges.keys() == results["judges"].keys()


def test_the_spread_is_a_standard_deviation(recipes):
    assert recipes.spread([1.0, 2.0, 3.0], 2) == "2.00 &plusmn; 1.00"
    assert recipes.spread([0.12345], 3) == "0.123"


def scores(distance):
    figures = dict.fromkeys(["mnist_frechet_distance"], distance)
    return {
        "a": {
            "sha256": "0",
            "real": {"mnist_frechet_distance": 0.5},
            "figures": figures,
        }
    }


def test_another_configuration_by_the_same_name_begins_again(recipes, tmp_path):
    path = tmp_path / "x.json"
    recipes.SHIPPED = "a"
    recipes.add(path, "default", Config(), 0, scores(1.0))
    recipes.add(path, "default", Config(seed=1), 1, scores(3.0))
    table = recipes.judges_table(recipes.read(path))
    assert table.splitlines()[-1] == "| a | 0.500 | 2.000 &plusmn; 1.414 |"
    recipes.add(path, "default", Config(beta_1=0.9), 0, scores(4.0))
    assert json.loads(path.read_text())["rows"]["default"]["seeds"].keys() == {"0"}
