"""The proof of a case: what was read back, its numbers, and every block."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from mobilebench.analysis.summary import CaseSummary, RunSummary, summarise
from mobilebench.core.records import DeviceCondition, DeviceConditions, PlannedBlock, Proof, Run, Series
from mobilebench.report.document import Fact, Facts, Panel, plain
from mobilebench.report.sections.proof import proof_facts, proof_panel
from tests.analysis import example, pages, watching
from tests.report.sections import reading

TFLITE = example.case("host", "tflite", "xnnpack")


@cache
def summary() -> RunSummary:
    return summarise(watching.watched_run())


def facts(groups: list[tuple[str, tuple[Fact, ...]]]) -> dict[str, str]:
    return {plain(fact.name): plain(fact.text) for _, group in groups for fact in group}


def panel(summary: RunSummary, wanted: str) -> Panel:
    """The proof of the case with this label within the first target's mobilenet_v2."""
    view = reading.model_view(summary)
    case: CaseSummary = next(case for case in view.ran if case.case.way == wanted)
    return proof_panel(view, case)


def test_everything_that_was_read_back_is_a_fact() -> None:
    found = facts(proof_facts(pages.WEBGL, pages.answer(pages.WEBGL)))
    assert found["threads"].startswith("2 requested, 2 read back, 2 at work by processor time, 3 alive")
    assert found["WebAssembly file"].startswith("tfjs-backend-wasm-threaded-simd.wasm sha256 ")
    assert (found["browser"], found["runs in"]) == ("chromium 156.0.0.0", "main thread of the page")
    assert (found["visible"], found["focused"], found["crossOriginIsolated"]) == ("throughout", "throughout", "yes")
    assert found["hardwareConcurrency"] == "4, overridden for this page"
    assert (found["renderer process"], found["fresh process"]) == ("4711", "yes")
    assert (found["software"], found["power preference"]) == ("yes, drawn by the CPU", "high-performance")
    assert found["clock"] == "resolves 5 µs, costs 41 ns"
    assert found["flags"] == "2 flags"
    assert found["downloads by the server"] == "40.0, 60.0 ms"


def test_facts_that_a_block_does_not_have_are_left_out() -> None:
    bare = pages.answer(pages.WEBGL).model_copy(update={"proof": Proof()})
    groups = proof_facts(pages.WEBGL, bare)
    assert [heading for heading, _ in groups] == ["What ran"]
    assert facts(groups) == {"engine": "tfjs 4.22.0", "threads": "2 requested"}


def test_what_a_phone_held_and_what_it_refused_are_facts() -> None:
    device = DeviceConditions(
        asked="default,fixed-performance",
        regime="fixed",
        conditions=[
            DeviceCondition(name="stay-awake", state="already"),
            DeviceCondition(name="fixed-performance", state="set"),
            DeviceCondition(name="brightness", state="refused", reason="not allowed"),
        ],
    )
    answer = pages.answer(pages.WEBGL).model_copy(update={"proof": Proof(device=device)})
    found = facts(proof_facts(pages.WEBGL, answer))
    assert found["conditions asked of the phone"] == "default,fixed-performance"
    assert (found["clocks"], found["conditions held"]) == ("fixed", "2 conditions")
    assert found["brightness, not held"] == "refused: not allowed"


def test_each_case_that_ran_has_a_panel_of_its_own() -> None:
    view = reading.run_view(summary())
    panels = [proof_panel(model, case) for target in view.targets for model in target.models for case in model.ran]
    assert len({one.id for one in panels}) == len(panels) == 26


def test_a_panel_has_delegates_environment_costs_and_rounds() -> None:
    text = reading.words(panel(summary(), "tflite cpu xnnpack"))
    for part in (
        "XNNPACK: 66 nodes in 1 partition",
        "ORT_DISABLE_TELEMETRY=1",
        "CPU 12.2 ms (12.0 user, 0.200 system)",
        "page faults 2 minor, 0 major; switches 30 voluntary, 1 involuntary",
        "Kernels pass",
        "Memory pass",
        "Round 1",
    ):
        assert part in text


def test_predictions_that_were_timed_in_groups_are_marked() -> None:
    plan = PlannedBlock(index=0, round=1, case=TFLITE, rule=example.RULE)
    answer = example.measurement(TFLITE, example.SHAPES["tflite", "xnnpack"], random.Random(1))
    block = example.measured(plan, answer.model_copy(update={"predictions_per_sample": 8}))
    found = summarise(Run(info=example.info([example.host()]), planned=[plan], blocks=[block]))
    text = reading.words(panel(found, "tflite cpu xnnpack"))
    assert "of means of 8 predictions" in text
    assert "each sample is their mean" in text


def test_series_have_the_titles_that_their_recorders_declare() -> None:
    plan = PlannedBlock(index=0, round=1, case=TFLITE, rule=example.RULE)
    answer = example.measurement(TFLITE, example.SHAPES["tflite", "xnnpack"], random.Random(1))
    series = [
        Series(recorder="thermal", name="cpu", unit="°C", times_ms=[0, 9], values=[31, 35]),
        Series(recorder="thermal", name="usb", unit="°C", times_ms=[0, 9], values=[30, 30]),
        Series(recorder="added", name="depth", unit="m", times_ms=[0, 9], values=[1, 2]),
    ]
    block = example.measured(plan, answer).model_copy(update={"series": series})
    found = summarise(Run(info=example.info([example.host()]), planned=[plan], blocks=[block]))
    text = reading.words(panel(found, "tflite cpu xnnpack"))
    for part in ("CPU temperature: 31 to 35 °C", "Temperatures, usb: 30 to 30 °C", "added depth: 1 to 2 m"):
        assert part in text


def test_the_proof_says_where_the_warm_up_of_the_blocks_ended() -> None:
    made = example.measurement(TFLITE, example.SHAPES["tflite", "xnnpack"], random.Random(3))
    times = [2.0, 1.5, 1.4, *[1.0, 1.01] * 20]
    slow = made.model_copy(update={"warmup_ms": [3.0], "prediction_ms": times, "predictions_per_sample": 1})
    plan = PlannedBlock(index=0, round=1, case=TFLITE, rule=example.RULE)
    run = Run(info=example.info([example.host()]), planned=[plan], blocks=[example.measured(plan, slow)])
    groups = [block for block in panel(summarise(run), "tflite cpu xnnpack").blocks if isinstance(block, Facts)]
    found = {plain(fact.name): plain(fact.text) for group in groups for fact in group.facts}
    assert "4 in 1 block" in found["end of warm-up"]


def test_a_reason_has_its_code_beside_it_if_it_has_one() -> None:
    case = example.case("host", "tflite", "xnnpack")
    plans = [PlannedBlock(index=n, round=n + 1, case=case, rule=example.RULE) for n in range(2)]
    shape = example.SHAPES["tflite", "xnnpack"]
    blocks = [
        example.measured(plan, example.measurement(case, replace(shape, prediction=ms), random.Random(1)))
        for plan, ms in zip(plans, (1.0, 5.0), strict=True)
    ]
    made = summarise(Run(info=example.info([example.host()]), planned=plans, blocks=blocks))
    words = reading.words(panel(made, "tflite cpu xnnpack").blocks)
    assert "blocks-far-apart" in words
    assert "too-few-blocks" in words
    assert "without-code" not in words
