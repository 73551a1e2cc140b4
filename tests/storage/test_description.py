import pytest

from gan_tf.data import sources
from gan_tf.errors import UserError
from gan_tf.storage import description


@pytest.fixture(scope="module")
def images(data_dir):
    return sources.load("auto", str(data_dir))


def test_a_run_describes_itself(tmp_path, tiny, images):
    config = tiny(seed=3)
    description.open_run(tmp_path / "r", config, images)
    read, content = description.read_run(tmp_path / "r")
    assert read == config
    assert content["data"] == {
        "name": images.name,
        "images": 500,
        "sha256": images.digest,
        "shape": [28, 28],
        "classes": 10,
    }
    assert content["versions"].keys() == {
        "python",
        "gan_tf",
        "tensorflow",
        "keras",
        "numpy",
    }
    assert content["format"] == 1


def test_options_that_do_not_shape_the_result_may_change(tmp_path, tiny, images):
    description.open_run(tmp_path, tiny(), images)
    description.open_run(tmp_path, tiny(epochs=99, log_every=3), images)
    assert description.read_run(tmp_path)[0].epochs == 99


def test_another_configuration_is_refused_with_its_differences(tmp_path, tiny, images):
    description.open_run(tmp_path, tiny(), images)
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(UserError, match=r"seed: 0, 1; generator_units: 8, 9,9"):
        description.open_run(tmp_path, tiny(seed=1, generator_units=(9, 9)), images)
    with pytest.raises(UserError, match=r"data: drawn.*, strokes"):
        description.open_run(tmp_path, tiny(), sources.load("strokes"))
    assert (tmp_path / "config.json").read_bytes() == before


def test_places_that_are_no_run(tmp_path, tiny, images):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        description.open_run(tmp_path / "file", tiny(), images)
    with pytest.raises(UserError, match="cannot write"):
        description.open_run(tmp_path / "file" / "below", tiny(), images)
    with pytest.raises(UserError, match="does not exist"):
        description.read_run(tmp_path / "none")
    with pytest.raises(UserError, match=r"no config\.json.*train one with"):
        description.read_run(tmp_path)
    (tmp_path / "checkpoints" / "step-00000010").mkdir(parents=True)
    with pytest.raises(UserError, match=r"config\.json is missing, and no checkpoint"):
        description.open_run(tmp_path, tiny(), images)


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("data", {"shape": "28"}, "image shape"),
        ("data", {"shape": {"28": 28}}, "image shape"),
        ("data", {"shape": 28}, "image shape"),
        ("data", {"shape": [28, 28, 4]}, "image shape"),
        ("data", {"shape": [28, [28]]}, "image shape"),
        ("versions", ["keras"], "versions"),
        ("versions", "3", "versions"),
    ],
)
def test_descriptions_of_another_form_are_refused(
    tmp_path, tiny, images, part, change, words
):
    from gan_tf.files import read_json, write_json

    description.open_run(tmp_path, tiny(), images)
    content = read_json(tmp_path / "config.json")
    changed = content[part] | change if isinstance(change, dict) else change
    write_json(tmp_path / "config.json", content | {part: changed})
    with pytest.raises(UserError, match=words):
        description.read_run(tmp_path)


def test_a_folder_in_place_of_the_description_is_called_one(tmp_path, tiny, images):
    (tmp_path / "config.json").mkdir()
    with pytest.raises(UserError, match=r"config\.json is not a file, and") as caught:
        description.open_run(tmp_path, tiny(), images)
    assert "damaged" not in str(caught.value)
