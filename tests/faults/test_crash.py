"""A crash between any two operations on files: every one of them is tried.

Python reports each to an audit hook, which plays the crash: from a given operation on
none is done any more, so the files stay as `kill -9` would leave them there.
"""

import os
import shutil
import sys

import numpy as np

from gan_tf import files
from gan_tf.gan.state import build_gan
from gan_tf.gan.step import METRICS
from gan_tf.storage import checkpoints
from gan_tf.storage.curves import read_curves
from gan_tf.storage.lock import run_lock
from gan_tf.training.log import Log

OPERATIONS = ("open", "os.", "shutil.")


class Crash(BaseException):
    """The end of a process, which no handler of ours may catch."""


class _Machine:
    """Counts operations on files that change something, and stops them after some."""

    left = None

    def hook(self, event, arguments):
        if self.left is None or not event.startswith(OPERATIONS):
            return
        reads = event == "open" and "r" in str(arguments[1])
        if reads or event in ("os.listdir", "os.scandir"):
            return
        if self.left == 0:
            raise Crash
        self.left -= 1


MACHINE = _Machine()
sys.addaudithook(MACHINE.hook)  # no hook can be removed, but this one rests


def crash_after(operations, work):
    """Does `work` up to a crash; False if it was done before that."""
    MACHINE.left = operations
    try:
        work()
    except Crash:
        return True
    finally:
        MACHINE.left = None
    return False


def every_crash(work):
    """Crashes `work` after 0, 1, 2, ... operations until it gets through."""
    operations = 0
    while crash_after(operations, work):
        yield operations
        operations += 1
    assert operations > 2


def test_saving_never_leaves_less_than_the_checkpoint_before(tmp_path, tiny):
    gan, found = build_gan(tiny()), build_gan(tiny())

    def save(step):
        gan.step.assign(step)
        checkpoints.save(tmp_path, gan)

    for step in (1, 2, 3):
        save(step)
    reached = []
    for _ in every_crash(lambda: save(4)):
        checkpoints.restore(tmp_path, found)  # warns of no damage
        reached.append(int(found.step))
        checkpoints.tidy(tmp_path, reached[-1])
        names = {path.name for path in (tmp_path / "checkpoints").iterdir()}
        assert names == {path.name for path in checkpoints.saved(tmp_path)}
        assert len(names) <= 3
        if reached[-1] == 4:
            shutil.rmtree(checkpoints.saved(tmp_path)[0])
    assert set(reached) == {3, 4}


def test_a_file_is_the_old_or_the_new_one(tmp_path):
    path = tmp_path / "x"
    for _ in every_crash(lambda: files.write_atomically(path, b"new")):
        assert not path.exists() or path.read_bytes() in (b"old", b"new")
        files.write_atomically(path, b"old")


def test_a_new_session_never_loses_a_curve(tmp_path, tiny):
    def session(first, last):
        with Log(tmp_path, tiny(), first, progress=False) as log:
            for step in range(first + 1, last + 1):
                log.add(dict.fromkeys(METRICS, float(step)), 1)
                log.write(step)
                log.end_step(step)

    session(0, 3)
    session(3, 6)
    for _ in every_crash(lambda: Log(tmp_path, tiny(), 6, progress=False).__exit__()):
        steps, values = read_curves(tmp_path)["d_loss"]
        np.testing.assert_array_equal(steps, [1, 2, 3, 4, 5, 6])
        np.testing.assert_array_equal(values, [1, 2, 3, 4, 5, 6])
    for unfinished in tmp_path.glob(".gan_tf-*.part"):
        os.utime(unfinished, (0, 0))
    with run_lock(tmp_path):  # which removes what is unfinished and old
        left = {path.name for path in tmp_path.iterdir()}
    assert left == {"tensorboard", "curves.csv", "lock"}
