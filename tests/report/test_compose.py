"""The whole report: its files, and runs that have little to report."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from mobilebench.analysis.summary import summarise
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Run
from mobilebench.report import csv_files
from mobilebench.report.compose import document, write
from tests.analysis import example, pages, watching
from tests.pinning import Pinned
from tests.report import rendering
from tests.report.hostile import FORMULA, hostile_run


def test_its_files_are_written_whole(tmp_path: Path) -> None:
    files = write(pages.page_run(), tmp_path / "new" / "folder")
    assert [files.html.name, files.markdown.name, *files.tables] == [
        "report.html",
        "report.md",
        "results.csv",
        "blocks.csv",
        "gaps.csv",
    ]
    assert sorted(os.listdir(files.html.parent)) == [
        "blocks.csv",
        "gaps.csv",
        "report.html",
        "report.md",
        "results.csv",
    ]
    assert files.html.read_text(encoding="utf-8").endswith("</html>\n")


@pytest.mark.slow
def test_writing_again_replaces(tmp_path: Path) -> None:
    first = write(pages.run_of([(pages.WASM, pages.answer(pages.WASM))]), tmp_path).tables["results.csv"].read_text()
    again = write(pages.run_of([(pages.WASM, pages.answer(pages.WASM, seed=8))]), tmp_path)
    assert again.tables["results.csv"].read_text() != first


def test_a_folder_that_cannot_be_made_is_bad_input(tmp_path: Path, pinned: Pinned) -> None:
    (tmp_path / "file").write_text("")
    with pinned.raises(BadInput) as caught:
        write(Run(info=example.info([]), planned=[], blocks=[]), tmp_path / "file" / "under")
    assert caught.value.hint


def test_passes_have_files_of_their_own() -> None:
    names = list(csv_files.render(document(summarise(watching.watched_run()))))
    assert names == ["socs.csv", "results.csv", "blocks.csv", "gaps.csv", "kernels.csv", "memory.csv"]


def test_a_run_without_timing_is_a_whole_report(tmp_path: Path) -> None:
    case = example.case("host", "tflite", "xnnpack")
    plan = watching.planned_pass(0, case, "kernels")
    blocks = [example.measured(plan, watching.kernels_answer(case, random.Random(1)))]
    run = Run(info=example.info([example.host()]), planned=[plan], blocks=blocks)
    text = write(run, tmp_path).html.read_text()
    assert "not timed" in text
    assert "At a glance" not in text
    assert "tflite cpu xnnpack" in rendering.terminal(summarise(run))


def test_csv_text_is_no_formula_and_one_line() -> None:
    lines = csv_files.render(document(summarise(hostile_run())))["results.csv"].splitlines()
    cells = [cell for line in lines for cell in line.split(",")]
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)
    assert any(f"'{FORMULA}" in cell for cell in cells)
    assert len(lines) == 1 + 3 * len({plan.case.key for plan in example.example_run().planned})
