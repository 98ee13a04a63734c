"""A call beside the pages that do one of its things, as the report shows it."""

from __future__ import annotations

from dataclasses import replace

from syrupy.assertion import SnapshotAssertion

from mobilebench.analysis.summary import RunSummary
from mobilebench.core.records import Case
from mobilebench.reference.published import load
from mobilebench.report import markdown
from mobilebench.report.compose import document, table_files
from mobilebench.report.sections import page_quality
from tests.analysis import page_runs
from tests.analysis.page_runs import ORT, WASM, Used, baseline, rounds, used

STUDY = load("tosem2025")
DETECTOR = replace(WASM, model="ssd_mobilenet_v2")
TITLE = "Everything at once against each alone"


def summary(*, alone: bool = True) -> RunSummary:
    cases: dict[Case, page_runs.Rounds] = {
        baseline("call"): rounds(Used(60.0, 140.0, 30.0, None)),
        used(DETECTOR, "call"): rounds(Used(40.0, 80.0, 15.0, 60.0)),
        used(ORT, "call"): rounds(Used(40.0, 80.0, 15.0, 60.0)),
    }
    if alone:
        cases |= {
            baseline("interaction"): rounds(Used(60.0, 142.0, ms=None)),
            baseline("video"): rounds(Used(60.0, video=30.0, ms=None)),
            used(DETECTOR, "interaction"): rounds(Used(40.0, 100.0, ms=50.0)),
            used(DETECTOR, "video"): rounds(Used(40.0, video=24.0, ms=40.0)),
            used(ORT, "interaction"): rounds(Used(40.0, 100.0, ms=50.0)),
        }
    return page_runs.summary(cases)


def text(of: RunSummary, **options: object) -> str:
    return markdown.render(document(of, (page_quality.section,), (), **options))  # type: ignore[arg-type]


def test_section(snapshot: SnapshotAssertion) -> None:
    found = text(summary(), reference=STUDY)
    start = found.index(TITLE)
    assert found[start : found.index("####", start)] == snapshot


def test_what_differs_from_the_published_page_is_spelled_out() -> None:
    found = text(summary(), reference=STUDY)
    for part in ("detects faces", "the model infers on its usual input", "YOLOv8", "Speedometer embedded"):
        assert part in found, part


def test_without_published_cells_only_ours_are_shown() -> None:
    found = text(summary())
    start = found.index(TITLE)
    assert "ublished" not in found[start : found.index("####", start)]


def test_a_call_alone_has_no_such_table() -> None:
    assert TITLE not in text(summary(alone=False))


def test_it_is_among_the_tables_in_files_of_their_own() -> None:
    files = table_files(summary(), STUDY)
    assert "Call in chrome against each alone, example-pc" in files["tables.md"]
    assert "0.93" in files["tables.tex"]
