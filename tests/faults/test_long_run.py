"""The long run of faults: what it waits for, and that the page shows its results."""

import json
import subprocess

import pytest

from tests.conftest import ROOT
from tests.faults import long_run, place


@pytest.fixture
def ended(tmp_path):
    """A fork server whose command has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    server = object.__new__(place.ForkServer)
    server.pid, server._output = process.pid, tmp_path / "output.txt"
    server._output.write_text("the run is finished")
    return server


def test_nothing_is_waited_for_once_the_command_has_ended(ended, monkeypatch):
    def sleep(_):
        raise AssertionError("it waits")

    monkeypatch.setattr(place.time, "sleep", sleep)
    assert not ended.wait_for("training on")
    assert ended.wait_for("is finished")


def test_the_page_shows_the_stored_results():
    results = json.loads(long_run.RESULTS.read_text())
    assert long_run.table(results) in (ROOT / "docs/reliability.md").read_text()
