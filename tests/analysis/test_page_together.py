"""A call beside the pages that do one of its things: which cases belong together, ratios by rounds, published cells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mobilebench.analysis import page_accuracy
from mobilebench.analysis.page_quality import RUNS, VIDEO_FRAMES, page_scenarios
from mobilebench.analysis.page_together import Beside, Pair, Together, calls_beside
from mobilebench.analysis.published_quality import quality_tables
from mobilebench.core.records import Case
from mobilebench.reference.published import load
from tests.analysis import page_runs
from tests.analysis.page_runs import WASM, Used, baseline, used

DETECTOR = replace(WASM, model="ssd_mobilenet_v2")
BASES: dict[Case, page_runs.Rounds] = {
    baseline("call"): [Used(60.0, 140.0, 30.0, None)] * 3,
    baseline("interaction"): [Used(60.0, 142.0, ms=None)] * 3,
    baseline("video"): [Used(60.0, video=30.0, ms=None)] * 3,
}


def found(cases: dict[Case, page_runs.Rounds], *, published: bool = False) -> tuple[Together, ...]:
    summary = page_runs.summary(cases)
    tables = quality_tables(summary, load("tosem2025")) if published else ()
    return calls_beside(page_scenarios(summary), tables)


def pair(row: Beside, metric: str) -> Pair:
    return next(one for one in row.pairs if one.metric == metric)


def test_the_ratio_is_over_the_same_inference_alone_and_pairs_rounds() -> None:
    (call,) = found({
        **BASES,
        used(DETECTOR, "call"): [Used(40.0, runs, 15.0, 60.0) for runs in (80.0, 60.0, 40.0)],
        used(DETECTOR, "interaction"): [Used(40.0, runs, ms=50.0) for runs in (100.0, 75.0, 50.0)],
        used(DETECTOR, "interaction", duty=25): [Used(40.0, 130.0, ms=50.0)] * 3,
        used(DETECTOR, "video"): [Used(40.0, video=20.0, ms=40.0)] * 3,
    })  # fmt: skip
    without, row = call.rows
    runs = pair(row, RUNS)
    assert runs.ratio is not None
    assert runs.ratio.value == pytest.approx(0.8, abs=0.001)
    assert runs.ratio.interval is not None
    assert runs.ratio.interval.high - runs.ratio.interval.low < 0.01
    frames = pair(row, VIDEO_FRAMES)
    assert frames.ratio is not None
    assert frames.ratio.value == pytest.approx(0.75, abs=0.01)
    accuracy = pair(row, page_accuracy.MAP)
    assert accuracy.ratio is not None
    assert accuracy.ratio.value < 1
    assert {name: case.latency.value for name, case in row.alone.items() if case.latency} == {
        "interaction": pytest.approx(50.0),
        "video": pytest.approx(40.0),
    }
    base = pair(without, RUNS).ratio
    assert base is not None
    assert base.value == pytest.approx(140 / 142, abs=0.01)
    assert call.metrics == (RUNS, VIDEO_FRAMES, page_accuracy.MAP)


def test_what_is_missing_has_a_reason_and_no_ratio() -> None:
    cases = {**BASES, used(DETECTOR, "call"): [Used(40.0, 80.0, 15.0)] * 3}
    (call,) = found({**cases, used(DETECTOR, "interaction", place="worker"): [Used(40.0, 100.0)] * 3})
    runs = pair(call.rows[1], RUNS)
    assert (runs.alone, runs.ratio, runs.missing) == (None, None, "interaction was not measured like this")
    (call,) = found({**cases, used(DETECTOR, "video"): [Used(40.0, video=None)] * 3})
    frames = pair(call.rows[1], VIDEO_FRAMES)
    assert (frames.ratio, frames.missing) == (None, "no round has a value of both")


def test_published_cells_of_both_pages_stand_beside_ours() -> None:
    cases = {
        **BASES,
        used(DETECTOR, "call"): [Used(40.0, 80.0, 15.0)] * 3,
        used(DETECTOR, "interaction"): [Used(40.0, 100.0)] * 3,
        used(DETECTOR, "video"): [Used(40.0, video=20.0)] * 3,
    }
    (call,) = found(cases, published=True)
    assert call.compared
    runs, frames, accuracy = call.rows[1].pairs
    assert runs.published_ratio == pytest.approx(104.2 / 112.0)
    assert frames.published_ratio == pytest.approx(20.9 / 23.9)
    assert accuracy.published_together is not None
    assert accuracy.published_together.mean == 0.92
    assert accuracy.published_ratio is None
    (plain,) = found(cases)
    assert not plain.compared


def test_a_call_without_the_other_pages_is_compared_with_nothing() -> None:
    assert (
        found({baseline("call"): BASES[baseline("call")], used(DETECTOR, "call"): [Used(40.0, 80.0, 15.0)] * 3}) == ()
    )
    other = {**BASES, baseline("call", browser="firefox"): BASES[baseline("call")]}
    del other[baseline("call")]
    assert found(other) == ()
