from __future__ import annotations

import numpy as np
import pytest

from mobilebench.core.records import Measurement
from mobilebench.verdicts.cases import judge_case


def blocks(*medians: float) -> list[Measurement]:
    return [
        Measurement(schema="mobilebench/measurement/1", status="ok", engine="tflite", prediction_ms=[median])
        for median in medians
    ]


def codes(medians: list[float], precision: float | None = None) -> list[str]:
    return [reason.code for reason in judge_case(blocks(*medians), precision)]


def noise(count: int, seed: int = 0, variation: float = 0.01) -> list[float]:
    return list(10 * np.exp(np.random.default_rng(seed).normal(0, variation, count)))


def test_a_case_without_a_block_has_no_reason() -> None:
    assert judge_case([]) == []


@pytest.mark.parametrize("count", [1, 2])
def test_one_and_two_blocks_are_too_few(count: int) -> None:
    assert codes([10.0] * count) == ["too-few-blocks"]


@pytest.mark.parametrize("count", [3, 5, 10, 30])
def test_clean_blocks_have_hardly_ever_a_reason(count: int) -> None:
    found = [codes(noise(count, seed)) for seed in range(200)]
    assert sum(map(bool, found)) <= 6


def test_two_speeds_are_two_modes() -> None:
    assert "two-modes" in codes([10.0, 13.0, 10.1, 13.1, 9.9, 12.9, 10.0, 13.0])


def test_blocks_that_become_slower_drift() -> None:
    slower = [value * (1 + 0.02 * index) for index, value in enumerate(noise(10, 1))]
    assert codes(slower) == ["blocks-drift"]


def test_a_trend_below_two_percent_is_no_drift() -> None:
    assert codes([10 * (1 + 0.001 * index) for index in range(10)]) in ([], ["blocks-correlated"])


def test_slow_swings_are_correlation() -> None:
    swings = [10 * (1 + 0.03 * float(np.sin(index / 3))) for index in range(38)]
    assert codes(swings) == ["blocks-correlated"]


@pytest.mark.parametrize(
    ("medians", "expected"),
    [(noise(8, 2), []), (noise(8, 2, 0.05), ["interval-wide"]), ([10.0] * 4, ["interval-wide"]), ([10.0] * 5, [])],
)
def test_an_interval_that_is_wider_than_asked(medians: list[float], expected: list[str]) -> None:
    assert codes(medians, 0.02) == expected


def test_times_of_zero_are_judged_too() -> None:
    assert codes([0.0, 0.0, 0.0]) == []
    assert codes([0.0, 0.0, 0.0, 0.0, 0.0], 0.02) == ["interval-wide"]
