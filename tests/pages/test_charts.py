"""Coordinates of charts."""

import itertools

import pytest

from gan_tf.evaluation import monitor
from gan_tf.gan.losses import OBJECTIVES
from gan_tf.pages.charts import SIZE, chart, charts_of_run


def places(found, line=0):
    points = found["lines"][line]["points"]
    return [tuple(map(float, point.split(","))) for point in points.split()]


def test_lines_fill_the_axes_and_rests_lie_on_their_scale():
    found = chart("x", {"a": ([0, 10], [1.0, 2.0])}, {"r": 1.0})
    first, last = places(found)
    assert (first[0], last[0]) == (SIZE["left"], SIZE["right"])
    assert SIZE["top"] < last[1] < first[1] < SIZE["bottom"]
    assert found["rests"][0][2] == first[1]


def test_a_logarithmic_axis_has_equal_steps_for_equal_ratios():
    found = chart("x", {"a": ([0, 1, 2], [1.0, 10.0, 100.0])}, log=True)
    low, middle, high = (y for _, y in places(found))
    assert middle == pytest.approx((low + high) / 2, abs=0.1)
    assert [text for _, text in found["ticks_y"]][:3] == ["1", "2", "5"]
    straight = chart("x", {"a": ([0, 1, 2], [0.0, 10.0, 100.0])}, log=True)
    assert straight["ticks_y"][0][1] == "0"  # not all are positive
    narrow = chart("x", {"a": ([0, 1], [103.0, 168.0])}, log=True)
    assert len(narrow["ticks_y"]) >= 3


def test_long_curves_are_thinned_by_means_and_end_at_their_end():
    steps = list(range(5000))
    found = chart("x", {"a": (steps, [float(step) for step in steps])})
    at, values = found["data"]["lines"][0]
    assert len(at) <= 400
    assert at[-1] == 4999
    assert values[-1] == pytest.approx(4993, abs=10)


def test_odd_curves():
    assert chart("x", {"a": ([], [])}) is None
    odd = [1.7e308, -1.7e308, 0.0, 5e-324, 1.0, 1.0000000000000002]
    for first, last in itertools.product(odd, odd):
        for log, steps in itertools.product((False, True), ([0, 1], [9, 2**63 - 1])):
            for rests in ({}, {"r": 0.7}):
                found = chart("x", {"a": (steps, [first, last])}, rests, log)
                assert "nan" not in str(found)
                assert "inf" not in str(found)


def test_one_point_is_seen_and_steps_are_whole():
    found = chart("x", {"a": ([5], [0.0])})
    (left, y), (right, same) = places(found)
    assert left == SIZE["left"] < right
    assert y == same
    assert [text for _, text in found["ticks_x"]] == ["5", "6"]


def test_curves_of_unequal_length_share_a_chart():
    curves = {
        monitor.SHARES[0]: ([0, 10, 20], [0.1, 0.2, 0.3]),
        monitor.SHARES[1]: ([20], [0.5]),
    }
    (found,) = charts_of_run(curves, OBJECTIVES["non_saturating"])
    assert [line["last"] for line in found["lines"]] == ["0.3", "0.5"]
