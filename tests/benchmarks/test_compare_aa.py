"""What the benchmark of equal runs counts, on made-up runs."""

from __future__ import annotations

import pytest

from benchmarks.compare_aa import by_blocks_alone, by_compare, share
from mobilebench.analysis.summary import summarise
from tests.analysis.runs import ORT, TFLITE, run_of, times

EQUAL = [summarise(run_of(number, {TFLITE: times(), ORT: times()})) for number in range(2)]
SHIFTED = [EQUAL[0], summarise(run_of(9, {TFLITE: times(1.02), ORT: times()}))]


def test_a_test_of_blocks_alone_calls_a_shift_that_compare_does_not() -> None:
    assert by_blocks_alone(EQUAL, (0, 1), ("prediction",)) is False
    assert by_blocks_alone(SHIFTED, (0, 1), ("prediction",)) is True
    assert by_compare(0)(SHIFTED, (0, 1), ("prediction",)) is False


@pytest.mark.parametrize("rule", [by_blocks_alone, by_compare(3)])
def test_a_large_change_is_called_by_every_rule(rule: object) -> None:
    runs = [EQUAL[0], summarise(run_of(9, {TFLITE: times(2), ORT: times()}))]
    assert callable(rule)
    assert rule(runs, (0, 1), ("prediction", "setup")) is True


def test_families_that_tell_nothing_do_not_count() -> None:
    short = [summarise(run_of(number, {TFLITE: times(1, 2)})) for number in range(2)]
    assert by_blocks_alone(short, (0, 1), ("prediction",)) is None
    assert by_compare(0)(short, (0, 1), ("prediction",)) is None
    assert share(iter([True, None, False, False, False])) == "1 of 4 (25.0%)"
    assert share(iter([None])) == "–"
