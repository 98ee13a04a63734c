"""What pages tell of their memory, in every form of the report."""

from __future__ import annotations

import csv
import io
import random
from dataclasses import replace

import pytest

from mobilebench.analysis.kernels import kernels
from mobilebench.analysis.memory import page_memory
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.records import Kernel, KernelMemory, Measurement, Run
from mobilebench.report.figures.memory import kernel_curve
from mobilebench.report.sections.kernels import clock_mark, kernel_sentences
from tests.analysis import example, watching
from tests.pinning import Pinned
from tests.report import rendering
from tests.report.hostile import SCRIPT
from tests.report.rendering import terminal
from tests.report.test_html import Page

CASE = example.case("host", "tfjs", "simd")


def run_of(answer: Measurement) -> Run:
    plan = watching.planned_pass(0, CASE, answer.pass_)
    return Run(info=example.info([example.host()]), planned=[plan], blocks=[example.measured(plan, answer)])


def answer(*, seen_from_outside: bool = True) -> Measurement:
    return watching.page_memory_answer(CASE, random.Random(1), seen_from_outside=seen_from_outside)


def summary(*, seen_from_outside: bool = True) -> RunSummary:
    return summarise(run_of(answer(seen_from_outside=seen_from_outside)))


def test_the_page_shows_names_as_measured_the_curve_and_the_top_kernels() -> None:
    text = rendering.html(summary())
    Page(text)
    for words in (
        "WebAssembly.Memory",
        "performance.memory (usedJSHeapSize)",
        "measureUserAgentSpecificMemory()",
        "totalBytesSnapshot",
        "FusedConv2D",
        "48.0 MiB",
        "<polyline",
    ):
        assert words in text
    assert "JS heap (usedSize)" not in text


def test_a_page_whose_process_is_denied_is_shown_without_it() -> None:
    text = rendering.html(summary(seen_from_outside=False))
    assert "as pages report it" in text
    assert "Peak RSS</th>" not in text
    assert "Nothing could be read." not in text


def test_markdown_and_terminal_name_them_too() -> None:
    text = rendering.markdown(summary())
    assert "as pages report it" in text
    assert "| tfjs wasm simd, 2 threads, chrome | WebAssembly.Memory | 0 KiB | 48.0 MiB | Add | 40.0 MiB |" in text
    assert "most was added by FusedConv2D" in text
    assert "2.00 MiB)." in text
    shown = terminal(summary(), width=120)
    assert "memory told by pages" in shown
    assert "48.0 MiB" in shown


@pytest.mark.parametrize("seen", [True, False])
def test_the_table_has_a_row_for_each_stage(seen: bool) -> None:
    text = rendering.table(summary(seen_from_outside=seen), "memory.csv")
    assert text is not None
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["stage"] for row in rows] == [
        "process_start", "framework_init", "model_init", "warmup", "prediction",
    ]  # fmt: skip
    assert [row["wasm_heap_bytes"] for row in rows] == [str(n * watching.MIB) for n in (0, 16, 20, 40, 40)]
    assert [bool(row["rss_kb"]) for row in rows] == [seen] * 5
    assert rows[-1]["user_agent_bytes"] == str(30 * watching.MIB)
    assert all(row["js_heap_bytes"] == "" for row in rows)
    assert {row["peak_tensors_bytes"] for row in rows} == {str(21 * watching.MIB)}


def test_the_curve_rises_to_the_top_and_needs_two_kernels(pinned: Pinned) -> None:
    (case,) = summary().targets[0].cases
    found = page_memory(case)
    assert found is not None
    figure = kernel_curve(case, found, "virtual: a CPU")
    assert figure is not None
    assert figure.svg.count("<polyline") == 3
    pinned(figure.svg)
    few = answer().model_copy(update={"memory": (m := answer().memory) and m.model_copy(update={"kernels": []})})
    (case,) = summarise(run_of(few)).targets[0].cases
    without = page_memory(case)
    assert without is not None
    assert kernel_curve(case, without, None) is None


def test_names_from_a_page_are_never_markup() -> None:
    hostile = KernelMemory(name=SCRIPT, bytes_added=9, total_bytes=10)
    made = answer()
    assert made.memory is not None
    memory = made.memory.model_copy(update={"kernels": [hostile, hostile]})
    run = run_of(made.model_copy(update={"memory": memory}))
    assert SCRIPT not in rendering.html(summarise(run))
    assert SCRIPT not in rendering.markdown(summarise(run))


@pytest.mark.parametrize(
    ("backend", "clock", "words"),
    [
        ("webgl", "cpu", "CPU-side: this browser does not let pages read the GPU's own timers"),
        ("webgl", "gpu", "times of the GPU, by its own timers"),
        ("wasm", "cpu", None),
    ],
)
def test_whose_clock_timed_the_kernels_is_said_of_a_gpu(backend: str, clock: str, words: str | None) -> None:
    case = replace(CASE, backend=backend)
    plan = watching.planned_pass(0, case, "kernels")
    kernel = Kernel.model_validate({"name": "Add", "clock": clock, "times_ms": [1.0]})
    made = answer().model_copy(update={"pass_": "kernels", "memory": None, "kernels": [kernel], "prediction_ms": [2.0]})
    run = Run(info=example.info([example.host()]), planned=[plan], blocks=[example.measured(plan, made)])
    (one,) = summarise(run).targets[0].cases
    found = kernels(one)
    assert found is not None
    sentences = " ".join(kernel_sentences(found))
    assert clock_mark(found) == {"webgl-cpu": "CPU-side", "webgl-gpu": "by the GPU"}.get(f"{backend}-{clock}", "")
    assert (words in sentences) if words else ("CPU-side" not in sentences and "timers" not in sentences)
