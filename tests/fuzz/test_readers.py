"""Hostile files: every reader gives a right result or a `UserError`, within its memory.

The seeds of the readers hold each input that ever caused a crash; `long_run.py` makes a
million more.
"""

import json
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT, run_python
from tests.fuzz import long_run
from tests.fuzz.json_files import honest_description, sealed
from tests.fuzz.readers import READERS
from tests.fuzz.saved import TINY, Saved
from tests.fuzz.target import attempt

# `records` and `index` guard what TensorFlow's own readers are given.
QUICK = ("idx", "gzip", "npz", "json", "config", "manifest", "png", "records", "index")
QUICK += ("table", "pictures", "npy", "evaluation")
FEW = ("samples", "caption", "classifier")  # slow ones: the seeds alone


def inputs(seeds):
    """Seeds as they are, seeds with a few bytes changed, and any bytes."""
    seed = st.sampled_from(seeds)
    place, byte = st.integers(0, 2**32), st.integers(0, 255)
    edits = st.lists(st.tuples(place, byte), max_size=4)
    return st.builds(edited, seed, edits) | st.binary(max_size=200)


def edited(content, edits):
    changed = bytearray(content)
    for place, byte in edits:
        if changed:
            changed[place % len(changed)] = byte
    return bytes(changed)


@pytest.fixture
def traced():
    tracemalloc.start()
    yield
    tracemalloc.stop()


@pytest.mark.usefixtures("traced")
@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("name", QUICK + FEW)
def test_a_right_result_or_a_sentence(name, tmp_path):
    target = READERS[name](tmp_path)
    seeds = target.seeds()
    outcomes = [attempt(target, seed)[0] for seed in seeds]
    assert set(outcomes) <= {"results", "refused"}
    assert "results" in outcomes  # the inner checks are reached, not only the outer

    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs(seeds))
    def fuzz(data):
        assert attempt(target, data)[0] in ("results", "refused")

    if name in QUICK:
        fuzz()


CHILD = """
import json, sys, tempfile
from pathlib import Path
from tests.fuzz.readers import NATIVE, READERS
from tests.fuzz.target import attempt
found = {}
for name in NATIVE:
    target = READERS[name](Path(tempfile.mkdtemp(dir=sys.argv[1])))
    found[name] = [attempt(target, seed)[0] for seed in target.seeds()[::8]]
print(json.dumps(found))
"""


def test_tensorflows_own_readers_outlive_hostile_files(tmp_path):
    """In a process of their own, since a crash in C++ ends it."""
    result = run_python("-c", CHILD, tmp_path)
    assert result.returncode == 0, result.stderr[-2000:]
    for name, outcomes in json.loads(result.stdout.splitlines()[-1]).items():
        assert set(outcomes) <= {"results", "refused"}, name
        assert "results" in outcomes, name


def test_a_network_that_the_checkpoint_does_not_hold_is_not_built(tmp_path):
    """A sealed configuration of 4 TB; building it would end the process."""
    from gan_tf.errors import UserError
    from gan_tf.storage import checkpoints

    saved = Saved(tmp_path)
    sizes = {"latent_dim": 2**20 - 1, "generator_units": (2**20 - 1,)}
    description = honest_description(**TINY | sizes)
    (tmp_path / "config.json").write_bytes(sealed(description))
    assert saved.folder.exists()
    with pytest.raises(UserError, match="smaller than its configuration's network"):
        checkpoints.load_generator(tmp_path)


@pytest.mark.parametrize("name", ["../../secret", "/etc/passwd", "state.index/../x"])
def test_a_manifest_cannot_name_files_elsewhere(tmp_path, name):
    from gan_tf.errors import UserError
    from gan_tf.storage import manifest

    saved = Saved(tmp_path)
    files = saved.manifest["files"] | {name: "0" * 64}
    saved.write(saved.index, saved.state, saved.manifest | {"files": files})
    with pytest.raises(UserError, match="must name state"):
        manifest.check_folder(saved.folder)


def test_the_page_shows_the_stored_results():
    results = json.loads(long_run.RESULTS.read_text())
    page = (ROOT / "docs/hostile_files.md").read_text()
    assert long_run.table(results) in page
    total = sum(row["inputs"] for row in results.values())
    assert f"{total} inputs in all, no failure" in page
    assert f"{total} inputs" in (ROOT / "docs/reliability.md").read_text()
    assert not any(row["failures"] for row in results.values())
