from __future__ import annotations

import pytest

from mobilebench.report.figures import axes


@pytest.mark.parametrize(("values", "logarithmic"), [((1, 15), False), ((1, 25), True), ((0, 25), False)])
def test_an_axis_is_logarithmic_only_when_the_values_need_it(values: tuple[float, ...], logarithmic: bool) -> None:
    axis = axes.fitting(values)
    assert axis.logarithmic == logarithmic
    assert axis.encoding("x")["scale"].get("type") == ("log" if logarithmic else None)


@pytest.mark.parametrize("values", [(0.0, 5.0), (0.004, 0.0041), (3.0,), (1e6, 2e6), (0.5, 9e5), (1.0, 100.0)])
def test_everything_is_on_the_axis_and_its_ends_are_ticks(values: tuple[float, ...]) -> None:
    axis = axes.fitting(values)
    assert axis.low <= min(values) <= max(values) <= axis.high
    assert (axis.ticks[0], axis.ticks[-1]) == pytest.approx((axis.low, axis.high))
    assert 2 <= len(axis.ticks) <= 10


def test_a_logarithmic_axis_of_one_value_has_a_length() -> None:
    axis = axes.log_axis(10.0, 10.0)
    assert axis.low < axis.high


def test_what_lies_outside_is_moved_to_the_end() -> None:
    axis = axes.linear_axis(10)
    assert [axis.clipped(value) for value in (-1, 5, 99)] == [0, 5, 10]
