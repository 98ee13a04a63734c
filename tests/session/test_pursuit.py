"""Which further rounds a run gets for its goal."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

import pytest

from mobilebench.core.records import Block, Goal, PlannedBlock, TargetInfo, Verdict
from mobilebench.session.events import RoundsAdded
from mobilebench.session.pursuit import MOST_BLOCKS, Pursuit

from ..results.making import PROVEN, failed, host, measured, phone, planned, unsupported

STEADY = (4.0, 4.001, 3.999)
NOISY = (4.0, 5.0, 3.0, 4.5, 3.5)


def block(planned: PlannedBlock, ms: float, seconds: float = 1.0, **changes: object) -> Block:
    """A block of this median that took these seconds beside half a second of waiting for its turn."""
    made = measured(planned, **{"prediction_ms": [ms], "proof": PROVEN, **changes})
    return made.model_copy(update={"ended_at": made.started_at + timedelta(seconds=seconds + 0.5)})


class Lab:
    """Plans rounds of cases and answers their blocks. A case is (target, engine, model), and has its times."""

    def __init__(self, cases: dict[tuple[str, str, str], Sequence[float]], rounds: int = 3) -> None:
        self.times = {name: itertools.cycle(times) for name, times in cases.items()}
        self.seconds = dict.fromkeys(cases, 1.0)
        pairs = [(number, name) for number in range(rounds) for name in cases]
        self.plan = [
            planned(index, number, target=target, engine=engine, model=model)
            for index, (number, (target, engine, model)) in enumerate(pairs)
        ]

    def name(self, one: PlannedBlock) -> tuple[str, str, str]:
        return one.case.target, one.case.engine, one.case.model

    def answers(self, blocks: Sequence[PlannedBlock]) -> list[Block]:
        return [block(one, next(self.times[self.name(one)]), self.seconds[self.name(one)]) for one in blocks]

    def pursuit(self, within: float = 0.02, budget: float | None = None, *targets: TargetInfo) -> Pursuit:
        infos = targets or (host(),)
        return Pursuit(Goal(within=within, budget=budget), 0, infos, self.plan, self.answers(self.plan))


def counted(added: Sequence[RoundsAdded]) -> Counter[tuple[str, str]]:
    return Counter((one.case.engine, one.case.model) for event in added for one in event.added)


def test_three_blocks_become_five_before_the_interval_is_looked_at() -> None:
    lab = Lab({("host", "tflite", "m"): STEADY})
    pursuit = lab.pursuit()
    (added,) = pursuit.further({"host"})
    assert (added.rounds, [(one.index, one.round) for one in added.added]) == (2, [(3, 3), (4, 4)])
    for one in lab.answers(added.added):
        pursuit.add(one)
    assert pursuit.further({"host"}) == []


def test_a_case_that_is_not_precise_takes_its_partners_along_and_nobody_else() -> None:
    names = [("host", "tflite", "m"), ("host", "onnxruntime", "m"), ("host", "tflite", "other")]
    lab = Lab(dict(zip(names, (NOISY, STEADY, STEADY), strict=True)), rounds=5)
    added = lab.pursuit().further({"host"})
    assert counted(added) == {("tflite", "m"): 5, ("onnxruntime", "m"): 5}
    rounds = {one.round for one in added[0].added}
    assert rounds == {5, 6, 7, 8, 9}


def test_the_number_of_blocks_at_most_doubles_and_ends() -> None:
    lab = Lab({("host", "tflite", "m"): NOISY}, rounds=5)
    pursuit, sizes = lab.pursuit(0.001), []
    while added := pursuit.further({"host"}):
        sizes.append(len(added[0].added))
        for one in lab.answers(added[0].added):
            pursuit.add(one)
    assert sizes == [5, 10, 20, 40, 80, 40]
    assert sum(sizes) + 5 == MOST_BLOCKS


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: failed(one),
        lambda one: unsupported(one),
        lambda one: block(one, 4.0).model_copy(update={"verdict": Verdict(status="invalid")}),
        lambda one: block(one, 0.0),
        lambda one: block(one, 4.0, proof={**PROVEN, "backend": "gpu"}),
    ],
    ids=["failed", "unsupported", "invalid", "no time", "something else ran"],
)
def test_a_case_whose_blocks_do_not_all_count_gets_no_more(spoil: object) -> None:
    names = [("host", "tflite", "m"), ("host", "onnxruntime", "m")]
    lab = Lab(dict.fromkeys(names, NOISY), rounds=5)
    pursuit = lab.pursuit()
    last = next(one for one in reversed(lab.plan) if one.case.engine == "tflite")
    pursuit.add(spoil(last))  # type: ignore[operator]
    assert counted(pursuit.further({"host"})) == {("onnxruntime", "m"): 5}


def test_a_target_with_a_planned_block_left_gets_no_further_round() -> None:
    lab = Lab({("host", "tflite", "m"): NOISY, ("R58M", "tflite", "m"): NOISY}, rounds=5)
    pursuit = Pursuit(Goal(within=0.02), 0, [host(), phone("R58M")], lab.plan, lab.answers(lab.plan)[:-1])
    assert [event.target for event in pursuit.further({"host", "R58M"})] == ["host"]


def test_no_round_begins_that_would_end_after_the_budget() -> None:
    lab = Lab({("host", "tflite", "m"): NOISY}, rounds=5)
    assert counted(lab.pursuit(0.001, 8.0).further({"host"})) == {("tflite", "m"): 3}
    assert lab.pursuit(0.001, 5.5).further({"host"}) == []
    assert lab.pursuit(0.001, 3.0).further({"host"}) == []


def test_a_budget_is_shared_by_time_between_models() -> None:
    lab = Lab({("host", "tflite", "slow"): NOISY, ("host", "tflite", "fast"): NOISY}, rounds=5)
    lab.seconds[("host", "tflite", "slow")] = 3.0
    found = counted(lab.pursuit(0.001, 20.0 + 8.0).further({"host"}))
    assert found == {("tflite", "slow"): 1, ("tflite", "fast"): 5}


def test_targets_of_one_machine_share_a_budget_and_others_use_it_at_the_same_time() -> None:
    names = {(target, "tflite", "m"): NOISY for target in ("host", "A", "B")}
    lab = Lab(names, rounds=5)
    apart = lab.pursuit(0.001, 10.0 + 4.0, host(), phone("A"), phone("B"))
    assert {event.target: event.rounds for event in apart.further({"host", "A", "B"})} == {"host": 2, "A": 2, "B": 2}
    lab = Lab(names, rounds=5)
    together = lab.pursuit(0.001, 15.0 + 6.0, host(machine="x"), phone("A", machine="x"), phone("B", machine="x"))
    assert {event.target: event.rounds for event in together.further({"host", "A", "B"})} == {"host": 2, "A": 2, "B": 2}


def test_what_a_precise_target_leaves_goes_to_the_others() -> None:
    lab = Lab({("host", "tflite", "m"): NOISY, ("A", "tflite", "m"): STEADY}, rounds=5)
    added = lab.pursuit(0.02, 10.0 + 4.0, host(), phone("A")).further({"host", "A"})
    assert {event.target: event.rounds for event in added} == {"host": 4}


def test_the_expected_time_comes_from_the_measured_blocks() -> None:
    lab = Lab({("host", "tflite", "m"): NOISY}, rounds=5)
    lab.seconds[("host", "tflite", "m")] = 2.0
    (added,) = lab.pursuit(0.001).further({"host"})
    assert added.seconds == pytest.approx(10.0)


def test_the_baseline_of_a_page_gets_the_further_rounds_of_its_cases() -> None:
    page: dict[str, object] = {"browser": "chrome", "scenario": "video"}
    video: dict[str, object] = {"engine": "tfjs", "backend": "wasm", "duty": 50, "place": "main", **page}
    baseline: dict[str, object] = {"engine": "page", "backend": "none", "model": "none", "duty": 0, **page}
    others: dict[str, object] = {**baseline, "scenario": "typing"}
    rounds = [planned(3 * n + at, n, **case) for n in range(5) for at, case in enumerate((video, baseline, others))]
    times = itertools.cycle(NOISY)
    blocks = [block(one, 0, prediction_ms=[]) if one.case.is_baseline else block(one, next(times)) for one in rounds]
    pursuit = Pursuit(Goal(within=0.02), 0, (host(),), rounds, blocks)
    (added,) = pursuit.further({"host"})
    assert Counter((one.case.engine, one.case.scenario) for one in added.added) == {
        ("tfjs", "video"): 5,
        ("page", "video"): 5,
    }
    assert added.seconds == pytest.approx(10)
