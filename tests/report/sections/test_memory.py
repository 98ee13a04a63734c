"""The sections of memory passes, of the process and as pages report it, and `memory.csv`."""

from __future__ import annotations

import random
from functools import cache

import pytest

from mobilebench.analysis.memory import memory, page_memory
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.records import Measurement, PlannedBlock, Run
from mobilebench.report import document as doc
from mobilebench.report.figures.memory import CURVES, kernel_curve
from mobilebench.report.phrases import signed_size
from mobilebench.report.sections import page_memory as pages
from mobilebench.report.sections.memory import data, memory_sentences, section
from tests.analysis import example, watching
from tests.pinning import Pinned
from tests.report.sections import reading

TFLITE = example.case("host", "tflite", "xnnpack")
PAGE = example.case("host", "tfjs", "simd")


@cache
def summary() -> RunSummary:
    return summarise(watching.watched_run())


def answer(*, seen_from_outside: bool = True) -> Measurement:
    return watching.page_memory_answer(PAGE, random.Random(1), seen_from_outside=seen_from_outside)


def page_summary(made: Measurement) -> RunSummary:
    plan = watching.planned_pass(0, PAGE, made.pass_)
    return summarise(Run(info=example.info([example.host()]), planned=[plan], blocks=[example.measured(plan, made)]))


def test_the_table_has_the_peak_and_the_readings_at_the_end() -> None:
    one = reading.only(section, summary())
    assert len(reading.blocks(one, doc.Figure)) == 1
    (_, row) = reading.rows(one, "memory")
    assert row == {
        "Case": "tflite cpu xnnpack (2 threads)",
        "Peak RSS": "52.0 MiB (3.92× the model)",
        "RSS": "48.6 MiB (+ 47.4 MiB)",
        "PSS": "47.8 MiB",
        "USS": "47.6 MiB",
        "Anonymous": "29.2 MiB",
        "File-backed": "19.5 MiB",
    }
    (_, short) = reading.rows(one, "memory", "terminal")
    assert (short["Threads"], short["Times the model"]) == ("2", "3.92×")


def test_every_case_has_its_growth_by_stage() -> None:
    tables = [
        table
        for one in reading.model_sections(section, summary())
        for table in reading.blocks(one, doc.Table)
        if table.name == "growth"
    ]
    assert len(tables) == 10
    stages = [row.cells[0] for row in tables[0].rows]
    assert stages == ["library load", "model read", "session creation", "inputs made", "warmup", "predictions"]


def test_a_pass_that_failed_has_its_reason() -> None:
    remarks = [
        remark
        for one in reading.model_sections(section, summary())
        for missing in reading.blocks(one, doc.Remarks)
        for remark in missing.remarks
    ]
    assert [remark.status for remark in remarks] == ["failed", "failed"]


def test_reasons_that_stand_with_the_results_are_not_repeated() -> None:
    plans = [PlannedBlock(index=0, round=1, case=TFLITE, rule=example.RULE), watching.planned_pass(1, TFLITE, "memory")]
    blocks = [example.unmeasured(plan, "unsupported", "This computer has no such thing.") for plan in plans]
    run = summarise(Run(info=example.info([example.host()]), planned=plans, blocks=blocks))
    assert reading.model_sections(section, run) == []


def test_only_the_high_water_mark_is_called_a_peak() -> None:
    text = reading.whole(summary()).lower()
    assert "peak rss" in text
    assert not any(f"peak {name}" in text or f"{name} peak" in text for name in ("pss", "uss"))


def test_sentences_say_how_memory_was_read(pinned: Pinned) -> None:
    case = next(case for case in summary().targets[0].cases if case.case == TFLITE)
    found = memory(case)
    assert found is not None
    assert (found.samples, found.period_ms) == (2, 25)
    pinned(" ".join(memory_sentences(found)))


@pytest.mark.parametrize(
    ("kib", "text"), [(None, "–"), (0, "0 KiB"), (2048, "+\u202f2.00 MiB"), (-512, "\u2212\u202f512 KiB")]
)
def test_growth_has_a_sign(kib: int | None, text: str) -> None:
    assert signed_size(kib) == text


def test_pages_have_a_table_by_source_and_the_kernels_that_added_most(pinned: Pinned) -> None:
    one = reading.only(pages.section, page_summary(answer()))
    (row,) = reading.rows(one, "page-memory")
    assert row["WebAssembly.Memory"].startswith("48.0 MiB (")
    sources = {row["Reported by"]: row for row in reading.rows(one, "sources")}
    assert list(sources) == [
        "WebAssembly.Memory", "performance.memory (usedJSHeapSize)", "measureUserAgentSpecificMemory()",
        "tf.memory() (numBytes)",
    ]  # fmt: skip
    heap = sources["WebAssembly.Memory"]
    assert (heap["At first"], heap["Highest"], heap["After"], heap["At the end"]) == (
        "0 KiB", "48.0 MiB", "Add", "40.0 MiB",
    )  # fmt: skip
    assert reading.rows(one, "added")[0]["Kernel"] == "FusedConv2D"
    (items,) = reading.blocks(one, doc.Items, "markdown")
    pinned(doc.plain(items.items[0]))


def test_a_page_whose_process_cannot_be_read_has_no_table_of_the_process() -> None:
    found = page_summary(answer(seen_from_outside=False))
    assert reading.model_sections(section, found) == []
    assert len(reading.model_sections(pages.section, found)) == 1


def test_the_curve_rises_to_the_top_and_needs_two_kernels(pinned: Pinned) -> None:
    (case,) = page_summary(answer()).targets[0].cases
    found = page_memory(case)
    assert found is not None
    figure = kernel_curve(case, found, "virtual: a CPU")
    assert figure is not None
    assert [name for name, _ in figure.data] == list(CURVES.values())
    pinned(figure.spec["description"])
    few = answer().model_copy(update={"memory": (m := answer().memory) and m.model_copy(update={"kernels": []})})
    (case,) = page_summary(few).targets[0].cases
    without = page_memory(case)
    assert without is not None
    assert kernel_curve(case, without, None) is None


def test_the_csv_file_has_a_row_for_each_case_and_stage() -> None:
    found = reading.csv_rows(data, summary())
    one = [row for row in found if (row["target"], row["engine"], row["model"]) == ("host", "tflite", "mobilenet_v2")]
    assert one[0]["stage"] == "process_start"
    assert one[0]["rss_growth_kb"] is None
    assert sum(row["rss_growth_kb"] for row in one[1:]) == one[-1]["rss_kb"] - one[0]["rss_kb"]
    assert {row["peak_rss_kb"] for row in one} == {53200}
    assert {(row["link"], row["loader"], row["encoding"]) for row in found} == {("none", "split", "identity")}


@pytest.mark.parametrize("seen", [True, False])
def test_the_csv_file_has_what_a_page_reported_at_each_stage(seen: bool) -> None:
    rows = reading.csv_rows(data, page_summary(answer(seen_from_outside=seen)))
    assert [row["stage"] for row in rows] == [
        "process_start", "framework_init", "model_init", "warmup", "prediction",
    ]  # fmt: skip
    assert [row["wasm_heap_bytes"] for row in rows] == [n * watching.MIB for n in (0, 16, 20, 40, 40)]
    assert [row["rss_kb"] is not None for row in rows] == [seen] * 5
    assert rows[-1]["user_agent_bytes"] == 30 * watching.MIB
    assert all(row["js_heap_bytes"] is None for row in rows)
    assert {row["peak_tensors_bytes"] for row in rows} == {21 * watching.MIB}


def test_a_run_without_memory_passes_has_neither_section_nor_file() -> None:
    plain = summarise(example.example_run())
    assert reading.model_sections(section, plain) == reading.model_sections(pages.section, plain) == []
    assert data(reading.run_view(plain)) is None
