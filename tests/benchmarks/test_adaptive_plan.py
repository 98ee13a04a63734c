"""The simulated phones on which the adaptive plan is compared with a fixed one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import adaptive_plan as plans


def phone(size: float, state: plans.State = plans.steady, seed: int = 0) -> plans.Phone:
    """A phone with one case of each model, of 20 ms, whose blocks differ by this much and whose predictions hardly."""
    random = np.random.default_rng(seed)
    blocks = [np.full(10, one) + random.normal(0, 1e-4, 10) for one in random.normal(0, size, 50)]
    centre = np.mean([np.median(block) for block in blocks])
    cases = [[plans.Case(0.02, [block - centre for block in blocks])] for _ in range(2)]
    return plans.Phone(cases, state(random))


def test_a_steady_phone_is_done_after_five_rounds() -> None:
    found = plans.adaptive(phone(0.001), np.random.default_rng(1))
    assert found.blocks == 5
    assert found.error < 0.005
    assert found.seconds == pytest.approx(10 * (plans.START_SECONDS + 20 * 0.02), rel=0.01)


def test_a_noisy_phone_takes_more_and_ends_within_two_percent() -> None:
    found = plans.adaptive(phone(0.03), np.random.default_rng(1))
    assert found.blocks > 8
    assert found.error < 0.03


def test_a_fixed_plan_in_rounds_gets_better_with_each_repetition() -> None:
    found = plans.in_rounds(phone(0.03), 40, np.random.default_rng(1))
    assert [one.blocks for one in found] == list(range(1, 41))
    assert np.mean([one.error for one in found[30:]]) < np.mean([one.error for one in found[:5]])
    assert found[0].seconds == pytest.approx(2 * (plans.START_SECONDS + 50 * 0.02), rel=0.1)


def test_throttling_is_as_frequent_and_as_strong_as_stated() -> None:
    state = plans.throttling(np.random.default_rng(2))(np.arange(0.0, 40_000.0, plans.STEP_SECONDS))
    slow = np.log1p(plans.THROTTLED)
    assert np.ptp(state) == pytest.approx(slow)
    assert np.mean(state > 0) == pytest.approx(plans.THROTTLED_SHARE, abs=0.04)
    assert abs(state.mean()) < 0.01


def test_drift_is_as_large_as_stated() -> None:
    state = plans.drift(np.random.default_rng(3))(np.arange(0.0, 40_000.0, plans.STEP_SECONDS))
    assert state.std() == pytest.approx(plans.DRIFT, rel=0.15)


def test_traces_of_this_machine_are_there() -> None:
    assert all(len(blocks) >= 5 for blocks in plans.measured())


def test_the_smallest_number_of_repetitions_is_found() -> None:
    def of(repeats: int) -> list[plans.Outcome]:
        return [plans.Outcome(1.0, 1 / repeats, 1.0, 1.0, repeats)]

    found = plans.first_below(0.1, of)
    assert found is not None
    assert found[0] == 10
    assert plans.first_below(1e-6, of) is None


def test_the_file_of_traces_holds_numbers_alone() -> None:
    cases = json.loads(Path(plans.TRACES).read_text(encoding="utf-8"))["cases"]
    assert all(ms > 0 for blocks in cases.values() for block in blocks for ms in block)
