from __future__ import annotations

import random
from dataclasses import replace

import pytest

from mobilebench.analysis.gaps import GapGroup, gaps
from mobilebench.analysis.summary import summarise
from mobilebench.core.axes import NODE
from mobilebench.core.records import Block, Case, Measurement, PlannedBlock, Run, Verdict
from mobilebench.statistics.estimates import Interval
from tests.analysis import example, pages
from tests.pinning import Pinned
from tests.ways import chosen

TFLITE = example.case("host", "tflite", "xnnpack")
ORT = example.case("host", "onnxruntime", "")
ORT_1 = example.case("host", "onnxruntime", "", threads=1)
SIMD = example.case("host", "tfjs", "simd", threads=1)
THREADS = example.case("host", "tfjs", "simd-threads")


def answer(of: Case, prediction: float) -> Measurement:
    made = example.measurement(of, example.SHAPES[of.engine, chosen(of)], random.Random(3))
    return made.model_copy(
        update={
            "prediction_ms": [prediction],
            "warmup_ms": [prediction * 2],
            "setup_ms": {"model_init": prediction * 3},
        }
    )


def group(*measured: tuple[Case, int, Measurement], verdict: dict[Case, Verdict] | None = None) -> GapGroup:
    plans = [PlannedBlock(index=n, round=r, case=c, rule=example.RULE) for n, (c, r, _) in enumerate(measured)]
    blocks: list[Block] = [
        example.measured(p, m, verdict=(verdict or {}).get(p.case))
        for p, (_, _, m) in zip(plans, measured, strict=True)
    ]
    (found,) = gaps(summarise(Run(info=example.info([example.host()]), planned=plans, blocks=blocks)))
    return found


def one(case: Case, prediction: float, number: int = 1) -> tuple[Case, int, Measurement]:
    return case, number, answer(case, prediction)


@pytest.mark.slow
def test_ratios_pair_within_rounds() -> None:
    found = group(
        one(TFLITE, 1), one(SIMD, 3), one(TFLITE, 10, 2), one(SIMD, 50, 2), one(TFLITE, 2, 3), one(SIMD, 8, 3)
    )
    ratio = found.main[0].ratios["prediction"]
    assert (ratio.value, ratio.spread, ratio.rounds) == (pytest.approx(60 ** (1 / 3)), Interval(3, 5), 3)
    assert ratio.interval is not None and ratio.interval.holds(ratio.value)
    assert found.main[0].ratios["setup"].rounds == 3


def test_a_web_engine_in_node_is_no_page() -> None:
    in_node = replace(SIMD, browser=NODE)
    found = group(one(TFLITE, 2), one(in_node, 3), one(SIMD, 8))
    assert [gap.web for gap in found.gaps] == [SIMD]


def test_the_fastest_native_is_the_main_side_and_every_native_is_compared() -> None:
    found = group(one(TFLITE, 4), one(ORT, 2), one(SIMD, 8))
    assert found.fastest_native == ORT
    assert {(gap.native.engine, gap.ratios["prediction"].value) for gap in found.gaps} == {
        ("tflite", 2),
        ("onnxruntime", 4),
    }
    assert [gap.native for gap in found.main] == [ORT]


def test_as_many_threads_picks_the_fastest_native_with_that_number() -> None:
    found = group(one(TFLITE, 2), one(ORT, 3), one(ORT_1, 4), one(SIMD, 8), one(THREADS, 6))
    alone, many = found.same_threads(SIMD), found.same_threads(THREADS)
    assert alone is not None
    assert many is not None
    assert (alone.native, alone.ratios["prediction"].value) == (ORT_1, 2)
    assert (many.native, many.ratios["prediction"].value) == (TFLITE, 3)


def test_no_native_with_as_many_threads_is_none() -> None:
    assert group(one(TFLITE, 2), one(SIMD, 8)).same_threads(SIMD) is None


def test_no_common_round_is_refused() -> None:
    found = group(one(TFLITE, 1, 1), one(SIMD, 3, 2))
    assert found.main[0].ratios == {}
    assert found.main[0].refusal is not None
    assert found.main[0].refusal.startswith("rounds:")


def test_fewer_threads_than_asked_is_refused_by_name() -> None:
    made = answer(THREADS, 3)
    fallen = made.model_copy(update={"proof": made.proof.model_copy(update={"threads": 1})})
    refusal = group(one(TFLITE, 1), (THREADS, 1, fallen)).main[0].refusal
    assert refusal == "threads: tfjs was asked for 2 and ran on 1."


def test_another_output_shape_is_refused() -> None:
    other = answer(SIMD, 3).model_copy(update={"output": [example.output("mobilenet_v2", size=5)]})
    refusal = group(one(TFLITE, 1), (SIMD, 1, other)).main[0].refusal
    assert refusal == "output: tfjs answered logits 1×5, tflite answered logits 1×1000."


def test_an_invalid_web_case_is_refused_and_named() -> None:
    found = group(one(TFLITE, 1), one(SIMD, 3), verdict={SIMD: Verdict(status="invalid", reasons=["Wrong."])})
    assert found.main[0].refusal == "verdict: tfjs wasm simd is invalid."


def test_a_suspect_side_marks_the_gap() -> None:
    found = group(one(TFLITE, 1), one(SIMD, 3), verdict={TFLITE: Verdict(status="suspect", reasons=["Hot."])})
    assert found.main[0].suspect
    assert found.main[0].ratios["prediction"].value == 3


@pytest.mark.parametrize("case", [TFLITE, SIMD], ids=["no web case", "no native case"])
def test_a_missing_side_is_said(case: Case, pinned: Pinned) -> None:
    found = group(one(case, 1))
    assert found.gaps == ()
    pinned(found.reason)


def test_an_engine_that_computes_nothing_is_no_counterpart() -> None:
    sleeping = answer(TFLITE, 1).model_copy(update={"output": []})
    assert group((TFLITE, 1, sleeping), one(SIMD, 3)).fastest_native is None


def test_gaps_never_cross_targets() -> None:
    for found in gaps(summarise(example.example_run())):
        assert {gap.web.target for gap in found.gaps} | {gap.native.target for gap in found.gaps} == {
            found.target.info.id
        }


def test_setup_over_a_network_that_is_imitated_has_no_native_counterpart() -> None:
    (group,) = gaps(summarise(pages.page_run()))
    ratios = {(gap.web.link, gap.web.backend): set(gap.ratios) for gap in group.main}
    assert ratios["none", "wasm"] == {"setup", "warmup", "prediction"}
    assert ratios["4g", "wasm"] == {"warmup", "prediction"}
