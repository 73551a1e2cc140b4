"""What the table of times to a quality says."""

import pytest

import time_to_quality


def seeds(*runs, limit=300.0):
    return {
        str(number): {"limit": limit, "points": points}
        for number, points in enumerate(runs)
    }


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (4, "15 &plusmn; 7"),  # 10 and 20 s
        (1, "not in 5 min in 1 of 2"),
        (0.5, "not in 5 min"),
    ],
)
def test_a_level_counts_from_the_first_samples_that_reach_it(level, words):
    runs = seeds(
        [(10.0, 3.9), (20.0, 0.9), (300.0, 2.0)], [(10.0, 4.1), (20.0, 4.0), (300.0, 3)]
    )
    assert time_to_quality.cell(runs, level) == words


def test_a_run_that_ended_by_itself_is_named_by_its_length():
    assert time_to_quality.cell(seeds([(10.0, 4.0), (30.0, 3.0)]), 2) == "not in 30 s"
