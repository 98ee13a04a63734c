from __future__ import annotations

import numpy as np
import pytest

from mobilebench.statistics.warmup_end import MOST_SAMPLES, warmup_end

HEADS = {"none": ([], 0), "first": ([1.0], 1), "four": ([1.0, 0.4, 0.3, 0.3], 4), "twenty": ([0.5] * 20, 20)}


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("variation", [0.01, 0.05])
def test_the_end_is_where_times_settle(name: str, variation: float) -> None:
    head, expected = HEADS[name]
    random, found = np.random.default_rng(0), []
    for _ in range(50):
        times = np.exp(random.normal(0, variation, 100))
        for index, more in enumerate(head):
            times[index] *= 1 + more
        found.append(warmup_end(list(times)))
    assert found.count(expected) >= 45


@pytest.mark.parametrize("times", [[], [2.0, 1.0, 1.0], [0.0] * 20, [2.0, *[1.0] * 9, 0.0]])
def test_few_times_and_times_of_zero_have_no_end(times: list[float]) -> None:
    assert warmup_end(times) is None


def test_equal_times_after_a_slow_first_inference() -> None:
    assert warmup_end([5.0, *[1.0] * 20]) == 1
    assert warmup_end([1.0] * 20) == 0


def test_a_rise_later_is_no_warmup() -> None:
    times = [5.0, *np.exp(np.random.default_rng(1).normal(0, 0.01, 60)), *[1.5] * 60]
    assert warmup_end(times) == 1


def test_only_the_first_inferences_are_searched() -> None:
    assert warmup_end([1.0] * MOST_SAMPLES + [0.5] * 100) == 0
