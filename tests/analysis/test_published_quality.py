"""Page quality beside published cells: which cell belongs to which case, and why others have none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mobilebench.analysis import page_accuracy
from mobilebench.analysis.published_quality import MATTERS, alone, conditions, quality_tables, unmatched
from mobilebench.analysis.summary import RunSummary
from mobilebench.core.records import Case
from mobilebench.reference.published import load
from tests.analysis import example, page_runs, study
from tests.analysis.page_runs import ORT, WASM, WEBGL, Used, baseline, used

STUDY = load("tosem2025")


def summary(*cases: Case, **options: float) -> RunSummary:
    of = Used(**{"fps": 50.0, "video": 25.0, "runs": 90.0, **options})  # type: ignore[arg-type]
    scenarios = dict.fromkeys((case.scenario, case.target) for case in cases)
    bases = {baseline(name, target=target): [Used(60.0, 100.0, 30.0, None)] * 3 for name, target in scenarios}
    targets = [example.host(), *example.PHONES]
    return page_runs.summary({**bases, **{case: [of] * 3 for case in cases}}, targets)


@pytest.mark.parametrize(
    ("case", "mean"),
    [
        (used(WASM, "interaction"), 92.7),
        (used(ORT, "interaction"), 92.0),
        (used(WEBGL, "interaction"), 87.6),
        (used(WASM, "video"), 23.8),
        (used(replace(WEBGL, gpu="discrete"), "video"), 27.2),
        (used(replace(ORT, model="bert_base"), "typing"), 54.6),
    ],
)
def test_a_case_belongs_to_one_published_cell(case: Case, mean: float) -> None:
    (table,) = [one for one in quality_tables(summary(case), STUDY) if one.matter.table != "20"]
    (cell,) = table.cells.values()
    assert cell.published is not None
    assert cell.published.mean == mean
    assert cell.own is not None
    assert cell.ratio == pytest.approx((cell.own.mean or 0) / mean)
    assert cell.published_baseline is not None
    assert cell.published_kept == pytest.approx(mean / (cell.published_baseline.mean or 0))


@pytest.mark.parametrize(
    ("case", "mean", "other"),
    [
        (used(WASM, "video"), 0.137, page_accuracy.MAP),
        (used(replace(WASM, model="ssd_mobilenet_v2"), "video"), 0.78, page_accuracy.TOP_1),
    ],
)
def test_accuracy_belongs_to_the_published_metric_of_the_model(case: Case, mean: float, other: str) -> None:
    tables = [one for one in quality_tables(summary(case), STUDY) if one.matter.table == "20"]
    cells = {table.matter.metric: cell for table in tables for cell in table.cells.values()}
    alone_ = cells.pop(other)
    assert (alone_.published, alone_.own is None) == (None, False)
    assert "mAP of models that detect" in alone_.reason
    (cell,) = cells.values()
    assert cell.published is not None
    assert cell.published.mean == pytest.approx(mean)
    assert cell.kept is not None
    assert 0.9 < cell.kept < 1
    assert cell.ratio == pytest.approx(cell.kept / (cell.published_kept or 0))
    assert cell.published_kept == pytest.approx(0.137 / 0.172 if mean < 0.2 else 0.78)


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (used(WASM, "video", duty=25), "a duty of 50 %"),
        (used(WASM, "video", place="worker"), "on the main thread"),
        (used(WASM, "typing"), "text models while typing"),
        (used(replace(ORT, model="bert_base"), "video"), "vision models beside a video"),
        (used(replace(WEBGL, gpu="software"), "video"), "the CPU took the place of a GPU"),
        (used(replace(WASM, model="pggan"), "video"), "no model pggan"),
        (used(WASM, "https://example.org/"), "no such page"),
        (used(study.on(example.PHONES[0].id, WASM), "video"), "on PCs"),
    ],
)
def test_other_cases_have_none_for_a_reason(case: Case, reason: str) -> None:
    found = summary(case)
    ((_, left, why),) = alone(found, quality_tables(found, STUDY))
    assert left.of == case
    assert reason in why


def test_no_published_cell_is_dropped() -> None:
    found = quality_tables(summary(used(WASM, "video"), used(ORT, "interaction")), STUDY)
    inferring = [cell for cell in STUDY.pages if cell.framework]
    assert sum(count for _, count in unmatched(STUDY, found)) == len(inferring) - 3


def test_the_matters_name_every_published_metric() -> None:
    assert {matter.published for matter in MATTERS} == {cell.metric for cell in STUDY.pages}


def test_what_differs_is_from_both_sides() -> None:
    found = {one.what: one for one in conditions(STUDY, quality_tables(summary(used(WASM, "video")), STUDY))}
    assert found["version of tfjs"].own == "4.22.0"
    assert found["version of tfjs"].published == "4.2.0"
    assert found["length of a measurement"].own == f"{page_runs.SECONDS} s"
    assert "page of responsiveness" not in found


def test_cases_that_differ_in_another_axis_have_columns_of_their_own() -> None:
    cases = used(WASM, "video"), used(replace(WASM, threads=1), "video"), used(replace(WASM, isolation="none"), "video")
    table = quality_tables(summary(*cases), STUDY)[0]
    assert len(table.cells) == len(table.ways) == 3
