"""Blocks of one case that do not agree with each other, and what that makes of case, counts and exit code."""

from __future__ import annotations

import csv
import io

import pytest

from mobilebench.analysis.gaps import gaps
from mobilebench.analysis.summary import summarise
from mobilebench.core.errors import ExitCode
from mobilebench.core.records import Run
from mobilebench.report.compose import result_table
from mobilebench.report.sections.head import headline
from mobilebench.session.coordinator import block_counts, exit_code
from mobilebench.verdicts.cases import far_apart
from tests.analysis import example
from tests.analysis.test_summary import answer, only_case, plan, run_of
from tests.pinning import Pinned
from tests.report import rendering


@pytest.mark.parametrize("medians", [[], [5.0], [2.0, 3.0], [3.0, 2.0, 2.5], [0.0, 0.0]])
def test_blocks_that_agree(medians: list[float]) -> None:
    assert far_apart(medians) is None


@pytest.mark.parametrize(
    ("medians", "said"),
    [
        ([1.2, 5.52], "Its blocks differ by 4.6×: medians 1.2 and 5.52 ms."),
        ([2.0, 3.01], "Its blocks differ by 1.505×: medians 2 and 3.01 ms."),
        ([1.0, 1.1, 1.0, 9.0], "Its blocks differ by 9.0×: medians 1, 1.1, 1 and 9 ms."),
        ([1.0] * 9 + [4.0], "Its blocks differ by 4.0×: medians from 1 to 4 ms."),
        ([0.0, 1.0], "Its blocks differ: some of them took no time that the clock can tell: medians 0 and 1 ms."),
    ],
)
def test_blocks_that_are_too_far_apart(medians: list[float], said: str) -> None:
    reason = far_apart(medians)
    assert reason is not None
    assert (reason.code, reason.sentence) == ("blocks-far-apart", said)


def run_with(*predictions: float) -> Run:
    plans = plan(*range(len(predictions)))
    return run_of(plans, [example.measured(p, answer(ms)) for p, ms in zip(plans, predictions, strict=True)])


def test_the_case_is_suspect_and_counts_and_exit_code_agree(pinned: Pinned) -> None:
    run = run_with(1.2, 5.52)
    found = only_case(run)
    assert found.status == "suspect"
    assert "Its blocks differ by 4.6×: medians 1.2 and 5.52 ms." in found.reasons
    assert found.stages["prediction"].interval is None
    assert summarise(run).counts["suspect"] == 1
    assert block_counts(summarise(run))["suspect"] == 2
    assert exit_code(block_counts(summarise(run))) == ExitCode.SUSPECT
    pinned(headline(summarise(run)))


def test_blocks_that_agree_stay_valid() -> None:
    run = run_with(1.2, 1.3)
    assert only_case(run).status == "valid"
    assert exit_code(block_counts(summarise(run))) == ExitCode.OK


def test_blocks_that_did_not_run_the_same_thing_decide_the_exit_code_too() -> None:
    plans = plan(1, 2)
    run = run_of(plans, [example.measured(p, answer(1.0, priority=n)) for p, n in zip(plans, (1, 2), strict=True)])
    assert only_case(run).status == "invalid"
    assert exit_code(block_counts(summarise(run))) == ExitCode.CASES_FAILED


def test_blocks_without_a_measurement_take_no_part() -> None:
    plans = plan(1, 2, 3)
    blocks = [example.measured(plans[0], answer(1.0)), example.unmeasured(plans[1], "unsupported", "Too slow.")]
    run = run_of(plans, [*blocks, example.measured(plans[2], answer(1.1))])
    found = only_case(run)
    assert found.status == "unsupported"
    assert found.stages["prediction"].interval is None
    assert block_counts(summarise(run)) == {
        "valid": 2,
        "suspect": 0,
        "invalid": 0,
        "unsupported": 1,
        "failed": 0,
        "not measured": 0,
    }


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_interval_is_shown_from_three_blocks_on(count: int) -> None:
    run = run_with(*(1.0 + n / 100 for n in range(count)))
    summary = summarise(run)
    statistics = only_case(run).stages["prediction"]
    row = next(row for row in csv.DictReader(io.StringIO(rendering.results(summary))) if row["stage"] == "prediction")
    page, text = rendering.html(summary), rendering.markdown(summary)
    shown = count == 3
    assert (statistics.interval is not None) == shown
    assert bool(row["low_ms"] and row["high_ms"]) == shown
    assert ("; 95 %" in text) == shown
    assert ("the line is the 95 % interval" in page) == shown
    assert ("an interval needs 3" in page) == (not shown)


def test_a_gap_beside_such_a_case_says_so() -> None:
    web, native = example.case("host", "tfjs", "simd"), example.case("host", "tflite", "xnnpack")
    plans = [*plan(1, 2, of=native), *plan(1, 2, of=web, start=2)]
    values = (1.0, 4.0, 8.0, 8.0)
    blocks = [example.measured(p, answer(ms, of=p.case)) for p, ms in zip(plans, values, strict=True)]
    summary = summarise(run_of(plans, blocks))
    assert [gap.suspect for group in gaps(summary) for gap in group.gaps] == [True]


def test_the_terminal_tells_the_values() -> None:
    from rich.console import Console

    console = Console(width=160)
    with console.capture() as captured:
        console.print(result_table(summarise(run_with(1.2, 5.52))))
    assert "Its blocks differ by 4.6×: medians 1.2 and 5.52 ms." in captured.get()
