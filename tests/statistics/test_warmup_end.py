from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import ruptures
from numpy.typing import NDArray

from mobilebench.statistics.warmup_end import MOST_SAMPLES, pieces, warmup_end

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


def described(values: NDArray[np.float64], ends: list[int], penalty: float) -> float:
    """What `pieces` makes least."""
    parts = [values[start:end] for start, end in pairwise([0, *ends])]
    return float(sum(((part - part.mean()) ** 2).sum() + penalty for part in parts))


@pytest.mark.parametrize("count", [7, 8, 30, MOST_SAMPLES - 1])
@pytest.mark.parametrize("penalty", [1e-4, 0.01, 0.04, 0.1])
def test_pieces_are_those_of_ruptures_or_better(count: int, penalty: float) -> None:
    """`ruptures` prunes, so that with a penalty far below the noise it misses the optimum now and then."""
    random = np.random.default_rng(count)
    for _ in range(20):
        levels = np.cumsum((random.uniform(size=count) < 0.1) * random.normal(0, 0.2, count))
        values = levels + random.normal(0, 0.05, count)
        library = ruptures.KernelCPD(kernel="linear", min_size=2).fit(values.reshape(-1, 1)).predict(pen=penalty)
        ours = pieces(values, penalty)
        assert min(end - start for start, end in pairwise([0, *ours])) >= 2
        assert described(values, ours, penalty) <= described(values, library, penalty) + 1e-9
        assert ours == library or penalty < 0.01
