"""What the benchmark of the runner's own cost makes of its numbers."""

from __future__ import annotations

import pytest

from benchmarks import runner_cost


@pytest.mark.parametrize(
    ("starts", "memory", "sizes", "kept"),
    [
        ([1.0, 2.0, 40.0], [260.0, 300.0], [90_000], True),
        ([11.0, 11.0, 1.0], [260.0], [90_000], False),
        ([1.0], [260.0, 1001.0], [90_000], False),
        ([1.0], [260.0], [90_000, 100_001], False),
    ],
)
def test_every_promise_has_to_be_kept(starts: list[float], memory: list[float], sizes: list[int], kept: bool) -> None:
    assert runner_cost.within(starts, memory, sizes) is kept


@pytest.mark.build
@pytest.mark.alone
def test_the_runner_keeps_its_promises(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner_cost.main(["--starts", "30"]) == 0
    printed = capsys.readouterr().out
    assert "| start to first byte, ms |" in printed
    assert printed.endswith("Promises kept.\n")
