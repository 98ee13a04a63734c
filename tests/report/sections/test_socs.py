"""The section of groups of targets: one part for each group and each engine that several groups share."""

from __future__ import annotations

import csv

import pytest

from mobilebench.analysis.by_soc import by_group
from mobilebench.analysis.summary import summarise
from mobilebench.report import csv_files
from mobilebench.report.compose import MODEL_SECTIONS, document
from mobilebench.report.sections import socs
from mobilebench.report.views import view
from tests.analysis import example, pages
from tests.analysis.phones import phones_run
from tests.report.sections import reading

pytestmark = pytest.mark.slow


def section_of(group_by: str | None = None):  # type: ignore[no-untyped-def]
    found = socs.section(view(summarise(phones_run()), MODEL_SECTIONS, group_by=group_by))
    assert found is not None
    return found


def test_every_soc_and_every_engine_has_its_part_with_an_anchor() -> None:
    parts = section_of().sections
    assert [part.id for part in parts] == ["soc-1", "soc-2", "soc-3", "soc-4", "engine-1", "engine-2"]
    assert parts[0].title == f"{example.CPU} (PC)"
    assert [part.mark for part in parts[:4]] == [None, None, None, f"virtual: {example.CPU}"]


def test_a_pooled_number_says_how_many_phones_and_how_far_apart() -> None:
    row = reading.rows(section_of().sections[4], "soc-engines")[0]
    assert "2 targets" in row["Snapdragon 8 Gen 2"]
    assert "95 %" in row["Tensor G3"]
    assert f"{example.CPU} (PC)" in row


def test_a_run_on_one_target_has_it_only_when_asked_for() -> None:
    summary = summarise(pages.page_run())
    assert socs.section(view(summary, MODEL_SECTIONS)) is None
    assert socs.section(view(summary, MODEL_SECTIONS, group_by="isa")) is not None


def test_the_pooled_numbers_are_a_file_of_their_own() -> None:
    run = summarise(phones_run())
    rows = list(csv.DictReader(csv_files.render(document(run))["socs.csv"].splitlines()))
    pooled = [one for group in by_group(run, "soc") for one in group.pooled]
    assert [row["case"] for row in rows] == [one.case.key for one in pooled]
    assert [float(row["prediction_ms"]) for row in rows] == [one.mean for one in pooled]
    assert {row["targets"] for row in rows} > {"1"}
