"""Coordinates of charts."""

import pytest

from gan_tf.pages.charts import SIZE, Chart, layout


def places(chart, line=0):
    points = layout(chart)["lines"][line]["points"]
    return [tuple(map(float, point.split(","))) for point in points.split()]


def test_lines_fill_the_axes_and_rests_lie_on_their_scale():
    found = layout(Chart("x", {"a": ([0, 10], [1.0, 2.0])}, rests={"r": 1.0}))
    (first, last) = places(Chart("x", {"a": ([0, 10], [1.0, 2.0])}))
    assert (first[0], last[0]) == (SIZE["left"], SIZE["right"])
    assert SIZE["top"] < last[1] < first[1] < SIZE["bottom"]
    assert found["rests"][0][2] == pytest.approx(first[1], abs=0.1)


def test_a_logarithmic_axis_has_equal_steps_for_equal_ratios():
    chart = Chart("x", {"a": ([0, 1, 2], [1.0, 10.0, 100.0])}, log=True)
    low, middle, high = (y for _, y in places(chart))
    assert middle == pytest.approx((low + high) / 2, abs=0.1)
    assert [text for _, text in layout(chart)["ticks_y"]][:3] == ["1", "2", "5"]


def test_bands_lie_one_upon_the_other():
    chart = Chart("x", {"a": ([0, 1], [25, 50]), "b": ([0, 1], [75, 50])}, stacked=True)
    lower, upper = places(chart), places(chart, 1)
    assert lower[:2] == upper[:1:-1]
    assert {y for _, y in upper[:2]} == {SIZE["top"]}
    assert {y for _, y in lower[2:]} == {SIZE["bottom"]}


def test_long_curves_are_thinned_by_means_and_end_at_their_end():
    steps = list(range(5000))
    found = layout(Chart("x", {"a": (steps, [float(step) for step in steps])}))
    at, values = found["data"]["lines"][0]
    assert len(at) <= 400
    assert at[-1] == 4999
    assert values[-1] == pytest.approx(4993, abs=10)


def test_odd_curves():
    assert layout(Chart("x", {"a": ([], [])})) is None
    for steps, values in (([5], [0.0]), ([0, 5], [1.0, 1.0]), ([0, 9], [-1e30, 1e30])):
        found = layout(Chart("x", {"a": (steps, values)}))
        assert "nan" not in str(found)
        assert "inf" not in str(found)
