import os
import tempfile
from pathlib import Path

import pytest

from gan_tf.errors import UserError
from gan_tf.exporting.new_files import new_files


def write_both(folder, meanwhile=lambda: None):
    with new_files(folder / "x", folder / "x.md") as (file, page):
        file.write_text("ours")
        page.write_text("ours")
        meanwhile()


def test_files_and_folders_appear_together_at_the_end(tmp_path):
    paths = tmp_path / "a" / "b" / "model", tmp_path / "a" / "b" / "model.md"
    with new_files(*paths) as (folder, page):
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / "file").write_text("1")
        page.write_text("2")
        assert not (tmp_path / "a").exists()
    assert (paths[0] / "inner" / "file").read_text() == "1"
    assert paths[1].read_text() == "2"
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["model", "model.md"]
    assert os.listdir(tmp_path) == ["a"]


def test_a_relative_path_stays_relative(tmp_path, monkeypatch):
    """With mkdtemp as it is from Python 3.12 on, too."""
    plain = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", lambda *a: os.path.abspath(plain(*a)))
    monkeypatch.chdir(tmp_path)
    with new_files(Path("model")) as (file,):
        assert not file.is_absolute()
        file.write_text("x")
    assert os.listdir(tmp_path) == ["model"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_nothing(tmp_path, error):
    def fail():
        with new_files(tmp_path / "n" / "x") as (file,):
            file.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert os.listdir(tmp_path) == []


def test_two_at_the_same_time_and_what_lies_beside_do_not_meet(tmp_path):
    (tmp_path / ".x.part").mkdir()
    (tmp_path / ".x.part" / "mine").touch()
    with new_files(tmp_path / "x") as (one,), new_files(tmp_path / "y" / "x") as (two,):
        one.write_text("1")
        two.write_text("2")
    with pytest.raises(UserError, match="x exists"):
        write_both(tmp_path / "z", lambda: write_both(tmp_path / "z"))
    texts = [(tmp_path / name).read_text() for name in ("x", "y/x", "z/x")]
    assert texts == ["1", "2", "ours"]
    assert (tmp_path / ".x.part" / "mine").exists()
    assert sorted(os.listdir(tmp_path)) == [".x.part", "x", "y", "z"]


def test_what_comes_between_is_not_replaced(tmp_path):
    with pytest.raises(UserError, match="exists"):
        write_both(tmp_path, lambda: (tmp_path / "x.md").write_text("theirs"))
    assert os.listdir(tmp_path) == ["x.md"]
    assert (tmp_path / "x.md").read_text() == "theirs"


def test_a_rename_that_fails_takes_the_others_back(tmp_path, monkeypatch):
    rename = os.rename

    def failing(source, target):
        if str(target).endswith(".md"):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", failing)
    with pytest.raises(UserError, match="No space left"):
        write_both(tmp_path)
    assert os.listdir(tmp_path) == []
