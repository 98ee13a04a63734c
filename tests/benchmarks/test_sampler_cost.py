"""What the benchmark of the sampler makes of its numbers."""

from __future__ import annotations

import pytest

from benchmarks import sampler_cost
from benchmarks.ratios import Ratio


@pytest.mark.parametrize(
    ("low", "high", "kept"),
    [(0.995, 1.004, True), (0.99, 1.01, True), (0.98, 1.0, False), (1.0, 1.02, False), (None, None, False)],
)
def test_the_whole_interval_has_to_lie_within_the_limits(low: float | None, high: float | None, kept: bool) -> None:
    ratio = Ratio(1.0, low, high, 20)
    assert sampler_cost.is_kept(ratio) == kept
    assert ("**no**" in sampler_cost.row("host", 5, 1.0, ratio, [0.001])) != kept


def test_the_cost_is_the_growth_of_the_processor_time() -> None:
    assert sampler_cost.per_second([1000.0, 5000.0], [0.5, 0.54]) == pytest.approx(0.01)
    assert "not told" in sampler_cost.row("host", 5, 1.0, Ratio(1.0, 1.0, 1.0, 20), [])
