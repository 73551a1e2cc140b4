"""The study's tables are those of its stored results."""

import json
from pathlib import Path

import recipes
from gan_tf import Config
from gan_tf.evaluation.classifier import load_classifier

ROOT = Path(__file__).parent.parent


def test_readme_and_notes_show_the_stored_results():
    results = recipes.read(recipes.RESULTS)
    for name, (page, table) in recipes.TABLES.items():
        _, shown = (ROOT / page).read_text().split(recipes.BEGIN.format(name))
        assert shown.split(recipes.END)[0] == table(results) + "\n"


def test_the_stored_results_are_of_this_version():
    results = recipes.read(recipes.RESULTS)
    assert results["classifiers"][recipes.SHIPPED]["sha256"] == load_classifier().digest
    assert results["rows"]["default"]["seeds"].keys() == {"0", "1", "2"}
    for row, entry in results["rows"].items():
        name, changes = recipes.ROWS[row]
        assert entry["config"] == recipes.shaping(Config.recipe(name, **changes)), row
        for classifiers in entry["seeds"].values():
            assert classifiers.keys() == results["classifiers"].keys() or (
                row not in recipes.LADDER and recipes.SHIPPED in classifiers
            )


def test_the_spread_is_a_standard_deviation():
    assert recipes.spread([1.0, 2.0, 3.0], 2) == "2.00 &plusmn; 1.00"
    assert recipes.spread([0.12345], 3) == "0.123"


def scores(distance):
    metrics = dict.fromkeys(["mnist_frechet_distance"], distance)
    return {
        "a": {
            "sha256": "0",
            "real": {"mnist_frechet_distance": 0.5},
            "metrics": metrics,
        }
    }


def test_another_configuration_by_the_same_name_begins_again(monkeypatch, tmp_path):
    path = tmp_path / "x.json"
    monkeypatch.setattr(recipes, "SHIPPED", "a")
    recipes.add(path, "default", Config(), 0, scores(1.0))
    recipes.add(path, "default", Config(seed=1), 1, scores(3.0))
    table = recipes.classifiers_table(recipes.read(path))
    assert table.splitlines()[-1] == "| a | 0.500 | 2.000 &plusmn; 1.414 |"
    recipes.add(path, "default", Config(beta_1=0.9), 0, scores(4.0))
    assert json.loads(path.read_text())["rows"]["default"]["seeds"].keys() == {"0"}
