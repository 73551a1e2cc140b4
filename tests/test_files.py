import errno
import json
import os
import stat

import pytest

from gan_tf import files
from gan_tf.errors import DamagedError, UserError


def test_write_atomically_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "a" / "b.bin"
    files.write_atomically(path, b"old")
    files.write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert os.listdir(path.parent) == ["b.bin"]


def test_nothing_beside_is_touched(tmp_path, monkeypatch):
    (tmp_path / ".x.part").mkdir()
    (tmp_path / ".x.part" / "mine").touch()
    replace = os.replace

    def meanwhile(source, target):  # another process writes the same file
        monkeypatch.setattr(os, "replace", replace)
        files.write_atomically(target, b"theirs")
        replace(source, target)

    monkeypatch.setattr(os, "replace", meanwhile)
    files.write_atomically(tmp_path / "x", b"ours")
    assert (tmp_path / "x").read_bytes() == b"ours"
    assert (tmp_path / ".x.part" / "mine").exists()
    assert sorted(os.listdir(tmp_path)) == [".x.part", "x"]


def test_only_results_of_the_same_kind_are_replaced(tmp_path):
    path = tmp_path / "x"
    files.check_replaceable(path)
    for content, replaced in (
        (b"<kind>", True),
        (b"-" * 5000 + b"<kind>", True),
        (b"-" * 5000 + b"<kind>" + b"-" * 5000, False),
        (b"<kin", False),
        (b"", False),
    ):
        path.write_bytes(content)
        if replaced:
            files.check_replaceable(path, b"<other>", b"<kind>")
        else:
            with pytest.raises(UserError, match=r"x exists .* name another --out"):
                files.check_replaceable(path, b"<other>", b"<kind>")
        with pytest.raises(UserError, match=r"not replaced; name .* or move it away"):
            files.check_replaceable(path)
    path.unlink()
    os.mkfifo(path)  # reading it would never end
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("x", "folder", "link"):
        with pytest.raises(UserError, match="exists"):
            files.check_replaceable(tmp_path / name, b"<kind>")


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, failing):
    path = tmp_path / "b.bin"
    files.write_atomically(path, b"old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(UserError, match=r"No space left .*; what .* unchanged"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["b.bin"]


def fails_for_folders(monkeypatch, name, number):
    """Lets `os.<name>` fail for folders, given by path or handle."""
    plain = getattr(os, name)

    def failing(file, *arguments):
        if stat.S_ISDIR(os.stat(file).st_mode):
            raise OSError(number, os.strerror(number))
        return plain(file, *arguments)

    monkeypatch.setattr(os, name, failing)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("open", errno.EACCES),  # Windows
        ("open", errno.EISDIR),
        ("open", errno.EINVAL),
        ("fsync", errno.EINVAL),
        ("fsync", errno.ENOTSUP),
        ("fsync", errno.EBADF),
        ("fsync", errno.EROFS),
        ("fsync", errno.ENOSYS),
        ("fsync", errno.EPERM),
    ],
)
def test_a_file_system_need_not_sync_folders(tmp_path, monkeypatch, name, number):
    fails_for_folders(monkeypatch, name, number)
    files.write_atomically(tmp_path / "x", b"new")
    assert (tmp_path / "x").read_bytes() == b"new"


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_a_failure_after_the_rename_does_not_promise_the_old_file(
    tmp_path, monkeypatch, number
):
    (tmp_path / "x").write_bytes(b"old")
    fails_for_folders(monkeypatch, "fsync", number)
    with pytest.raises(UserError, match="it is written, but may be lost") as caught:
        files.write_atomically(tmp_path / "x", b"new")
    assert os.strerror(number) in str(caught.value)
    assert "unchanged" not in str(caught.value)
    assert (tmp_path / "x").read_bytes() == b"new"


@pytest.mark.parametrize("name", ["x" * 255, "\u6570" * 85, "a\nb", "-\\[*]?: %s"])
def test_any_name_that_the_file_system_takes(tmp_path, name):
    files.write_atomically(tmp_path / name, b"new")
    assert (tmp_path / name).read_bytes() == b"new"


def test_folders_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("x")
    for path in ("file/x", "file/sub/x", "y" * 256 + "/x", "y" * 256):
        with pytest.raises(UserError, match="cannot write") as caught:
            files.write_atomically(tmp_path / path, b"new")
        assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["file"]


def test_what_cannot_be_read_is_not_damaged(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("loop", "y" * 256):
        with pytest.raises(UserError, match="cannot read") as caught:
            files.read_json(tmp_path / name)
        assert not isinstance(caught.value, DamagedError)
        with pytest.raises(UserError, match="cannot read"):
            files.exists(tmp_path / name)


def test_json_comes_back(tmp_path):
    content = {"a": 1, "b": [1.5, "x"], "c": {"d": None}}
    files.write_json(tmp_path / "x.json", content)
    assert files.read_json(tmp_path / "x.json") == content


def test_json_of_two_networks_of_hundreds_of_layers_comes_back(tmp_path):
    """Each may have 2**18 characters; indented, they take more than is ever read."""
    layer = {"config": {"inbound": [{"args": [{"shape": [[None, 32, 32, 3]] * 20}]}]}}
    network = {"layers": [layer] * (2**18 // len(json.dumps(layer)) - 10)}
    assert 2**17 < len(json.dumps(network)) < 2**18
    content = {"networks": {"generator": network, "discriminator": network}}
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
