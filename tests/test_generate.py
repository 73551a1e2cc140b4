import shutil

import numpy as np
import pytest
from PIL import Image

from gan_tf import generate, images
from gan_tf.gan.sampling import sample
from gan_tf.storage import checkpoints
from tests.conftest import refused


@pytest.fixture
def run_dir(plain_run):
    return plain_run


@pytest.fixture
def make(invoke, run_dir, tmp_path):
    def call(out, *arguments):
        path = tmp_path / out
        flags = [f"--run_dir={run_dir}", f"--out={path}"]
        result = invoke(generate, *flags, *arguments)
        assert result[0] == 0, result
        assert f"wrote {path}" in result[1]
        return path

    return call


def load(path):
    with np.load(path, allow_pickle=False) as archive:
        assert archive.files == ["images"]
        return archive["images"]


def test_npz_holds_images_that_depend_on_run_seed_and_number_alone(make, run_dir):
    many = load(make("x.npz", "--num=300", "--seed=5"))
    assert (many.shape, many.dtype) == ((300, 28, 28), np.uint8)
    np.testing.assert_array_equal(load(make("y.npz", "--num=7", "--seed=5")), many[:7])
    assert (load(make("z.npz", "--num=7", "--seed=6")) != many[:7]).any()
    expected = sample(checkpoints.load_generator(run_dir), seed=5, count=300)
    np.testing.assert_array_equal(many, expected)


def test_png_is_a_sample_grid(make):
    samples = load(make("x.npz", "--num=12"))
    sample_grid = images.read_png(make("x.png", "--num=12"))
    np.testing.assert_array_equal(sample_grid, images.grid(samples))


def test_a_folder_gets_one_png_an_image(make):
    samples = load(make("x.npz", "--num=3"))
    folder = make("digits", "--num=3")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["000000.png", "000001.png", "000002.png"]
    for name, image in zip(names, samples):
        np.testing.assert_array_equal(images.read_png(folder / name), image)


def test_raw_weights_are_other_weights(make):
    averaged = load(make("x.npz", "--num=2"))
    raw = load(make("y.npz", "--num=2", "--weights=raw"))
    assert (averaged != raw).any()


def test_interpolations(make):
    sample_grid = images.read_png(
        make("w.png", "--interpolate", "--num=3", "--points=5")
    )
    assert sample_grid.shape == (3 * 30 + 2, 5 * 30 + 2)
    ends = load(make("x.npz", "--num=4")).astype(int)
    first = sample_grid[2:30, 2:30].astype(int)
    np.testing.assert_allclose(first, ends[0], atol=1)
    with Image.open(
        make("w.gif", "--interpolate", "--num=4", "--points=5")
    ) as animation:
        assert animation.n_frames == 8  # there and back
        assert animation.size == (62 * 3, 62 * 3)


def test_only_own_results_are_replaced(make, invoke, run_dir, tmp_path):
    for out, *flags in (
        ("x.png",),
        ("x.npz",),
        ("x.gif", "--interpolate"),
        ("y.png", "--interpolate"),
        ("digits",),
    ):
        before = make(out, "--num=3", *flags)
        assert make(out, "--num=2", *flags) == before  # its own
        mine = before / "000001.png" if out == "digits" else before
        mine.unlink()
        images.write_png(mine, np.zeros((9, 9), np.uint8))
        content = mine.read_bytes()
        flags = (f"--run_dir={run_dir}", f"--out={before}", "--num=2", *flags)
        refused(invoke(generate, *flags), "exists and is not replaced", "--out")
        assert mine.read_bytes() == content
    (tmp_path / "x.png").unlink()
    (tmp_path / "x.png").symlink_to("nowhere")
    out = f"--out={tmp_path}/x.png"
    refused(invoke(generate, f"--run_dir={run_dir}", out), "exists")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--num=0"], ["--num", "whole number from 1"]),
        (["--num=-3"], ["--num", "-3"]),
        (["--num=x"], ["--num", "x"]),
        (["--seed=-1"], ["--seed", "whole number from 0"]),
        (["--out=x.jpg"], [".png, .npz or .gif"]),
        (["--out=x.gif"], ["add --interpolate"]),
        (["--out=x.npz", "--interpolate"], ["x.png or x.gif"]),
        (["--points=0", "--interpolate"], ["--points"]),
        (["--weights=best"], ["--weights", "averaged"]),
        (["--out=/proc/x.png"], ["cannot write /proc/x.png"]),
    ],
)
def test_wrong_arguments_get_one_sentence(invoke, run_dir, arguments, words):
    refused(invoke(generate, f"--run_dir={run_dir}", *arguments), *words)


@pytest.mark.parametrize("more", [[], ["--interpolate"]])
def test_more_images_than_fit_get_one_sentence(invoke, run_dir, monkeypatch, more):
    def full(*_):
        raise MemoryError

    monkeypatch.setattr(np, "empty", full)
    arguments = f"--run_dir={run_dir}", "--num=1000000", *more
    refused(invoke(generate, *arguments), "--num 1000000", "do not fit into memory")


def test_places_without_a_run(invoke, tmp_path):
    refused(invoke(generate, f"--run_dir={tmp_path}/none"), "does not exist")
    refused(invoke(generate, f"--run_dir={tmp_path}"), "holds no run", "gan_tf.train")


@pytest.mark.filterwarnings("ignore:checkpoint")
def test_damaged_checkpoints_generate_nothing(invoke, run_dir, tmp_path):
    shutil.copytree(run_dir, tmp_path / "r")
    for path in (tmp_path / "r" / "checkpoints").rglob("*.data*"):
        content = bytearray(path.read_bytes())
        content[77] ^= 8
        path.write_bytes(content)
    out = tmp_path / "x.png"
    refused(invoke(generate, f"--run_dir={tmp_path}/r", f"--out={out}"), "is sound")
    assert not out.exists()


def test_without_more_it_is_a_grid_of_64(invoke, run_dir, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke(generate, f"--run_dir={run_dir}")[0] == 0
    assert images.read_png(tmp_path / "samples.png").shape == (242, 242)


def test_folders_and_endings_as_people_write_them(invoke, run_dir, tmp_path):
    (tmp_path / "out.v1").mkdir()
    for out in ("out.v1", "digits.v2/", "X.PNG"):
        flags = (f"--run_dir={run_dir}", "--num=3", f"--out={tmp_path}/{out}")
        assert invoke(generate, *flags)[0] == 0
    assert len(list((tmp_path / "out.v1").glob("*.png"))) == 3
    assert len(list((tmp_path / "digits.v2").glob("*.png"))) == 3
    assert (tmp_path / "X.PNG").read_bytes()[:4] == b"\x89PNG"


def test_places_that_cannot_be_written_are_refused_at_once(invoke, run_dir, tmp_path):
    (tmp_path / "file").touch()
    for out in ("file/x.png", "file/", "file"):
        flags = (f"--run_dir={run_dir}", f"--out={tmp_path}/{out}")
        refused(invoke(generate, *flags), "--out", "is no folder")


def test_labels_choose_the_class(invoke, labelled_run, tmp_path):
    def call(out, *flags):
        flags = (f"--run_dir={labelled_run}", f"--out={tmp_path / out}", *flags)
        assert invoke(generate, *flags)[0] == 0
        return tmp_path / out

    with (
        np.load(call("a.npz", "--num=12")) as turn,
        np.load(call("b.npz", "--num=12", "--label=7,1")) as chosen,
    ):
        assert turn["labels"].tolist() == [*range(10), 0, 1]
        assert chosen["labels"].tolist() == [7, 1] * 6
        np.testing.assert_array_equal(turn["images"][1], chosen["images"][1])
        assert (turn["images"][0] != chosen["images"][0]).any()
    folder = call("folder/", "--num=12")
    assert sorted(p.name for p in folder.iterdir()) == sorted(map(str, range(10)))
    call("path.gif", "--interpolate", "classes", "--num=2")
    call("path.png", "--interpolate", "--num=2", "--label=3")


def test_wrong_labels_are_refused(invoke, labelled_run, run_dir, tmp_path):
    out = f"--out={tmp_path}/x.png"
    for place, flags, words in (
        (labelled_run, ["--label=10"], ["--label", "below 10"]),
        (labelled_run, ["--label=x"], ["--label"]),
        (run_dir, ["--label=1"], ["--label", "without labels", "--conditional"]),
        (run_dir, ["--interpolate=classes"], ["knows no classes"]),
        (labelled_run, ["--interpolate=classes", "--label=7"], ["leave out --label"]),
    ):
        refused(invoke(generate, f"--run_dir={place}", out, *flags), *words)
