"""The long run of faults: what it waits for, and that the page shows its results."""

import json
import subprocess

from tests.conftest import ROOT
from tests.faults import long_run, place


def test_nothing_is_waited_for_once_the_command_has_ended(tmp_path, monkeypatch):
    def sleep(_):
        raise AssertionError("it waits")

    monkeypatch.setattr(place.time, "sleep", sleep)
    process = subprocess.Popen(["true"])
    process.wait()
    ended = place.Started(process.pid, tmp_path / "output.txt", None)
    (tmp_path / "output.txt").write_text("the run is finished")
    assert not ended.wait_for("training on")
    assert ended.wait_for("is finished")


def test_the_page_shows_the_stored_results():
    results = json.loads(long_run.RESULTS.read_text())
    assert long_run.table(results) in (ROOT / "docs/reliability.md").read_text()
