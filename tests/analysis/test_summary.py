from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest

from mobilebench.analysis.summary import CaseSummary, summarise
from mobilebench.core.records import Block, Case, Measurement, PlannedBlock, Proof, Run, Verdict
from tests.analysis import example
from tests.ways import chosen

RNG = random.Random(1)
CASE = example.case("host", "tflite", "xnnpack")


def plan(*rounds: int, of: Case = CASE, start: int = 0) -> list[PlannedBlock]:
    return [PlannedBlock(index=start + n, round=r, case=of, rule=example.RULE) for n, r in enumerate(rounds)]


def answer(*predictions: float, of: Case = CASE, **proof: object) -> Measurement:
    made = example.measurement(of, example.SHAPES[of.engine, chosen(of)], RNG)
    changed = made.proof.model_copy(update=proof)
    return made.model_copy(update={"prediction_ms": list(predictions), "proof": Proof.model_validate(changed)})


def run_of(planned: Sequence[PlannedBlock], blocks: Sequence[Block]) -> Run:
    return Run(info=example.info([example.host(), *example.PHONES]), planned=list(planned), blocks=list(blocks))


def only_case(run: Run) -> CaseSummary:
    (found,) = summarise(run).targets[0].cases
    return found


def test_statistics_over_valid_and_suspect_blocks_only() -> None:
    plans = plan(1, 2, 3)
    blocks = [
        example.measured(plans[0], answer(1.0, 2.0, 30.0)),
        example.measured(plans[1], answer(2.5), verdict=Verdict(status="suspect", reasons=["Hot."])),
        example.measured(plans[2], answer(900.0), verdict=Verdict(status="invalid", reasons=["Wrong answer."])),
    ]
    found = only_case(run_of(plans, blocks))
    assert found.status == "invalid"
    assert found.reasons[:2] == ("Hot.", "Wrong answer.")
    assert found.stages["prediction"].blocks == (2.0, 2.5)
    assert found.stages["prediction"].samples == 4
    assert len(found.counted) == 2
    assert len(found.blocks) == 3


def test_a_failure_is_led_by_the_name_of_its_fault() -> None:
    plans = plan(1, 2)
    died = example.unmeasured(plans[0], "failed", "The page crashed.").model_copy(update={"fault": "crash"})
    found = only_case(run_of(plans, [died, example.unmeasured(plans[1], "failed", "A file is missing.")]))
    assert found.reasons == ("crash: The page crashed.", "A file is missing.")


def test_setup_is_the_sum_of_its_parts_and_parts_are_kept() -> None:
    plans = plan(1)
    made = answer(1.0).model_copy(
        update={"setup_ms": {"library_load": 2.0, "session_creation": 5.0}, "warmup_ms": [9.0]}
    )
    found = only_case(run_of(plans, [example.measured(plans[0], made)]))
    assert found.stages["setup"].median == 7.0
    assert {part: s.median for part, s in found.setup_parts.items()} == {"library_load": 2.0, "session_creation": 5.0}
    assert found.stages["warmup"].median == 9.0


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        (["valid", "valid"], "valid"),
        (["valid", "suspect"], "suspect"),
        (["suspect", "unsupported"], "unsupported"),
        (["unsupported", "invalid"], "invalid"),
        (["invalid", "failed"], "failed"),
    ],
)
def test_a_case_is_as_good_as_its_worst_block(statuses: list[str], worst: str) -> None:
    plans = plan(1, 2)
    blocks = [
        example.unmeasured(p, s, "Because.")
        if s in ("failed", "unsupported")
        else example.measured(p, answer(1.0), verdict=Verdict(status=s))  # type: ignore[arg-type]
        for p, s in zip(plans, statuses, strict=True)
    ]
    assert only_case(run_of(plans, blocks)).status == worst


def test_blocks_that_did_not_run_the_same_thing_are_not_pooled() -> None:
    plans = plan(1, 2)
    blocks = [example.measured(p, answer(1.0, priority=n)) for p, n in zip(plans, (1, 2), strict=True)]
    found = only_case(run_of(plans, blocks))
    assert found.status == "invalid"
    assert found.stages == {}
    assert any("priority: 1, 2" in reason for reason in found.reasons)


def test_a_block_with_an_idle_thread_is_suspect_and_counts_with_the_others() -> None:
    plans = plan(1, 2, 3)
    blocks = [example.measured(p, answer(1.0, threads=n)) for p, n in zip(plans, (2, 1, 2), strict=True)]
    blocks[1] = example.measured(plans[1], answer(1.0, threads=1), verdict=Verdict(status="suspect", reasons=["Idle."]))
    found = only_case(run_of(plans, blocks))
    assert (found.status, len(found.counted)) == ("suspect", 3)


def test_a_field_that_one_block_could_not_read_is_no_difference() -> None:
    plans = plan(1, 2)
    blocks = [example.measured(p, answer(1.0, simd=s)) for p, s in zip(plans, (None, True), strict=True)]
    assert only_case(run_of(plans, blocks)).status == "valid"


def test_an_interrupted_run_says_what_is_missing() -> None:
    plans = [*plan(1, 2), *plan(1, of=example.case("host", "onnxruntime", ""), start=2)]
    summary = summarise(run_of(plans, [example.measured(plans[0], answer(1.0))]))
    by_engine = {case.case.engine: case for case in summary.targets[0].cases}
    assert by_engine["onnxruntime"].status == "not measured"
    assert "Only 1 of 2 planned blocks were run." in by_engine["tflite"].reasons
    assert (summary.planned_blocks, summary.run_blocks) == (3, 1)


def test_a_repeated_block_replaces_its_earlier_attempt() -> None:
    plans = plan(1)
    failed = example.unmeasured(plans[0], "failed", "Cable cut.")
    again = example.measured(plans[0], answer(5.0), started=example.START + timedelta(hours=1))
    found = only_case(run_of(plans, [again, failed]))
    assert (found.status, len(found.blocks)) == ("valid", 1)


def test_a_virtual_target_is_filed_under_this_computers_cpu_whatever_it_claims() -> None:
    liar = example.PHONES[0].model_copy(update={"soc": "Snapdragon 8 Gen 2"})
    run = run_of([], [])
    run = run.model_copy(update={"info": example.info([example.PHONES[0], liar])})
    assert [t.soc for t in summarise(run).targets] == [f"virtual: {example.CPU}", "virtual: unknown CPU"]


def test_the_same_engine_on_two_targets_is_never_pooled() -> None:
    summary = summarise(example.example_run())
    assert len({target.soc for target in summary.targets}) == 2
    for target in summary.targets:
        assert {case.case.target for case in target.cases} <= {target.info.id}


def test_wall_time_is_split_and_the_measured_share_is_of_the_wall() -> None:
    plans = plan(1, 2)
    blocks = [
        example.measured(p, answer(100.0), started=example.START + timedelta(seconds=n)) for n, p in enumerate(plans)
    ]
    time = summarise(run_of(plans, blocks)).time
    measured = sum(block.spent_ms["measure"] for block in blocks)
    assert time.spent["measure"] == pytest.approx(measured)
    assert time.wall == pytest.approx(1000 + sum(blocks[1].spent_ms.values()), abs=1)
    assert time.measured_share == pytest.approx(measured / time.wall)


def test_machines_that_run_in_parallel_have_a_wall_each() -> None:
    real = example.PHONES[0].model_copy(update={"machine": "another"})
    plans = [*plan(1), *plan(1, of=example.case(real.id, "tflite", "xnnpack"), start=1)]
    blocks = [example.measured(p, answer(100.0)) for p in plans]
    run = run_of(plans, blocks).model_copy(update={"info": example.info([example.host(), real])})
    share = summarise(run).time.measured_share
    assert share is not None
    assert share <= 1


def test_a_run_without_blocks_has_no_share() -> None:
    assert summarise(run_of(plan(1), [])).time.measured_share is None


def test_every_case_of_the_example_has_an_outcome() -> None:
    run = example.example_run()
    summary = summarise(run)
    assert sum(summary.counts.values()) == len({block.case.key for block in run.planned})
    assert all(summary.counts[status] for status in ("valid", "suspect", "invalid", "failed", "unsupported"))


def test_the_end_of_the_warmup_is_found_in_the_block() -> None:
    times = [2.0, 1.5, 1.4, *[1.0, 1.01] * 20]
    measurement = answer(*times).model_copy(update={"warmup_ms": [3.0]})
    (plan_,) = plan(1)
    found = only_case(run_of([plan_], [example.measured(plan_, measurement)]))
    assert found.counted[0].warmup_end == 4


def test_grouped_predictions_show_no_end_of_the_warmup() -> None:
    measurement = answer(*[1.0, 1.01] * 20).model_copy(update={"warmup_ms": [3.0], "predictions_per_sample": 5})
    (plan_,) = plan(1)
    found = only_case(run_of([plan_], [example.measured(plan_, measurement)]))
    assert found.blocks[0].warmup_end is None


@pytest.mark.parametrize(
    ("definition", "status"), [({}, "valid"), ({"within": 0.05}, "valid"), ({"within": 0.01}, "suspect")]
)
def test_an_interval_counts_as_wide_only_where_a_narrower_one_was_asked_for(
    definition: dict[str, float], status: str
) -> None:
    plans = plan(*range(6))
    times = (2.0, 2.04, 1.98, 2.02, 1.96, 2.03)
    blocks = [example.measured(one, answer(ms)) for one, ms in zip(plans, times, strict=True)]
    run = run_of(plans, blocks)
    info = run.info.model_copy(update={"suite_definition": {**run.info.suite_definition, **definition}})
    assert only_case(run.model_copy(update={"info": info})).status == status
