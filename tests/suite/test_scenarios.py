"""Plans of cases in which a page is used: duty and place multiply, and the baseline is one case for all engines."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mobilebench.core.axes import NO_MODEL, PAGE
from mobilebench.core.errors import BadInput, NothingToMeasure
from mobilebench.core.records import Case

from .test_planning import HOST, REAL, VIRTUAL, planned, quick

QUICK: dict[str, Any] = {"engines": ["tfjs", "ortjs"], "backends": ["wasm"], "wasm_builds": ["simd-threads"]}


def used(case: Case) -> tuple[str, str, int | None, str | None]:
    return case.engine, case.scenario, case.duty, case.place


def test_without_a_scenario_there_is_neither_duty_nor_place() -> None:
    assert {used(block.case)[1:] for block in quick(HOST, REAL).blocks} == {("none", None, None)}


def test_one_baseline_stands_for_all_engines_models_and_threads_of_a_browser() -> None:
    found = quick(HOST, scenarios=["video"], browsers=["chrome", "firefox"], threads=[1, 2], **QUICK)
    baselines = Counter(block.case for block in found.blocks if block.case.is_baseline)
    assert {case.browser: count for case, count in baselines.items()} == {"chrome": 3, "firefox": 3}
    assert {(one.engine, one.model, one.threads, one.duty, one.place) for one in baselines} == {
        (PAGE, NO_MODEL, 1, 0, None)
    }


def test_the_baseline_is_in_every_round() -> None:
    found = planned("qoe", HOST)
    rounds = {number: [b.case for b in found.blocks if b.round == number] for number in range(5)}
    for cases in rounds.values():
        assert sorted(case.scenario for case in cases if case.is_baseline) == ["call", "interaction", "typing", "video"]
        assert len(cases) == len(set(cases)) == 20


def test_usual_values_are_no_inference_and_half_of_the_time_on_the_main_thread() -> None:
    found = quick(HOST, scenarios=["typing"], engines=["tfjs"], backends=["wasm"], models=["mobilenet_v2"])
    assert {used(block.case) for block in found.blocks} == {
        (PAGE, "typing", 0, None),
        ("tfjs", "typing", 50, "main"),
    }


def test_duties_and_places_multiply() -> None:
    selected = {**QUICK, "engines": ["tfjs"], "models": ["mobilenet_v2"]}
    found = quick(HOST, scenarios=["video"], duties=["25", "75"], places=["main", "worker"], **selected)
    assert {used(block.case) for block in found.blocks} == {
        ("tfjs", "video", duty, place) for duty in (25, 75) for place in ("main", "worker")
    }


def test_native_engines_are_left_out_of_scenarios_only() -> None:
    assert {block.case.browser for block in quick(HOST, scenarios=["video"]).blocks} == {"chrome"}
    both = quick(HOST, scenarios=["none", "video"], duties=["50"], **QUICK).blocks
    assert {block.case.scenario for block in both} == {"video"}


def test_the_time_alone_ends_a_block() -> None:
    rules = {block.rule for block in quick(HOST, scenarios=["video"], seconds="7", **QUICK).blocks}
    assert {(one.max_seconds, one.min_predictions, one.max_predictions) for one in rules} == {(7, 2, 1_000_000)}


@pytest.mark.parametrize("axis", ["duties", "places"])
def test_a_duty_or_place_without_a_scenario_is_refused(axis: str) -> None:
    value = {"duties": "50", "places": "worker"}[axis]
    with pytest.raises(BadInput, match="no page is") as failure:
        quick(HOST, **{axis: [value]})
    assert "--scenario video" in str(failure.value.hint)


@pytest.mark.parametrize(
    ("axis", "value"), [("scenarios", "vidoe"), ("scenarios", "ftp://x"), ("duties", "101"), ("places", "gpu")]
)
def test_values_that_do_not_exist_are_refused(axis: str, value: str) -> None:
    with pytest.raises(BadInput, match=value):
        quick(HOST, **{"scenarios": ["video"], axis: [value]})


@pytest.mark.parametrize("own", ["https://example.org/a/b?c=1", "pages/mine.html", "clip.webm"])
def test_pages_and_clips_of_the_user_are_scenarios(own: str) -> None:
    assert {block.case.scenario for block in quick(HOST, scenarios=[own], **QUICK).blocks} == {own}


def test_native_engines_have_no_scenario_at_all() -> None:
    with pytest.raises(NothingToMeasure):
        quick(HOST, scenarios=["video"], engines=["tflite"])


def test_phones_are_planned_alike() -> None:
    assert {block.case.is_baseline for block in planned("qoe", VIRTUAL).blocks} == {True, False}
