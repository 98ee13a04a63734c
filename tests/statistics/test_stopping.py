from __future__ import annotations

import numpy as np
import pytest

from mobilebench.statistics.estimates import estimate
from mobilebench.statistics.stopping import further_blocks, precise_enough


def blocks(count: int, variation: float, seed: int = 0) -> list[float]:
    return list(np.exp(np.random.default_rng(seed).normal(0, variation, count)))


def test_equal_blocks_are_enough_from_five() -> None:
    assert not precise_enough(estimate([3.0] * 4), 0.02)
    assert precise_enough(estimate([3.0] * 5), 0.02)


def test_a_wide_interval_is_not_enough() -> None:
    assert not precise_enough(estimate(blocks(6, 0.2)), 0.02)


@pytest.mark.parametrize(("count", "expected"), [(1, 4), (2, 3), (4, 1)])
def test_below_five_blocks_the_rest_is_asked_for(count: int, expected: int) -> None:
    assert further_blocks(estimate(blocks(count, 0.01)), 0.02, 100) == expected


def test_further_blocks_are_about_those_that_reach_the_precision() -> None:
    found = [further_blocks(estimate(blocks(10, 0.05, seed)), 0.02, 500) for seed in range(50)]
    assert 15 < float(np.median(found)) < 30


def test_no_more_than_the_most() -> None:
    assert further_blocks(estimate(blocks(5, 0.5)), 0.01, 7) == 7
    assert further_blocks(estimate(blocks(5, 0.5)), 0.01, 0) == 0


def test_times_of_zero_never_become_precise() -> None:
    assert not precise_enough(estimate([0.0] * 9), 0.02)
    assert further_blocks(estimate([0.0] * 9), 0.02, 3) == 1
