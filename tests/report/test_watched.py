"""Kernels and memory in every form of the report."""

from __future__ import annotations

import csv
import io
import random
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mobilebench.analysis.kernels import KernelSummary, kernels
from mobilebench.analysis.memory import memory
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.operators import TYPES
from mobilebench.core.records import Kernel, MemoryUse, PlannedBlock, Run
from mobilebench.report import html
from mobilebench.report.compose import write
from mobilebench.report.figures.memory import STAGE_FILLS
from mobilebench.report.phrases import signed_size
from mobilebench.report.sections.kernels import kernel_sentences, kernel_shares
from mobilebench.report.sections.memory import memory_sentences
from tests.analysis import example, watching
from tests.pinning import Pinned
from tests.report import rendering
from tests.report.hostile import EVERYTHING, SCRIPT
from tests.report.rendering import terminal
from tests.report.test_html import Page

TFLITE = example.case("host", "tflite", "xnnpack")


@cache
def summary() -> RunSummary:
    return summarise(watching.watched_run())


@cache
def example_page() -> tuple[str, Page]:
    text = rendering.html(summary())
    return text, Page(text)


def rows(text: str | None) -> list[dict[str, str]]:
    assert text is not None
    return list(csv.DictReader(io.StringIO(text, newline="")))


def watched_case(**changes: Any) -> Run:
    """One case with one kernels pass, changed."""
    plan = watching.planned_pass(0, TFLITE, "kernels")
    answer = watching.kernels_answer(TFLITE, random.Random(1)).model_copy(update=changes)
    return Run(info=example.info([example.host()]), planned=[plan], blocks=[example.measured(plan, answer)])


def read(run: Run) -> KernelSummary:
    (case,) = summarise(run).targets[0].cases
    found = kernels(case)
    assert found is not None
    return found


@pytest.mark.slow
def test_pictures_are_drawn_for_what_was_watched() -> None:
    _, page = example_page()
    plots = [attributes["aria-label"] or "" for attributes, _ in page.of("svg") if attributes.get("class") == "plot"]
    assert sum(label.startswith("Share of the kernels' time: ") for label in plots) == 6
    assert sum(label.startswith("Resident memory after each stage") for label in plots) == 6


def test_every_type_has_a_colour() -> None:
    style = (Path(html.__file__).parent / "templates" / "report.css").read_text()
    for kind in TYPES:
        assert f".fill-kernel-{kind.replace(' ', '-')} " in style
    for fill in set(STAGE_FILLS.values()):
        assert f".fill-{fill} " in style


def test_a_kernels_bar_is_full() -> None:
    case = next(case for case in summary().targets[0].cases if case.case == TFLITE)
    found = kernels(case)
    assert found is not None
    figure = kernel_shares([(case, found)], None)
    assert figure is not None
    widths = [float(width) for width in re.findall(r'<rect class="fill-kernel-[^>]*width="([\d.]+)%"', str(figure.svg))]
    assert sum(widths) == pytest.approx(98.8, abs=0.1)


def test_the_page_tells_what_is_missing_and_how_far_it_distorts() -> None:
    text, page = example_page()
    assert "of the same pass&#39;s prediction" in text
    assert re.search(r"A watched prediction takes 1\.0\d× the 6\.\d+ ms of the timing blocks\.", text)
    assert "34 × <code>Fully Connected (NC, F32) GEMM</code> compute CONV_2D" in text
    assert "Names without a type are counted as other: <code>Frobnicate (NC)</code>." in text
    captions = [caption for _, caption in page.of("caption")]
    assert sum(caption.startswith("By type") for caption in captions) == 10
    assert sum(caption.startswith("Growth by stage") for caption in captions) == 10


def test_a_pass_that_cannot_be_shown_says_why_beside_the_others() -> None:
    text, _ = example_page()
    assert "this library was built without its profiler" in text
    assert "gave no whole answer (exit code 1)" in text
    assert "kernels: 10 valid, 2 unsupported; memory: 10 valid, 2 failed" in text


def test_what_the_results_tell_is_not_told_again() -> None:
    reason = "This computer has no such thing."
    plans = [PlannedBlock(index=0, round=1, case=TFLITE, rule=example.RULE), watching.planned_pass(1, TFLITE, "memory")]
    blocks = [example.unmeasured(plan, "unsupported", reason) for plan in plans]
    run = summarise(Run(info=example.info([example.host()]), planned=plans, blocks=blocks))
    assert " ".join(terminal(run).split()).count(reason) == 1
    only_watched = summarise(Run(info=example.info([example.host()]), planned=plans[1:], blocks=blocks[1:]))
    assert " ".join(terminal(only_watched).split()).count(reason) == 1


def test_only_the_highwater_mark_is_called_a_peak() -> None:
    forms = (example_page()[0], rendering.markdown(summary()), terminal(summary()))
    for text in forms:
        assert re.search(r"[Pp]eak RSS", text)
        assert not re.search(r"peak (PSS|USS)|(PSS|USS) peak", text, re.IGNORECASE)


def test_what_the_system_counted_is_in_the_proof() -> None:
    text, _ = example_page()
    assert "CPU 12.2 ms (12.0 user, 0.200 system)" in text
    assert "page faults 2 minor, 0 major; switches 30 voluntary, 1 involuntary" in text


def test_percentiles_of_groups_are_said_to_be() -> None:
    plan = PlannedBlock(index=0, round=1, case=TFLITE, rule=example.RULE)
    answer = example.measurement(TFLITE, example.SHAPES["tflite", "xnnpack"], random.Random(1))
    block = example.measured(plan, answer.model_copy(update={"predictions_per_sample": 8}))
    text = rendering.html(summarise(Run(info=example.info([example.host()]), planned=[plan], blocks=[block])))
    assert re.search(r"p90 [\d.]+ of means of 8 predictions", text)
    assert "each sample is their mean" in text


def test_sentences_about_a_pass_that_distorts_and_explains_too_much(pinned: Pinned) -> None:
    doubled = read(watched_case(prediction_ms=[3.0] * 20))
    pinned(" ".join(kernel_sentences(doubled)))
    collapsed = read(watched_case(kernels=[Kernel(name="TfLiteGpuDelegateV2", collapsed=True, times_ms=[4.0])]))
    pinned(" ".join(kernel_sentences(collapsed)))


def test_a_distortion_is_called_one(pinned: Pinned) -> None:
    timed = PlannedBlock(index=1, round=1, case=TFLITE, rule=example.RULE)
    answer = watching.kernels_answer(TFLITE, random.Random(1))
    plain = answer.model_copy(update={"pass_": "timing", "kernels": [], "prediction_ms": [4.0]})
    run = watched_case(prediction_ms=[6.0] * 20)
    run = run.model_copy(
        update={"planned": [*run.planned, timed], "blocks": [*run.blocks, example.measured(timed, plain)]}
    )
    pinned(" ".join(kernel_sentences(read(run))))
    assert "distorts" in rendering.html(summarise(run))


def test_how_memory_was_read_is_said(pinned: Pinned) -> None:
    case = next(case for case in summary().targets[0].cases if case.case == TFLITE)
    found = memory(case)
    assert found is not None
    told = " ".join(memory_sentences(found))
    assert told.startswith("Read at the end of every stage, and in 2 samples taken every 25 ms.")
    pinned(told)


@pytest.mark.parametrize(
    ("kib", "text"), [(None, "–"), (0, "0 KiB"), (2048, "+\u202f2.00 MiB"), (-512, "\u2212\u202f512 KiB")]
)
def test_growth_has_a_sign(kib: int | None, text: str) -> None:
    assert signed_size(kib) == text


@pytest.mark.slow
def test_files_of_their_own_are_written_only_where_something_was_watched(tmp_path: Path) -> None:
    plain = write(example.example_run(), tmp_path / "plain")
    assert set(plain.tables) == {"results.csv", "gaps.csv"}
    files = write(watching.watched_run(), tmp_path / "watched")
    assert files.tables["kernels.csv"] == tmp_path / "watched" / "kernels.csv"
    assert files.tables["memory.csv"].read_text().startswith("run,target,")


def test_kernels_csv_has_a_row_for_each_case_and_type() -> None:
    found = rows(rendering.table(summary(), "kernels.csv"))
    one = [
        row for row in found if row["target"] == "host" and row["engine"] == "tflite" and row["model"] == "mobilenet_v2"
    ]
    assert {row["type"] for row in one} == {
        "convolution", "depthwise convolution", "matmul", "elementwise", "reduction", "other",
    }  # fmt: skip
    assert sum(float(row["share"]) for row in one) == pytest.approx(1)
    row = next(row for row in one if row["type"] == "convolution")
    assert (row["class"], row["kernels"], row["flops"], row["parameters"]) == ("compute", "35", "557555712", "2135456")
    unsupported = [row for row in found if row["outcome"] == "unsupported"]
    assert len(unsupported) == 2
    assert all(
        row["type"] == row["median_ms"] == "" and "without its profiler" in row["reasons"] for row in unsupported
    )


def test_memory_csv_has_a_row_for_each_case_and_stage() -> None:
    found = rows(rendering.table(summary(), "memory.csv"))
    one = [
        row for row in found if row["target"] == "host" and row["engine"] == "tflite" and row["model"] == "mobilenet_v2"
    ]
    assert one[0]["stage"] == "process_start"
    assert one[0]["rss_growth_kb"] == ""
    assert sum(int(row["rss_growth_kb"]) for row in one[1:]) == int(one[-1]["rss_kb"]) - int(one[0]["rss_kb"])
    assert {row["peak_rss_kb"] for row in one} == {"53200"}
    assert {(row["link"], row["loader"], row["encoding"]) for row in found} == {("none", "split", "identity")}


@pytest.mark.slow
def test_kernels_of_the_first_inference_stand_beside_those_of_a_prediction(pinned: Pinned) -> None:
    one = read(watched_case(warmup_ms=[20.0]))
    assert one.warmup_sum_ms == pytest.approx(1.6 * one.sum_ms, rel=0.02)
    assert one.explained_first == pytest.approx(one.warmup_sum_ms / 20)
    told = " ".join(kernel_sentences(one))
    pinned(told)
    run = summarise(watched_case(warmup_ms=[20.0]))
    (first, *_) = rows(rendering.table(run, "kernels.csv"))
    assert (float(first["first_sum_ms"]), first["first_inference_ms"]) == (one.warmup_sum_ms, "20.0")
    page = Page(rendering.html(run))
    assert any(
        "of 20.0" in text for attributes, text in page.of("td") if attributes.get("data-label") == "first inference"
    )


def test_markdown_and_terminal_hold_both_tables() -> None:
    text = rendering.markdown(summary())
    assert "| tflite cpu xnnpack, 2 threads | 6.09 | 97." in text
    assert "| 52.0 MiB | 3.92× | 48.6 MiB | 47.8 MiB | 47.6 MiB |" in text
    assert "kernels (virtual), unsupported: onnxruntime: this library was built without its profiler." in text
    shown = terminal(summary())
    assert max(map(len, shown.splitlines())) <= 80
    assert "unsupported kernels of onnxruntime cpu, 2 threads" in shown
    assert "Watched beside the timing: kernels: 10 valid, 2 unsupported" in shown


def test_a_run_that_only_watched_is_a_whole_report(tmp_path: Path) -> None:
    run = watched_case()
    text = write(run, tmp_path).html.read_text()
    assert "not timed" in text
    assert "At a glance" not in text
    assert "tflite cpu xnnpack" in terminal(summarise(run))


@pytest.mark.slow
def test_hostile_names_of_kernels_and_stages_stay_text() -> None:
    evil = [Kernel(name=EVERYTHING, operator=EVERYTHING, provider=SCRIPT, collapsed=True, times_ms=[1.0])]
    plans = [watching.planned_pass(0, TFLITE, "kernels"), watching.planned_pass(1, TFLITE, "memory")]
    seen = watching.memory_answer(TFLITE, random.Random(1))
    assert seen.memory is not None
    readings = [reading.model_copy(update={"stage": EVERYTHING}) for reading in seen.memory.readings]
    answers = [
        watching.kernels_answer(TFLITE, random.Random(1)).model_copy(update={"kernels": evil}),
        seen.model_copy(update={"memory": MemoryUse(readings=readings, notes=[EVERYTHING])}),
    ]
    blocks = [example.measured(plan, answer) for plan, answer in zip(plans, answers, strict=True)]
    run = summarise(Run(info=example.info([example.host()]), planned=plans, blocks=blocks))
    text = rendering.html(run)
    page = Page(text)
    assert len(page.of("script")) == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", text)
    assert "\u202e" not in terminal(run)
    assert "<script" not in rendering.markdown(run)
    for cells in (rows(rendering.table(run, "kernels.csv")), rows(rendering.table(run, "memory.csv"))):
        assert not any(cell.startswith(("=", "+", "@")) or "\n" in cell for row in cells for cell in row.values())


@pytest.mark.slow
def test_fifty_cases_stay_one_page_of_folded_tables() -> None:
    cases = [example.case("host", "tflite", "xnnpack", threads=number) for number in range(1, 51)]
    text = rendering.html(summarise(watching.watched_run(cases=cases)))
    page = Page(text)
    assert sum(caption.startswith("By type") for _, caption in page.of("caption")) == 50
    assert not any("open" in a for a, _ in page.of("details") if a.get("class") in ("more", "each"))
    assert len(text) < 3_000_000
