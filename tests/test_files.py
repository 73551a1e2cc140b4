import errno
import os

import pytest

from gan_tf import files
from gan_tf.errors import UserError


def test_write_atomically_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "a" / "b.bin"
    files.write_atomically(path, b"old")
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["b.bin"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, failing):
    path = tmp_path / "b.bin"
    files.write_atomically(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(UserError, match="No space left on device"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["b.bin"]


def test_json_comes_back(tmp_path):
    content = {"a": 1, "b": [1.5, "x"], "c": {"d": None}}
    files.write_json(tmp_path / "x.json", content)
    assert files.read_json(tmp_path / "x.json") == content


def test_every_flipped_or_missing_byte_of_json_is_noticed(tmp_path):
    path = tmp_path / "x.json"
    content = {"step": 7, "name": "mnist"}
    files.write_json(path, content)
    sound = path.read_bytes()
    for place in range(len(sound)):
        changed = bytearray(sound)
        changed[place] ^= 4
        for damaged in (bytes(changed), sound[:place]):
            path.write_bytes(damaged)
            try:
                assert files.read_json(path) == content  # white space only
            except UserError as error:
                assert "damaged" in str(error)


@pytest.mark.parametrize("text", ["[1]", "7", "{}", "", "[" * 100000, '{"sha256": 1}'])
def test_other_json_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UserError, match="damaged"):
        files.read_json(path)
