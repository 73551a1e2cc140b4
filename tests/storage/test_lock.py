import errno
import os

import pytest

from gan_tf import files
from gan_tf.errors import UserError
from gan_tf.storage import lock


def test_a_file_system_without_locks_is_warned_of(tmp_path, monkeypatch):
    def no_locks(*_, **__):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock, "lock_descriptor", no_locks)
    with (
        pytest.warns(UserWarning, match="cannot be locked: No locks available"),
        lock.run_lock(tmp_path),
    ):
        pass


def test_the_lock_is_free_again_whatever_ends_the_block(tmp_path):
    with pytest.raises(KeyError), lock.run_lock(tmp_path):
        raise KeyError
    with lock.run_lock(tmp_path):
        with pytest.raises(UserError, match="is in use"), lock.run_lock(tmp_path):
            pass
        with pytest.raises(UserError, match="is in use"), lock.run_lock(tmp_path):
            pass  # the refused one has not lifted it
    with lock.run_lock(tmp_path):
        pass


@pytest.mark.parametrize("follows", [True, False])
def test_a_link_is_not_followed(tmp_path, monkeypatch, follows):
    if not follows:
        monkeypatch.delattr(os, "O_NOFOLLOW")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "lock").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(UserError, match="lock is a link"),
        lock.run_lock(tmp_path / "run"),
    ):
        pass
    with pytest.raises(UserError, match="lock is a link"):
        lock.check_lock(tmp_path / "run")
    assert not (tmp_path / "elsewhere").exists()


def test_a_lock_can_be_asked_for_without_a_trace(tmp_path):
    lock.check_lock(tmp_path / "new")
    assert not (tmp_path / "new").exists()
    left = f"{files.PART}1.part"
    (tmp_path / left).touch()
    os.utime(tmp_path / left, (0, 0))
    with lock.run_lock(tmp_path):
        assert not (tmp_path / left).exists()
        (tmp_path / left).touch()
        with pytest.raises(UserError, match="is in use"):
            lock.check_lock(tmp_path)
    lock.check_lock(tmp_path)  # free again, and free after it was asked for
    with lock.run_lock(tmp_path):
        pass
    (tmp_path / left).touch()
    lock.check_lock(tmp_path)
    assert (tmp_path / left).exists()


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", lambda *_: os._exit(1))
    if os.fork() == 0:
        files.write_atomically(tmp_path / "samples" / "x.png", b"half")
    os.wait()
    (left,) = (tmp_path / "samples").iterdir()
    with lock.run_lock(tmp_path):
        assert left.exists()  # it could be a command's that runs now
    os.utime(left, (0, 0))
    (tmp_path / ".mine.part").mkdir()
    (tmp_path / "samples" / ".mine.part").touch()
    with lock.run_lock(tmp_path):
        assert os.listdir(tmp_path / "samples") == [".mine.part"]
    assert sorted(os.listdir(tmp_path)) == [".mine.part", "lock", "samples"]


def test_what_another_command_finishes_meanwhile_is_no_error(tmp_path, monkeypatch):
    gone = tmp_path / f"{files.PART}1.part"
    monkeypatch.setattr(type(tmp_path), "glob", lambda *_: [gone])
    with lock.run_lock(tmp_path):
        assert not gone.exists()
