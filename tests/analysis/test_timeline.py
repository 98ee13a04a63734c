from __future__ import annotations

from mobilebench.analysis.summary import summarise
from mobilebench.analysis.timeline import blocks_at, quantities
from tests.analysis import example


def test_blocks_are_in_order_of_time_from_zero_and_only_those_that_count() -> None:
    for target in summarise(example.example_run()).targets:
        found = blocks_at(target)
        assert [one.minutes for one in found] == sorted(one.minutes for one in found)
        assert len(found) == sum(len(case.counted) for case in target.cases)
        assert all(one.low <= one.relative <= one.high for one in found)


def test_readings_of_one_quantity_are_one_series() -> None:
    target = summarise(example.example_run()).targets[1]
    found = quantities(target)
    keys = [(one.recorder, one.name, one.unit) for one in found]
    assert keys
    assert len(set(keys)) == len(keys)
    for one in found:
        assert [reading.minutes for reading in one.readings] == sorted(reading.minutes for reading in one.readings)
