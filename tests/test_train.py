import json

import gan_tf.train as train
from gan_tf.storage.lock import run_lock
from tests.conftest import command, flags_of, refused


def test_the_command_trains_and_continues(tiny, invoke, tmp_path):
    flags = flags_of(tiny(epochs=12))
    first = command("train", *flags, "--run_dir", tmp_path / "r")
    assert (first.returncode, first.stderr) == (0, "")
    lines = first.stdout.splitlines()
    assert lines[0].startswith("training on drawn")
    assert lines[1].startswith("step 5 of 12, d_loss ")
    assert lines[-1].startswith("done: see samples.png")
    code, output, _ = invoke(train, *flags, f"--run_dir={tmp_path}/r")
    assert code == 0
    assert "is finished: 12 steps done, 12 asked for" in output


def test_dry_run_prints_the_configuration_and_writes_nothing(invoke, tiny, tmp_path):
    flags = flags_of(tiny())
    code, output, errors = invoke(train, *flags, f"--run_dir={tmp_path}/r", "--dry_run")
    assert (code, errors) == (0, "")
    assert "--batch_size 16\n" in output
    assert "to do: 20 steps" in output
    assert not (tmp_path / "r").exists()


def test_dry_run_asks_for_the_lock(invoke, tiny, tmp_path):
    arguments = [*flags_of(tiny()), f"--run_dir={tmp_path}", "--dry_run"]
    with run_lock(tmp_path):
        refused(invoke(train, *arguments), "is in use: another process trains there")
    assert invoke(train, *arguments)[0] == 0


def test_the_recipe_names_the_default_run_directory(
    invoke, data_dir, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    for recipe in ("default", "document"):
        arguments = ["--dry_run", f"--recipe={recipe}", f"--data_dir={data_dir}"]
        _, output, _ = invoke(train, *arguments)
        assert f"run: runs/{recipe}, new" in output


def test_other_configurations_and_unusable_directories(invoke, tiny, tmp_path):
    flags = flags_of(tiny(epochs=3))
    assert invoke(train, *flags, f"--run_dir={tmp_path}/r")[0] == 0
    before = (tmp_path / "r" / "config.json").read_bytes()
    other = invoke(train, *flags, f"--run_dir={tmp_path}/r", "--seed=9")
    refused(other, "another configuration", "seed: 0, 9")
    assert (tmp_path / "r" / "config.json").read_bytes() == before
    (tmp_path / "file").write_text("mine")
    refused(invoke(train, *flags, f"--run_dir={tmp_path}/file"), "is a file")
    refused(invoke(train, *flags, f"--run_dir={tmp_path}/file/r"), "cannot write")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_directory_that_cannot_be_written(invoke, tiny, tmp_path):
    # /proc refuses even the superuser, whom permissions do not stop.
    refused(invoke(train, *flags_of(tiny()), "--run_dir=/proc/gan_tf"), "cannot write")


def test_damaged_data_is_refused_before_anything_is_written(
    invoke, tiny, data_dir, tmp_path
):
    copy = tmp_path / "data"
    copy.mkdir()
    for path in data_dir.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    images = copy / "train-images-idx3-ubyte.gz"
    images.write_bytes(images.read_bytes()[:-300])
    flags = flags_of(tiny(data_dir=str(copy)))
    refused(invoke(train, *flags, f"--run_dir={tmp_path}/r"), "gzip data is cut short")
    assert not (tmp_path / "r").exists()


def test_a_damaged_description_is_refused(invoke, tiny, tmp_path):
    flags = flags_of(tiny(epochs=3))
    assert invoke(train, *flags, f"--run_dir={tmp_path}")[0] == 0
    for path in tmp_path.glob("**/config.json"):  # its copies in checkpoints too
        content = json.loads(path.read_text())
        path.write_text(json.dumps(content)[:-9])
    refused(invoke(train, *flags, f"--run_dir={tmp_path}"), "config.json is damaged")
