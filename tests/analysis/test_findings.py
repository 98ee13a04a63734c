"""What a run found, as data: runs with both sides, one side, or none, on real and on virtual targets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mobilebench.analysis.findings import Findings, findings
from mobilebench.analysis.gaps import gaps
from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Case, Run
from tests.analysis import example

PHONES = {phone.id for phone in example.PHONES}


def only(run: Run, keep: Callable[[Case], bool]) -> Run:
    """The run with these cases, and their targets."""
    planned = [plan for plan in run.planned if keep(plan.case)]
    there = {plan.case.target for plan in planned}
    info = run.info.model_copy(update={"targets": [one for one in run.info.targets if one.id in there]})
    blocks = [block for block in run.blocks if keep(block.planned.case)]
    return run.model_copy(update={"info": info, "planned": planned, "blocks": blocks})


def found_in(run: Run) -> Findings:
    summary = summarise(run)
    return findings(summary, gaps(summary))


@pytest.mark.slow
def test_real_targets_go_first_and_virtual_ones_are_kept_apart() -> None:
    found = found_in(example.example_run(rounds=5))
    assert found.kind == "gaps"
    assert [place.target.info.id for place in found.places] == ["host"]
    assert {place.target.info.id for place in found.stand_ins} == PHONES
    assert not found.virtual
    least, most = found.models
    assert least.ratio is not None
    assert most.ratio is not None
    assert 1 < least.ratio.value < most.ratio.value
    mean = found.places[0].mean
    assert mean == pytest.approx((least.ratio.value * most.ratio.value) ** 0.5)
    assert found.certainty.numbers == len(found.certainty.widths) == 6
    assert found.certainty.blocks == (4, 5)
    assert found.certainty.left_out == {"invalid": 1, "failed": 1}


def test_the_invalid_page_is_not_the_fastest() -> None:
    found = found_in(only(example.example_run(), lambda case: case.target == "host" and case.model == "mobilenet_v2"))
    (one,) = found.models
    assert one.web is not None
    assert (one.web.case.engine, one.web.status) == ("tfjs", "valid")
    assert found.certainty.widths == ()
    assert found.certainty.blocks == (2, 2)


def test_a_run_of_virtual_phones_only_says_so() -> None:
    found = found_in(only(example.example_run(), lambda case: case.target in PHONES))
    assert found.virtual
    assert found.stand_ins == ()
    assert {case.case.engine for case in found.certainty.suspect} == set()
    assert found.certainty.other_suspect == 2


@pytest.mark.parametrize("web", [True, False])
def test_one_side_alone_gives_times(web: bool) -> None:
    found = found_in(only(example.example_run(), lambda case: case.target == "host" and (case.browser is None) != web))
    assert found.kind == "times"
    assert found.refusal is None
    assert all(one.best.web == web for one in found.models)
    times = [one.best.stages["prediction"].value for one in found.models]
    assert times == sorted(times)


def test_nothing_that_counts_gives_the_most_frequent_reason() -> None:
    run = only(example.example_run(), lambda case: case.engine == "ortjs" and case.model == "mobilenet_v2")
    found = found_in(run)
    assert (found.kind, found.models) == ("nothing", ())
    assert found.common_reason is not None
    reason, cases = found.common_reason
    assert reason.startswith("Output `logits` differs")
    assert cases == 1


def test_an_empty_run_gives_nothing() -> None:
    found = found_in(Run(info=example.info([]), planned=[], blocks=[]))
    assert (found.kind, found.common_reason, found.certainty.blocks) == ("nothing", None, (0, 0))
