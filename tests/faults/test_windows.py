"""The commands run without what Windows lacks; see `windows.py` for what that shows."""

import os
from pathlib import Path

import pytest

from tests.conftest import flags_of, run_python

HERE = Path(__file__).parent


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs Linux's /proc")
def test_the_commands_run_without_what_windows_lacks(tmp_path, tiny):
    run_dir = f"--run_dir={tmp_path / 'run'}"
    result = run_python(
        HERE / "windows.py",
        *("train", *flags_of(tiny()), run_dir, ","),
        *("train", *flags_of(tiny(epochs=60)), run_dir, ","),  # thins checkpoints
        *("train", *flags_of(tiny(epochs=60)), run_dir, ","),
        *("generate", run_dir, f"--out={tmp_path}/a.png", ","),
        *("generate", run_dir, f"--out={tmp_path}/a.png", ","),  # replaces it
        *("generate", run_dir, f"--out={tmp_path}/a.npz", ","),
        *("evaluate", run_dir),
    )
    assert result.returncode == 0, result.stderr
    assert "is finished: 60 steps done" in result.stdout
    assert "cannot be locked: fcntl is unavailable" in result.stderr
    assert "Traceback" not in result.stderr
    kept = sorted(os.listdir(tmp_path / "run" / "checkpoints"))
    assert kept == ["step-00000040", "step-00000050", "step-00000060"]
    assert {"a.png", "a.npz"} <= set(os.listdir(tmp_path))
