"""An evaluation is read as what it is, or left out with one line."""

import json

import pytest

from gan_tf.errors import UserError
from gan_tf.files import write_json
from gan_tf.storage import evaluations
from gan_tf.storage.evaluations import Evaluations, read_evaluation

FOUND = Evaluations({"step 20": {"precision": 0.5}}, {"precision": 0.9}, ["a doubt"])


def test_what_is_written_is_read(tmp_path):
    assert read_evaluation(tmp_path) is None
    evaluations.write_evaluation(tmp_path, FOUND)
    assert read_evaluation(tmp_path) == FOUND


def test_those_of_earlier_versions_are_read_and_replaced(tmp_path):
    old = {"judge": "", "results": FOUND.results, "real": FOUND.real}
    write_json(evaluations.evaluation_path(tmp_path), old | {"warnings": ["a doubt"]})
    assert read_evaluation(tmp_path) == FOUND
    evaluations.check_evaluation_place(tmp_path, evaluations.OF_THE_RUN)


@pytest.mark.parametrize(
    "change",
    [
        {"results": {"step 20": {"precision": 10**400}}},
        {"results": {"step 20": {"precision": "0.5"}}},
        {"results": {"step 20": {"precision": True}}},
        {"results": {"step 20": [0.5]}},
        {"results": {"step 20": None}},
        {"results": ["step 20"]},
        {"results": {}},
        {"real": None},
        {"real": {"precision": [0.9]}},
        {"warnings": 5},
        {"warnings": [5]},
        {"warnings": "a doubt"},
        {"weights": ["averaged"]},
        {"weights": "best"},
        {"scored": "--samples x.npz"},
        {"scored": 7},
    ],
)
def test_any_other_form_is_left_out_with_a_warning(tmp_path, change):
    content = {"results": FOUND.results, "real": FOUND.real, "warnings": []}
    write_json(evaluations.evaluation_path(tmp_path), content | change)
    with pytest.warns(UserWarning, match=r"left out: .*json is not an evaluation"):
        assert read_evaluation(tmp_path) is None


@pytest.mark.parametrize("text", ["{}", "[]", "7", "", "[" * 99999, json.dumps("x")])
def test_damage_is_left_out_with_a_warning(tmp_path, text):
    evaluations.evaluation_path(tmp_path).write_text(text)
    with pytest.warns(UserWarning, match=r"left out: .*json is damaged"):
        assert read_evaluation(tmp_path) is None


def test_what_scores_something_else_is_not_replaced(tmp_path):
    evaluations.check_evaluation_place(tmp_path, evaluations.OF_THE_RUN)
    evaluations.write_evaluation(tmp_path, FOUND)
    evaluations.check_evaluation_place(tmp_path, evaluations.OF_THE_RUN)
    for other in ("--samples x.npz", "--pretrained mnist"):
        with pytest.raises(UserError, match=r"evaluation\.json exists .* --out"):
            evaluations.check_evaluation_place(tmp_path, other)
    evaluations.evaluation_path(tmp_path).unlink()
    evaluations.picture_path(tmp_path).write_bytes(b"mine")
    with pytest.raises(UserError, match=r"evaluation\.png exists"):
        evaluations.check_evaluation_place(tmp_path, evaluations.OF_THE_RUN)
