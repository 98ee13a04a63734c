"""The section on page quality: its tables, the advice, its figures, and the published numbers beside ours."""

from __future__ import annotations

from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from mobilebench.analysis.gaps import gaps
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.page_quality import LeadIn, Mark
from mobilebench.core.records import Case, Run
from mobilebench.reference.published import load
from mobilebench.report import document as doc
from mobilebench.report import markdown
from mobilebench.report.compose import document, table_files
from mobilebench.report.sections import page_quality
from tests.analysis import example, page_runs, study
from tests.analysis.page_runs import ORT, WASM, WEBGL, Used, baseline, rounds, used
from tests.report import rendering
from tests.report.figures import drawn
from tests.report.sections import reading

STUDY = load("tosem2025")


def summary() -> RunSummary:
    return summarise(page_runs.whole_run())


def section(of: RunSummary, **options: Any) -> doc.Section:
    made = document(of, (page_quality.section,), (), **options)
    (found,) = [one for one in made.sections if one.name == "page-quality"]
    return found


def text(of: RunSummary, **options: Any) -> str:
    return markdown.render(document(of, (page_quality.section,), (), **options)).replace("\u202f", " ")


def test_section(snapshot: SnapshotAssertion) -> None:
    assert text(summary(), reference=STUDY) == snapshot


def test_terminal(snapshot: SnapshotAssertion) -> None:
    shown = rendering.terminal(summary(), 110)
    assert shown[shown.index("Page quality") :] == snapshot


def test_the_advice_follows_the_budget() -> None:
    assert "keeps 90 % of the page, with the shortest inference of those that do: 22.8 ms" in text(summary())
    assert "no case keeps 99 % of the page" in text(summary(), keep=0.99)


def test_the_advice_names_why_the_others_fall_out() -> None:
    found = text(summary())
    assert "not known. Tfjs has no kernel for Einsum on wasm." in found
    assert "does not keep, 24.0 ms, leaves 79.2 %" in found
    assert "on the main thread, invalid: not known. It is invalid." in found


def test_void_is_shown_with_its_reason() -> None:
    cases: dict[Case, page_runs.Rounds] = {
        baseline("video"): [Used(video=30.0, ms=None)] * 3,
        used(WASM, "video"): [Used(video=None)] * 3,
    }
    found = text(page_runs.summary(cases))
    (row,) = [line for line in found.splitlines() if line.startswith("| tfjs")]
    assert "void (note 1)" in row
    assert "Note 1: Not here." in found


def test_presented_frames_stand_beside_those_of_the_page() -> None:
    cases: dict[Case, page_runs.Rounds] = {
        baseline("typing"): [Used(presented=4.0, ms=None)] * 3,
        used(WASM, "typing"): [Used(presented=3.0)] * 3,
    }
    found = text(page_runs.summary(cases))
    assert "| frames/s | presented frames, frames/s |" in found
    (row,) = [line for line in found.splitlines() if line.startswith("| tfjs")]
    assert "3.0 ± 0.0 (75.0 % left" in row


def test_every_metric_is_in_the_csv_file() -> None:
    rows = reading.csv_rows(page_quality.data, summary())
    keys = {(row["engine"], row["metric"]) for row in rows}
    assert {("page", "video_fps"), ("tfjs", "runs_per_minute"), ("ortjs", "fps_lowest")} <= keys
    base = next(row for row in rows if row["engine"] == "page" and row["metric"] == "video_fps")
    assert (base["over_baseline"], base["inference_ms"], base["blocks"]) == (None, None, 5)
    void = next(row for row in rows if row["metric"] == "inp")
    assert (void["mean"], void["void"]) == (None, "not here")
    without = next(row for row in rows if row["outcome"] == "unsupported")
    assert (without["metric"], without["blocks"]) == (None, 0)
    invalid = next(row for row in rows if row["left_out"] == 1 and row["metric"] == "video_fps")
    assert invalid["loss_percent"] is not None


def test_published_cells_stand_beside_ours() -> None:
    files = table_files(summary(), STUDY)
    line = next(line for line in files["tables.md"].splitlines() if "87.6 ± 12" in line)
    assert "92.7 ± 7.5" in line
    assert "1.00×" in line
    assert r"87.6" in files["tables.tex"]
    assert "quality.csv" in files


def test_accuracy_by_frame_reuse_stands_like_table_20() -> None:
    found = text(summary(), reference=STUDY)
    start = found.index("Accuracy by frame reuse, top-1 (share) like table 20: video in chrome, 50 %")
    table = found[start : found.index("\n\nAccuracy", start + 1)]
    assert "With every frame processed: 1. Published: 0.172 ± 0." in table
    assert "0.137 ± 0.0053 (79.7 % left)" in table
    assert "Accuracy by frame reuse (like table 20 of the study) is simulated" in found
    rows = reading.csv_rows(page_quality.data, summary())
    (row,) = [
        one for one in rows if (one["metric"], one["engine"], one["backend"]) == ("accuracy_top1", "tfjs", "webgl")
    ]
    assert (row["unit"], row["blocks"]) == ("share", 4)
    assert 0.9 < row["mean"] < 0.99
    assert row["loss_percent"] == pytest.approx(100 * (1 - row["mean"]), abs=0.05)


def test_without_a_video_no_accuracy_is_mentioned() -> None:
    cases: dict[Case, page_runs.Rounds] = {
        baseline("interaction"): [Used(60.0, 100.0, ms=None)] * 3,
        used(WASM, "interaction"): [Used(50.0, 90.0)] * 3,
    }
    assert "ccuracy" not in text(page_runs.summary(cases))


def test_what_differs_is_spelled_out() -> None:
    found = text(summary(), reference=STUDY)
    for part in (
        "Speedometer",
        "YouTube",
        "10 minutes",
        "4.2.0",
        "4.22.0",
        "table 20: tfjs wasm simd-threads: 5 cells",
        "YouTube-BoundingBoxes",
    ):
        assert part in found, part


def test_without_a_counterpart_it_says_so() -> None:
    cases: dict[Case, page_runs.Rounds] = {
        baseline("video"): [Used(video=30.0, ms=None)] * 3,
        used(WASM, "video", duty=75): [Used(video=20.0)] * 3,
    }
    assert "No case of this run has a published counterpart." in text(page_runs.summary(cases), reference=STUDY)


def test_a_phone_has_no_published_counterpart_and_a_virtual_one_is_marked() -> None:
    phone = example.PHONES[0]
    cases: dict[Case, page_runs.Rounds] = {
        baseline("video", target=phone.id): [Used(video=30.0, ms=None)] * 3,
        used(study.on(phone.id, WASM), "video"): [Used(video=20.0)] * 3,
    }
    found = page_runs.summary(cases, [phone])
    assert "No case of this run has a published counterpart." in text(found, reference=STUDY)
    (part,) = section(found).sections
    assert part.mark == phone.soc
    assert f"Cases of video in chrome on {phone.name} (virtual" in text(found)
    assert all("(virtual" in line for line in table_files(found)["tables.md"].splitlines() if "like table" in line)


def test_frame_rates_are_drawn_with_the_baseline_and_the_phases() -> None:
    *_, figure = drawn.titled(page_runs.whole_run(), "Frame rate, mobilenet_v2")
    panels = figure.spec["vconcat"]
    assert len(panels) == 5
    names = {row["name"] for row in drawn.rows(figure, "rate", "name")}
    assert names == {"without inference"}
    phases = [row["phase"] for rows in drawn.data(panels[0]) for row in rows if "phase" in row]
    assert phases == ["setup", "warmup", "prediction"]


def test_the_trade_off_has_a_panel_for_each_scenario() -> None:
    figures = drawn.titled(page_runs.whole_run(), "Latency against frames")
    assert [figure.title.rpartition(", ")[2] for figure in figures] == ["mobilenet_v2", "bert_small"]
    assert [panel["title"]["text"] for panel in figures[0].spec["vconcat"]] == [
        "interaction in chrome",
        "video in chrome",
    ]
    rows = [row for panel in figures[0].spec["vconcat"] for row in drawn.rows_of(panel, "ms", "frames", "area")]
    assert len(rows) == 9
    assert all(0 < row["frames"] < 101 for row in rows)


def test_each_panel_of_the_trade_off_shows_the_runs_of_its_own_page() -> None:
    cases: dict[Case, page_runs.Rounds] = {
        baseline("interaction"): [Used(60.0, 100.0, ms=None)] * 3,
        used(WASM, "interaction"): [Used(45.0, 50.0)] * 3,
        baseline("video"): [Used(60.0, video=30.0, ms=None)] * 3,
        used(WASM, "video"): [Used(45.0, video=20.0)] * 3,
        baseline("call"): [Used(60.0, 100.0, video=30.0, ms=None)] * 3,
        used(WASM, "call"): [Used(45.0, 25.0, video=20.0)] * 3,
    }
    (figure,) = drawn.titled(page_runs.run(cases), "Latency against frames")
    shown = {
        panel["title"]["text"]: {row["beside"] for row in drawn.rows_of(panel, "beside")}
        for panel in figure.spec["vconcat"]
    }
    assert shown == {
        "interaction in chrome": {"50 % · 50 %"},
        "video in chrome": {"50 % · 50 %"},
        "call in chrome": {"50 % · 25 %"},
    }


@pytest.mark.slow
def test_figures_follow_the_schema() -> None:
    import altair

    for figure in drawn.figures(page_runs.whole_run()):
        altair.Chart.from_dict(figure.spec, validate=True)


def test_labels_that_would_lie_upon_each_other_are_moved() -> None:
    near = {
        used(way, "video"): rounds(Used(video=29.0 - n / 10, ms=20.0 + n / 10))
        for n, way in enumerate((WASM, ORT, WEBGL))
    }
    (figure,) = drawn.titled(page_runs.run({baseline("video"): rounds(Used(video=30.0, ms=None)), **near}), "Latency")
    texts = [layer["mark"]["dy"] for layer in figure.spec["vconcat"][0]["layer"] if "dy" in layer["mark"]]
    assert len(texts) == len(set(texts)) == 3


def test_a_run_without_pages_has_no_such_section() -> None:
    plain = page_runs.summary({WASM: [Used(ms=18.0)]})
    assert "Page quality" not in rendering.markdown(plain)
    assert "Page quality" not in rendering.terminal(plain)
    assert rendering.table(plain, "quality.csv") is None


def only_pages() -> RunSummary:
    cases: dict[Case, page_runs.Rounds] = {
        baseline("video"): rounds(Used(video=30.0, ms=None)),
        used(WASM, "video"): rounds(Used(video=15.0)),
        used(ORT, "video", place="worker"): rounds(Used(video=29.0)),
    }
    return page_runs.summary(cases)


def test_a_run_with_nothing_but_pages_begins_with_what_is_left_of_them() -> None:
    shown = " ".join(rendering.terminal(only_pages()).split()).replace("\u202f", " ")
    assert shown.startswith("Inference leaves 50.1 % of the frames of the video") or "Inference leaves 49." in shown
    assert "In 1 of 1 combination of scenario, browser, model and target, a case keeps 90 % of the page." in shown
    assert "The shares are over 5 rounds; each has a 95 % interval." in shown


def test_pages_in_use_are_not_compared_with_native_engines() -> None:
    native = study.native("tflite")
    cases: dict[Case, page_runs.Rounds] = {
        native: rounds(Used(ms=5.0)),
        WASM: rounds(Used(ms=18.0)),
        baseline("video"): rounds(Used(video=30.0, ms=None)),
        used(WASM, "video"): rounds(Used(video=15.0, ms=12.0)),
    }
    found = page_runs.summary(cases)
    (group, without) = gaps(found)
    assert [gap.web for gap in group.gaps] == [WASM]
    assert without.gaps == ()
    assert "3.6" in rendering.terminal(found).partition("times")[0]


def test_without_marks_the_first_inference_begins_the_prediction() -> None:
    (figure,) = drawn.titled(unmarked(), "Frame rate")
    phases = [row["phase"] for rows in drawn.data(figure.spec) for row in rows if "phase" in row]
    assert phases == ["prediction"]


def unmarked() -> Run:
    """A run whose engine was set up before the page was measured."""
    run = page_runs.run({baseline("video"): [Used(video=30.0, ms=None)], used(WASM, "video"): [Used(video=20.0)]})
    blocks = [
        block.model_copy(update={"scenario": block.scenario and block.scenario.model_copy(update={"marks": []})})
        for block in run.blocks
    ]
    return run.model_copy(update={"blocks": blocks})


def test_what_went_before_the_use_of_a_page_stands_before_second_zero() -> None:
    before = LeadIn(
        before_ms=3200.0,
        duration_ms=3000.0,
        frames_ms=[n * 20.0 for n in range(150)],
        marks=[Mark(name=name, at_ms=at) for name, at in (("setup", 1000), ("warmup", 2500), ("ready", 3000))],
    )
    run = page_runs.run({baseline("typing"): [Used(ms=None)], used(WASM, "typing"): [Used(50.0)]})
    with_lead_in = [
        block.model_copy(
            update={"scenario": block.scenario and block.scenario.model_copy(update={"lead_in": before, "marks": []})}
        )
        if block.planned.case.duty
        else block
        for block in run.blocks
    ]
    (figure,) = drawn.titled(run.model_copy(update={"blocks": with_lead_in}), "Frame rate")
    (panel,) = figure.spec["vconcat"]
    rows = [row for layer in drawn.data(panel) for row in layer]
    earlier = [(row["at"], row["rate"]) for row in rows if "rate" in row and row["at"] < 0]
    assert earlier == [(-2.7, 50), (-1.7, 50), (-0.7, 50)]
    assert [(row["phase"], row["at"]) for row in rows if "phase" in row] == [
        ("setup", -2.2),
        ("warmup", -0.7),
        ("prediction", 0),
    ]
    assert panel["layer"][0]["encoding"]["x"]["scale"]["domain"] == [-4.0, 10.0]


def test_a_case_that_only_may_keep_it_is_not_said_to_keep_it() -> None:
    cases: dict[Case, page_runs.Rounds] = {
        baseline("video"): [Used(video=30.0, ms=None)] * 3,
        used(WASM, "video"): [Used(video=value) for value in (26.0, 30.0, 29.0)],
    }
    found = page_runs.summary(cases)
    assert "may keep 90 % of the page, which is not certain, with the shortest inference of those that may" in text(
        found
    )
    shown = " ".join(rendering.terminal(found).split()).replace("\u202f", " ")
    assert "In 0 of 1 combination" in shown
    assert "a case keeps 90 % of the page; in 1 more, one may." in shown


def test_a_wide_interval_does_not_widen_the_figure() -> None:
    cases: dict[Case, page_runs.Rounds] = {
        baseline("video"): [Used(video=30.0, ms=None)] * 3,
        used(WASM, "video"): [Used(video=value) for value in (5.0, 30.0, 29.0)],
    }
    (figure,) = drawn.titled(page_runs.run(cases), "Latency against frames")
    highs = [row["high"] for row in drawn.rows(figure, "low", "high")]
    assert highs == [100]
