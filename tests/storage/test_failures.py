"""What cannot be read or used here is not damaged: its reason, and nothing changes."""

import builtins
import contextlib
import errno
import io
import json
import os
import pathlib
import shutil
import tempfile
import warnings
from pathlib import Path

import pytest

from gan_tf.data import sources
from gan_tf.errors import DamagedError, UserError
from gan_tf.files import read_json, write_json
from gan_tf.gan.state import build_gan
from gan_tf.storage import checkpoints, description, tensors

NOBODY = 65534
STATE = ("state.index", "state.data-00000-of-00001")


@pytest.fixture(scope="module")
def images(data_dir):
    return sources.load("auto", str(data_dir))


@pytest.fixture
def run(tiny, images):
    """A run of nobody's with checkpoints of steps 1, 2 (the best) and 3."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        run_dir = Path(folder) / "run"
        description.open_run(run_dir, tiny(), images)
        gan = build_gan(tiny())
        for step, distance in ((1, 7.0), (2, 5.0), (3, 6.0)):
            gan.step.assign(step)
            checkpoints.save(run_dir, gan, distance)
        if os.geteuid() == 0:
            for path in (run_dir, *run_dir.rglob("*")):
                os.chown(path, NOBODY, NOBODY)
        yield run_dir


def tree(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@contextlib.contextmanager
def forbidden(path):
    """Root may read everything: for a while this process is nobody."""
    mode = path.stat().st_mode
    root = os.geteuid() == 0
    path.chmod(0)
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        path.chmod(mode)


@contextlib.contextmanager
def broken_disk(path):
    """Reading this file, or one below, is an input/output error."""

    def failing(file, *arguments, **settings):
        if str(file).startswith(str(path)):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(file))
        return plain(file, *arguments, **settings)

    plain = builtins.open
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builtins, "open", failing)
        patch.setattr(io, "open", failing)
        accessor = getattr(pathlib, "_NormalAccessor", None)  # Python 3.10
        if accessor:
            patch.setattr(accessor, "open", staticmethod(failing))
        yield


def uses(run_dir, tiny, images):
    """What commands do with a run, in the order in which training does it."""
    yield lambda: description.open_run(run_dir, tiny(epochs=50), images)
    yield lambda: checkpoints.restore(run_dir, build_gan(tiny()))
    yield lambda: checkpoints.tidy(run_dir, 3)
    yield lambda: checkpoints.load_generator(run_dir)
    yield lambda: checkpoints.load_generator(run_dir, best=True)
    yield lambda: checkpoints.newest(run_dir)


# Which of the uses above need it. Training needs all: one that it may not read could be
# replaced later.
NEEDED = {
    "config.json": {0, 3, 4},
    "checkpoints": {1, 2, 3, 4, 5},
    "checkpoints/step-00000003": {1, 2, 3, 4, 5},
    "checkpoints/step-00000003/manifest.json": {1, 2, 3, 4, 5},
    "checkpoints/step-00000003/state.index": {1, 3, 5},
    "checkpoints/step-00000003/state.data-00000-of-00001": {1, 3, 5},
    "checkpoints/step-00000002/manifest.json": {2, 4},
    "checkpoints/step-00000002/state.index": {2, 4},
    "checkpoints/step-00000001/manifest.json": {2, 4},
}


@pytest.mark.parametrize("failure", [forbidden, broken_disk])
@pytest.mark.parametrize("name", NEEDED)
def test_what_cannot_be_read_stops_everything_that_needs_it(
    run, tiny, images, name, failure
):
    needed = NEEDED[name]
    before = tree(run)
    stopped = set()
    with failure(run / name):
        for number, use in enumerate(uses(run, tiny, images)):
            if number == 0 and number not in needed:
                continue  # it would write config.json
            try:
                use()
            except UserError as error:
                assert not isinstance(error, DamagedError)
                assert "cannot read" in str(error)
                reason = errno.EACCES if failure is forbidden else errno.EIO
                assert os.strerror(reason) in str(error)
                stopped.add(number)
    assert stopped == needed
    assert tree(run) == before


def test_whatever_fails_after_the_checks_stops_with_its_reason(
    run, tiny, images, monkeypatch
):
    def other_backend(*_, **__):
        raise ModuleNotFoundError("no module named jax")

    monkeypatch.setattr(tensors, "from_bytes", other_backend)
    before = tree(run)
    for use in (
        lambda: checkpoints.restore(run, build_gan(tiny())),
        lambda: checkpoints.load_generator(run),
    ):
        with pytest.raises(UserError, match=r"cannot be used here.*named jax"):
            use()
    assert tree(run) == before


def test_networks_that_do_not_fit_are_no_damage(run, tiny):
    before = tree(run)
    with pytest.raises(UserError, match="cannot be used here"):
        checkpoints.restore(run, build_gan(tiny(generator_units=(9, 9))))
    assert tree(run) == before


@pytest.mark.parametrize("number", [0, 2, "1", None])
def test_another_format_is_another_version(run, tiny, images, number):
    path = run / "checkpoints" / "step-00000003" / "manifest.json"
    write_json(path, read_json(path) | {"format": number})
    before = tree(run)
    for use in list(uses(run, tiny, images))[1:]:
        with pytest.raises(UserError, match="from another version of gan_tf"):
            use()
    assert tree(run) == before


def test_a_damaged_best_checkpoint_is_the_best_no_more(run, tiny):
    assert checkpoints.best(run).name == "step-00000002"
    path = run / "checkpoints" / "step-00000002" / "state.index"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="step-00000002 is damaged and passed over"):
        assert checkpoints.best(run).name == "step-00000003"
    with pytest.warns(UserWarning, match="is damaged"):
        found = list(checkpoints.trained(run, best=True))
    assert [one.step for one in found] == [3, 1]


@pytest.mark.filterwarnings("ignore:checkpoint")
def test_no_message_advises_to_remove_anything(run, tiny):
    for path in checkpoints.saved(run):
        (path / "manifest.json").write_text("{}")
    before = tree(run)
    for use in (
        lambda: checkpoints.restore(run, build_gan(tiny())),
        lambda: checkpoints.load_generator(run),
    ):
        with pytest.raises(UserError, match="not one checkpoint") as caught:
            use()
        assert not {"remove", "delete"} & set(str(caught.value).split())
    assert tree(run) == before


def test_a_checkpoint_that_training_removes_meanwhile_is_not_reported(run, monkeypatch):
    listed = checkpoints.saved(run)
    shutil.rmtree(listed[0])
    monkeypatch.setattr(checkpoints, "saved", lambda _: listed)
    assert checkpoints.newest(run) == listed[1]  # without a warning


def edit(run_dir, **changes):
    path = run_dir / "config.json"
    content = json.loads(path.read_text())
    content["config"] |= changes
    path.write_text(json.dumps(content))


def test_white_space_and_order_are_no_edit(run):
    config, _ = description.read_run(run)
    content = json.loads((run / "config.json").read_text())
    text = json.dumps(dict(reversed(content.items())), indent=7)
    (run / "config.json").write_text("\ufeff" + text, encoding="utf-8")
    assert description.read_run(run)[0] == config


def test_an_edit_that_leaves_the_weights_as_they_are_is_accepted(run, tiny, images):
    edit(run, epochs=777, log_every=9)
    with pytest.warns(UserWarning, match="epochs from 20 to 777; log_every from 5 to"):
        config, _ = description.read_run(run)
    assert config == tiny(epochs=777, log_every=9)


def test_an_edit_that_the_weights_contradict_is_explained(run, tiny, images):
    edit(run, epochs=777, seed=9)
    with pytest.warns(
        UserWarning, match=r"seed from 0 to 9\..*copy .*step-00000003/config\.json is"
    ):
        config, _ = description.read_run(run)
    assert config == tiny()
    with (
        pytest.warns(UserWarning, match="edited"),
        pytest.raises(UserError, match=r"\(there, here\): seed: 0, 9"),
    ):
        description.open_run(run, tiny(seed=9), images)
    with pytest.warns(UserWarning, match="edited"):
        description.open_run(run, tiny(), images)
    assert description.read_run(run)[0] == tiny()  # written anew, without a warning


def test_an_edit_of_the_data_is_explained(run):
    path = run / "config.json"
    content = json.loads(path.read_text())
    content["data"]["name"] = "mnist"
    path.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="name from drawn0 to mnist"):
        assert description.read_run(run)[1]["data"]["name"] == "drawn0"


@pytest.mark.parametrize(
    "changes", [{"colour": 1}, {"batch_size": -1}, {"generator_units": "8"}]
)
def test_an_edit_that_makes_no_sense_falls_back_on_the_copy(run, tiny, changes):
    edit(run, **changes)
    with pytest.warns(UserWarning, match=f"edited .*{next(iter(changes))}.*its copy"):
        assert description.read_run(run)[0] == tiny()


def test_without_a_checkpoint_an_edit_is_as_good_as_the_original(
    tmp_path, tiny, images
):
    description.open_run(tmp_path, tiny(), images)
    edit(tmp_path, seed=9)
    assert description.read_run(tmp_path)[0].seed == 9


def test_a_missing_description_is_replaced_by_its_copy(run, tiny, images):
    (run / "config.json").unlink()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")  # Python's own: once for each place
        description.recorded(run)
        description.check_run(run, tiny(), images)
    assert len(caught) == 1
    with pytest.warns(UserWarning, match=r"config\.json is missing; its copy"):
        description.open_run(run, tiny(), images)
    assert description.read_run(run)[0] == tiny()
