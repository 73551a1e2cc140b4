import itertools
import os

import pytest

from gan_tf.errors import UserError
from gan_tf.storage import run_directory
from gan_tf.training import pictures


def test_sample_grids_are_thinned_evenly_and_the_newest_stays(tmp_path):
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "step-mine.png").touch()
    for step in range(0, 1001, 10):
        run_directory.sample_grid_path(tmp_path, step).touch()
        pictures.thin_sample_grids(tmp_path, 10, most=8)
        kept = sorted(run_directory.sample_grids(tmp_path))
        assert len(kept) <= 8
        assert (kept[0], kept[-1]) == (0, step)
        gaps = [b - a for a, b in itertools.pairwise(kept)]
        assert len(set(gaps[: len(gaps) // 2])) <= 1
        assert max(gaps, default=0) <= max(10, step / 2)
    assert (tmp_path / "samples" / "step-mine.png").exists()


def test_a_folder_of_grids_that_cannot_be_read_is_not_empty(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    assert run_directory.sample_grids(tmp_path) == {}
    monkeypatch.setattr(os, "listdir", refuse)
    with pytest.raises(UserError, match="cannot read"):
        run_directory.sample_grids(tmp_path)
