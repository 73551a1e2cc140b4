import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_tf import evaluate, images
from gan_tf.data.strokes import draw_digits
from gan_tf.evaluation import label_scores, picture, scores
from gan_tf.files import read_json
from tests.conftest import refused


@pytest.fixture(autouse=True)
def few_samples_and_no_mnist(monkeypatch, tmp_path):
    monkeypatch.setattr(scores, "COUNT", 300)
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "nothing"))
    monkeypatch.setattr("gan_tf.data.sources._reachable", lambda _: False)


@pytest.fixture
def run_dir(plain_run, tmp_path):
    return shutil.copytree(plain_run, tmp_path / "r")


@pytest.mark.filterwarnings("ignore:only the metrics")
def test_a_run_is_scored_at_every_checkpoint(invoke, run_dir):
    code, output, _ = invoke(evaluate, f"--run_dir={run_dir}", "--all")
    assert code == 0
    assert "mnist_frechet_distance" in output
    content = read_json(run_dir / "evaluation.json")
    names = list(content["results"])
    assert [name.split(" of ")[0] for name in names] == ["step 20", "step 10"]
    assert all("on drawn" in name and "not MNIST" in name for name in names)
    assert content["results"][names[0]]["in_domain_share"] < 0.6
    assert all(name in text for name, text in zip(names, content["warnings"]))
    assert (run_dir / "evaluation.png").read_bytes()[:4] == b"\x89PNG"
    accumulator = EventAccumulator(
        str(run_dir / "tensorboard" / "evaluation"), {"tensors": 0}
    )
    accumulator.Reload()
    steps = [e.step for e in accumulator.Tensors("evaluation/mnist_frechet_distance")]
    assert sorted(steps) == [10, 20]
    invoke(evaluate, f"--run_dir={run_dir}")
    assert (
        len(list((run_dir / "tensorboard" / "evaluation").iterdir())) == 1
    )  # replaced


@pytest.mark.filterwarnings("ignore:only the metrics")
def test_anyones_samples_as_json(invoke, tmp_path):
    drawn, _ = draw_digits(310, seed=0)
    images.write_npz(tmp_path / "x.npz", drawn)
    code, output, _ = invoke(evaluate, f"--samples={tmp_path}/x.npz", "--json")
    assert code == 0
    content = json.loads(output)
    assert content["results"].keys() == {"x.npz, unlike MNIST"}
    assert content["real"]["precision"] > 0.8
    assert (tmp_path / "evaluation.json").exists()


@pytest.mark.filterwarnings("ignore:only the metrics")
def test_samples_unlike_mnist_are_named_so(invoke, tmp_path, monkeypatch):
    titles = []
    plain = picture.picture

    def noted(*arguments, title):
        titles.append(title)
        return plain(*arguments, title=title)

    monkeypatch.setattr(picture, "picture", noted)
    drawn, _ = draw_digits(310, seed=0)
    dot = np.zeros_like(drawn)
    dot[:, 12:17, 13:16] = 200  # bad, and in the domain all the same
    images.write_npz(tmp_path / "drawn.npz", drawn)
    images.write_npz(tmp_path / "2" / "dot.npz", dot)
    _, unlike, _ = invoke(evaluate, f"--samples={tmp_path}/drawn.npz")
    assert unlike.splitlines()[0].split()[:3] == ["drawn.npz,", "unlike", "MNIST"]
    warned = read_json(tmp_path / "evaluation.json")["warnings"]
    assert "outside of the classifier's domain" in warned[0]
    assert warned[0] in unlike.splitlines()
    _, like, _ = invoke(evaluate, f"--samples={tmp_path}/2/dot.npz")
    assert "unlike" not in like.splitlines()[0]
    content = read_json(tmp_path / "2" / "evaluation.json")
    assert content["warnings"] == []
    assert content["results"]["dot.npz"]["in_domain_share"] == 1.0
    assert titles == [warned[0], "dot.npz"]


@pytest.mark.filterwarnings("ignore:only the metrics")
def test_what_scores_something_else_is_kept(invoke, run_dir):
    drawn, _ = draw_digits(310, seed=0)
    images.write_npz(run_dir / "x.npz", drawn)
    assert invoke(evaluate, f"--run_dir={run_dir}")[0] == 0
    before = (run_dir / "evaluation.json").read_bytes()
    samples = f"--samples={run_dir}/x.npz"
    refused(invoke(evaluate, samples), "evaluation.json exists", "--out")
    assert (run_dir / "evaluation.json").read_bytes() == before
    other = run_dir / "other"
    for _ in range(2):  # its own is replaced
        assert invoke(evaluate, samples, f"--out={other}")[0] == 0
    refused(invoke(evaluate, f"--run_dir={run_dir}", f"--out={other}"), "exists")
    refused(invoke(evaluate, "--pretrained=mnist", f"--out={other}"), "exists")


def test_missing_mnist_costs_metrics_and_a_warning(invoke, run_dir):
    """Also with "none", which the help shows for a folder that is not given."""
    with pytest.warns(UserWarning, match="only the metrics that need no image"):
        result = invoke(evaluate, f"--run_dir={run_dir}", "--data_dir=none")
    assert result[0] == 0
    assert "mnist_frechet_distance" in result[1]


def test_wrong_input_gets_one_sentence(invoke, run_dir, tmp_path, data_dir):
    refused(invoke(evaluate, f"--run_dir={tmp_path}/none"), "does not exist")
    refused(invoke(evaluate, f"--samples={tmp_path}/none.npz"), "does not exist")
    np.savez(tmp_path / "few.npz", images=np.zeros((9, 28, 28), np.uint8))
    refused(invoke(evaluate, f"--samples={tmp_path}/few.npz"), "at least 300 of 28x28")
    np.savez(tmp_path / "float.npz", images=np.full((300, 28, 28), 1e9))
    refused(invoke(evaluate, f"--samples={tmp_path}/float.npz"), "float.npz")
    np.savez(tmp_path / "flat.npz", images=np.zeros((300, 700), np.uint8))
    refused(invoke(evaluate, f"--samples={tmp_path}/flat.npz"), "flat.npz")
    other = invoke(evaluate, f"--run_dir={run_dir}", f"--data_dir={data_dir}")
    refused(other, "is not MNIST, which the scores are for")


def test_what_the_paths_show_is_found_before_tensorflow(
    invoke, run_dir, tmp_path, monkeypatch
):
    monkeypatch.setattr(evaluate, "quiet_tensorflow", None)
    refused(invoke(evaluate, f"--samples={tmp_path}/no.npz"), "does not exist")
    for flag in ("--all", "--pretrained=mnist", f"--run_dir={run_dir}"):
        refused(invoke(evaluate, f"--samples={tmp_path}", flag), "without a run")
    blocked = tmp_path / "file"
    blocked.write_text("mine")
    refused(invoke(evaluate, f"--run_dir={run_dir}", f"--out={blocked}"), "no folder")
    shutil.rmtree(run_dir / "tensorboard")
    (run_dir / "tensorboard").write_text("mine")
    refused(invoke(evaluate, f"--run_dir={run_dir}"), "tensorboard is no folder")


def test_the_samples_of_the_current_folder_get_no_picture_among_them(
    tmp_path, monkeypatch
):
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path / "digits")
    values = evaluate.parser().parse_args(["--samples", "."])
    assert evaluate._place(values) == (Path(".."), "--samples digits")


@pytest.mark.filterwarnings("ignore:only the metrics")
def test_a_conditional_run_is_scored_by_its_labels(invoke, labelled_run, tmp_path):
    out = f"--out={tmp_path}"
    code, output, _ = invoke(evaluate, f"--run_dir={labelled_run}", out)
    assert code == 0
    rows = [line.split()[0] for line in output.splitlines()[1:]]
    assert {"label_accuracy", "label_accuracy_of_0", "label_accuracy_of_9"} < set(rows)
    (values,) = read_json(tmp_path / "evaluation.json")["results"].values()
    by_class = [values[f"label_accuracy_of_{number}"] for number in range(10)]
    assert values["label_accuracy"] == pytest.approx(np.mean(by_class))


@pytest.mark.filterwarnings("ignore:only the metrics")
def test_the_order_of_labelled_samples_does_not_matter(invoke, tmp_path, monkeypatch):
    monkeypatch.setattr(scores, "COUNT", 200)
    monkeypatch.setattr(scores, "LABELLED_COUNT", 310)
    drawn, labels = draw_digits(310, seed=0)
    turn = label_scores.order_in_turn(labels)
    found = []
    for order in (np.argsort(labels, kind="stable"), turn):
        images.write_npz(tmp_path / "x.npz", drawn[order], labels[order])
        assert invoke(evaluate, f"--samples={tmp_path}/x.npz")[0] == 0
        found += read_json(tmp_path / "evaluation.json")["results"].values()
    assert found[0] == found[1]
    assert found[0]["label_accuracy_of_9"] > 0.5


@pytest.mark.filterwarnings("ignore:only the metrics")
def test_labels_that_are_no_digits_are_left_out_with_a_warning(invoke, tmp_path):
    drawn, labels = draw_digits(310, seed=0)
    images.write_npz(tmp_path / "x.npz", drawn, labels + 1)
    with pytest.warns(match="not all digits from 0 to 9") as warned:
        assert invoke(evaluate, f"--samples={tmp_path}/x.npz")[0] == 0
    said = " ".join(str(one.message) for one in warned)
    assert "classification accuracy score" not in said


@pytest.mark.filterwarnings("ignore:only the metrics")
def test_labels_beside_samples_are_scored(invoke, tmp_path, monkeypatch):
    monkeypatch.setattr(scores, "LABELLED_COUNT", 310)
    drawn, labels = draw_digits(310, seed=0)
    images.write_npz(tmp_path / "x.npz", drawn, labels)
    invoke(evaluate, f"--samples={tmp_path}/x.npz")
    (values,) = read_json(tmp_path / "evaluation.json")["results"].values()
    assert values["label_accuracy"] > 0.7
    images.write_npz(tmp_path / "x.npz", drawn[:305], labels[:305])
    with pytest.warns(
        UserWarning, match="x.npz has 305 labelled samples; .* needs 310"
    ):
        invoke(evaluate, f"--samples={tmp_path}/x.npz")
