"""The ladder from native to the browser: its steps, what they change, what is missing, and what stays unexplained."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from mobilebench.analysis.explain import Explained, Explanation, as_data, select
from mobilebench.analysis.ladders import LADDERS
from mobilebench.analysis.summary import summarise
from mobilebench.core.axes import AXES, NODE
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Block, Case, Kernel, Measurement, Outcome, PlannedBlock, Run
from tests.analysis import example
from tests.pinning import Pinned
from tests.ways import chosen

NATIVE = example.case("host", "onnxruntime", "")
SINGLE = replace(NATIVE, threads=1)
PAGE = example.case("host", "ortjs", "simd-threads", threads=1)
IN_NODE = replace(PAGE, browser=NODE)
OPEN = replace(PAGE, isolation="none")
THREADS = replace(PAGE, threads=2)
RUNGS = {NATIVE: 2.0, SINGLE: 3.0, IN_NODE: 12.0, OPEN: 15.0, PAGE: 14.0, THREADS: 8.0}


def answer(of: Case, prediction: float) -> Measurement:
    shape = example.SHAPES.get((of.engine, chosen(of)), example.SHAPES["ortjs", "simd-threads"])
    made = example.measurement(of, shape, random.Random(3))
    proof = made.proof
    if of.browser == NODE:
        environment = {"node": "20.20.2", "v8": "11.3.244"}
        proof = proof.model_copy(update={"browser_version": None, "environment": environment})
    return made.model_copy(update={"prediction_ms": [prediction] * 3, "proof": proof})


def run_of(
    times: dict[Case, float],
    *,
    rounds: int = 3,
    without: set[tuple[Case, int]] | None = None,
    outcomes: dict[Case, Outcome] | None = None,
    kernels: dict[Case, list[Kernel]] | None = None,
) -> Run:
    """Every case in every round; each round is 10 % slower than the one before, by another machine load."""
    planned: list[PlannedBlock] = []
    blocks: list[Block] = []
    for number in range(rounds):
        for case, ms in times.items():
            plan = PlannedBlock(index=len(planned), round=number, case=case, rule=example.RULE)
            planned.append(plan)
            if outcome := (outcomes or {}).get(case):
                blocks.append(example.unmeasured(plan, outcome, "There is no such thing here."))
            elif (case, number) not in (without or set()):
                blocks.append(example.measured(plan, answer(case, ms * 1.1**number)))
    for case, recorded in (kernels or {}).items():
        plan = PlannedBlock(index=len(planned), round=rounds, case=case, rule=example.RULE, pass_="kernels")
        planned.append(plan)
        measured = answer(case, times[case]).model_copy(update={"kernels": recorded, "pass_": "kernels"})
        blocks.append(example.measured(plan, measured))
    return Run(info=example.info([example.host()]), planned=planned, blocks=blocks)


def explained(run: Run) -> Explained:
    (found,) = select(summarise(run), model="mobilenet_v2")
    return found


def ladder(run: Run) -> Explanation:
    (found,) = explained(run).ladders
    return found


@pytest.mark.slow
def test_the_product_of_the_steps_is_the_whole_gap() -> None:
    found = ladder(run_of(RUNGS))
    factors = [step.ratio.value for step in found.steps]
    assert factors == pytest.approx([1.5, 4, 1.25, 14 / 15, 8 / 14])
    assert found.total.value == pytest.approx(4.0)
    assert found.product == pytest.approx(math.prod(factors)) == pytest.approx(found.total.value)
    assert found.remainder.value == pytest.approx(1.0)
    assert found.remainder.spread.low == pytest.approx(found.remainder.spread.high)
    assert [step.cumulative and step.cumulative.value for step in found.steps] == pytest.approx([1.5, 6, 7.5, 7, 4])
    assert found.missing == ()


def test_each_step_names_what_differs() -> None:
    found = ladder(run_of(RUNGS))
    changed = [[change.name for change in step.changes] for step in found.steps]
    assert changed == [
        ["threads"],
        ["engine", "backend", "browser", "engine version", "SIMD width"],
        ["browser", "JavaScript engine"],
        ["isolation"],
        ["threads"],
    ]
    assert [step.one_thing for step in found.steps] == [True, False, False, True, True]
    assert found.single is not None and found.single.value == pytest.approx(1.5 * 14 / 15 * 8 / 14)
    assert found.several is not None and found.several.value == pytest.approx(5.0)


def test_a_build_without_simd_changes_one_thing() -> None:
    simd = replace(example.case("host", "ortjs", "simd", threads=1), engine="ortjs@1.18")
    plain = replace(simd, wasm_build="plain")
    run = run_of({**RUNGS, simd: 14.0, plain: 35.0})
    (side,) = ladder(run).sides
    assert (side.title, side.ratio.value, side.one_thing) == ("SIMD width", pytest.approx(2.5), True)


def test_a_rung_that_was_not_measured_is_named_and_spanned() -> None:
    found = ladder(run_of(RUNGS, outcomes={IN_NODE: "unsupported"}))
    (missing,) = found.missing
    assert (missing.rung, missing.spanned) == ("ONNX Runtime Web, WebAssembly in Node, outside of any page", True)
    assert "There is no such thing here" in missing.reason
    spanning = found.steps[1]
    assert spanning.title == "engine version, and compilation to WebAssembly + the page, and its browser"
    assert (spanning.upper.case, spanning.lower.case) == (SINGLE, OPEN)
    assert spanning.ratio.value == pytest.approx(5.0)


def test_a_missing_end_is_not_spanned() -> None:
    found = ladder(run_of({case: ms for case, ms in RUNGS.items() if case != THREADS}))
    assert [(one.step, one.spanned) for one in found.missing] == [("threads", False)]
    assert found.steps[-1].lower.case == PAGE


@pytest.mark.slow
def test_blocks_that_are_missing_leave_something_unexplained() -> None:
    found = ladder(run_of(RUNGS, without={(THREADS, 0), (PAGE, 2)}))
    assert found.remainder.rounds == 2
    assert found.steps[-1].ratio.rounds == 1
    assert found.product == pytest.approx(math.prod(step.ratio.value for step in found.steps))
    assert found.remainder.value == pytest.approx(found.total.value / found.product)


def test_a_rung_without_a_common_round_is_missing() -> None:
    never_together = {(IN_NODE, 0), (SINGLE, 1), (SINGLE, 2)}
    found = ladder(run_of(RUNGS, without=never_together))
    assert [one.reason for one in found.missing] == ["it shares no round with the rung before in which both count"]
    assert found.steps[1].upper.case == SINGLE


def test_side_steps_are_in_no_product() -> None:
    in_8_bits = replace(SINGLE, precision="int8")
    found = ladder(run_of({**RUNGS, in_8_bits: 1.5}))
    (side,) = found.sides
    assert (side.title, side.ratio.value, side.cumulative) == ("precision", pytest.approx(0.5), None)
    assert [change.name for change in side.changes] == ["precision"]
    assert found.product == pytest.approx(4.0)


def test_the_kernels_that_grow_most_come_first() -> None:
    above = [
        Kernel(name="Conv", operator="Conv", times_ms=[1.0]),
        Kernel(name="MatMul", operator="MatMul", times_ms=[1.0]),
    ]
    below = [
        Kernel(name="Conv", operator="Conv", times_ms=[9.0]),
        Kernel(name="MatMul", operator="MatMul", times_ms=[3.0]),
    ]
    growth = ladder(run_of(RUNGS, kernels={NATIVE: above, SINGLE: above, PAGE: below})).growth
    assert growth is not None
    assert (growth.upper, growth.lower) == (SINGLE, PAGE)
    assert [(row.factor, row.share) for row in growth.rows] == [(9.0, 0.8), (3.0, 0.2)]


def test_without_kernels_nothing_is_said_of_them() -> None:
    assert ladder(run_of(RUNGS)).growth is None


def test_a_run_without_a_ladder_says_what_to_measure(pinned: Pinned) -> None:
    with pytest.raises(BadInput) as error:
        select(summarise(run_of({NATIVE: 1.0, THREADS: 2.0})), model="mobilenet_v2")
    pinned(error.value.text_with_hint)


@pytest.mark.parametrize(("model", "target"), [("resnet50", None), (None, "emulator-5554")])
def test_what_the_run_does_not_have_is_refused(model: str | None, target: str | None) -> None:
    with pytest.raises(BadInput):
        select(summarise(run_of(RUNGS)), model=model, target=target)


def test_the_only_model_need_not_be_named() -> None:
    (found,) = select(summarise(run_of(RUNGS)))
    assert (found.model, found.precision, found.batch) == ("mobilenet_v2", "fp32", 1)


def test_json_holds_every_step_with_its_rounds() -> None:
    (data,) = as_data(explained(run_of(RUNGS)))["ladders"]
    assert [step["factor"]["rounds"] for step in data["steps"]] == [3] * 5
    assert data["steps"][1]["changes_one_thing"] is False
    assert data["unexplained"]["ratio"] == pytest.approx(1.0)


def test_rungs_name_axes_that_exist() -> None:
    rungs = [
        rung for one in LADDERS for rung in (*one.rungs, *(end for side in one.sides for end in (side.base, side.rung)))
    ]
    assert all(set(rung.axes) <= set(AXES) for rung in rungs)
    assert all(rung.step for one in LADDERS for rung in one.rungs[1:])
