"""The section of kernels passes: figure, table, details, what is missing, and `kernels.csv`."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import pytest

from mobilebench.analysis.kernels import KernelSummary, kernels
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core.records import Kernel, PlannedBlock, Run
from mobilebench.report import document as doc
from mobilebench.report.sections.kernels import clock_mark, data, kernel_sentences, kernel_shares, section
from tests.analysis import example, watching
from tests.pinning import Pinned
from tests.report.sections import reading

TFLITE = example.case("host", "tflite", "xnnpack")
PAGE = example.case("host", "tfjs", "simd")


@cache
def summary() -> RunSummary:
    return summarise(watching.watched_run())


def recorded(**changes: Any) -> Run:
    """One case with one kernels pass, changed."""
    plan = watching.planned_pass(0, TFLITE, "kernels")
    answer = watching.kernels_answer(TFLITE, random.Random(1)).model_copy(update=changes)
    return Run(info=example.info([example.host()]), planned=[plan], blocks=[example.measured(plan, answer)])


def read(run: Run) -> KernelSummary:
    (case,) = summarise(run).targets[0].cases
    found = kernels(case)
    assert found is not None
    return found


def test_each_model_of_each_target_has_a_picture_and_tables_by_type_and_by_node() -> None:
    sections = reading.model_sections(section, summary())
    assert len(sections) == 6
    titles = ["Kernels", "Achieved GFLOP/s", "Kernels within their types"]
    for one in sections:
        assert [figure.title for figure in reading.blocks(one, doc.Figure)] == titles
    names = [table.name for one in sections for table in reading.blocks(one, doc.Table)]
    assert (names.count("kernels"), names.count("types"), names.count("nodes")) == (6, 10, 10)


def test_the_table_sets_the_kernels_beside_the_inferences_that_hold_them() -> None:
    (_, row) = reading.rows(reading.only(section, summary()), "kernels")
    assert row == {
        "Case": "tflite cpu xnnpack (2 threads)",
        "Kernels": "6.09 (97.2 % of 6.27)",
        "First inference": "9.75 (112.6 % of 8.66)",
        "Against timing": "1.03× (of 6.10)",
        "Compute-intensive": "97.1 %",
        "Memory-intensive": "2.7 % (0.2 % neither)",
        "FLOPs": "602 M (3.49 M parameters)",
    }
    (_, short) = reading.rows(reading.only(section, summary()), "kernels", "terminal")
    assert list(short) == [
        "Case", "Threads", "Kernels", "Explained", "Against timing", "Compute-intensive", "Memory-intensive",
    ]  # fmt: skip


def test_a_kernels_bar_is_full() -> None:
    case = next(case for case in summary().targets[0].cases if case.case == TFLITE)
    found = kernels(case)
    assert found is not None
    figure = kernel_shares([(case, found)], None)
    assert figure is not None
    bars = figure.spec["layer"][-1]["data"]["values"]
    assert bars[0]["start"] == 0
    assert bars[-1]["end"] == pytest.approx(100, abs=0.1)
    assert all(before["end"] == after["start"] for before, after in pairwise(bars))


def test_a_pass_that_cannot_be_shown_has_its_reason() -> None:
    missing = [
        block for one in reading.model_sections(section, summary()) for block in reading.blocks(one, doc.Remarks)
    ]
    assert {block.what for block in missing} == {"kernels"}
    remarks = [remark for block in missing for remark in block.remarks]
    assert [(remark.status, remark.subject.engine) for remark in remarks] == [("unsupported", "onnxruntime cpu")] * 2
    assert remarks[0].reasons == ("onnxruntime: this library was built without its profiler.",)


def test_sentences_name_what_is_renamed_and_unknown(pinned: Pinned) -> None:
    (found,) = [one for case in summary().targets[0].cases if case.case == TFLITE and (one := kernels(case))]
    assert found.renamed[0] == ("Fully Connected (NC, F32) GEMM", "CONV_2D", 34)
    assert found.unknown == ("Frobnicate (NC)",)
    pinned(" ".join(kernel_sentences(found)))


def test_sentences_about_a_pass_that_explains_too_much_or_is_collapsed(pinned: Pinned) -> None:
    pinned(" ".join(kernel_sentences(read(recorded(prediction_ms=[3.0] * 20)))))
    collapsed = read(recorded(kernels=[Kernel(name="TfLiteGpuDelegateV2", collapsed=True, times_ms=[4.0])]))
    pinned(" ".join(kernel_sentences(collapsed)))


def test_a_pass_that_slows_predictions_down_distorts(pinned: Pinned) -> None:
    timed = PlannedBlock(index=1, round=1, case=TFLITE, rule=example.RULE)
    answer = watching.kernels_answer(TFLITE, random.Random(1))
    plain = answer.model_copy(update={"pass_": "timing", "kernels": [], "prediction_ms": [4.0]})
    run = recorded(prediction_ms=[6.0] * 20)
    run = run.model_copy(
        update={"planned": [*run.planned, timed], "blocks": [*run.blocks, example.measured(timed, plain)]}
    )
    assert read(run).distortion == 1.5
    pinned(" ".join(kernel_sentences(read(run))))
    (row,) = reading.rows(reading.only(section, summarise(run)), "kernels")
    assert row["Against timing"] == "1.50× (distorts)"


def test_the_first_inference_is_compared_with_its_own_kernels() -> None:
    run = recorded(warmup_ms=[20.0])
    found = read(run)
    assert found.warmup_sum_ms == pytest.approx(1.6 * found.sum_ms, rel=0.02)
    assert found.explained_first == pytest.approx(found.warmup_sum_ms / 20)
    (row,) = reading.rows(reading.only(section, summarise(run)), "kernels")
    assert row["First inference"].endswith("of 20.0)")
    (first, *_) = reading.csv_rows(data, summarise(run))
    assert (first["first_sum_ms"], first["first_inference_ms"]) == (found.warmup_sum_ms, 20.0)


@pytest.mark.parametrize(
    ("backend", "clock", "mark"), [("webgl", "cpu", "CPU-side"), ("webgl", "gpu", "by the GPU"), ("wasm", "cpu", "")]
)
def test_the_clock_is_named_if_a_gpu_computed(backend: str, clock: str, mark: str, pinned: Pinned) -> None:
    case = replace(PAGE, backend=backend)
    plan = watching.planned_pass(0, case, "kernels")
    kernel = Kernel.model_validate({"name": "Add", "clock": clock, "times_ms": [1.0]})
    answer = watching.page_memory_answer(PAGE, random.Random(1)).model_copy(
        update={"pass_": "kernels", "memory": None, "kernels": [kernel], "prediction_ms": [2.0]}
    )
    found = read(Run(info=example.info([example.host()]), planned=[plan], blocks=[example.measured(plan, answer)]))
    assert clock_mark(found) == mark
    pinned(" ".join(kernel_sentences(found)))


def test_the_csv_file_has_a_row_for_each_case_and_type() -> None:
    found = reading.csv_rows(data, summary())
    one = [row for row in found if (row["target"], row["engine"], row["model"]) == ("host", "tflite", "mobilenet_v2")]
    assert {row["type"] for row in one} == {
        "convolution", "depthwise convolution", "matmul", "elementwise", "reduction", "other",
    }  # fmt: skip
    assert sum(row["share"] for row in one) == pytest.approx(1)
    row = next(row for row in one if row["type"] == "convolution")
    assert (row["class"], row["kernels"], row["flops"], row["parameters"]) == ("compute", 35, 557555712, 2135456)
    unsupported = [row for row in found if row["outcome"] == "unsupported"]
    assert len(unsupported) == 2
    assert all(row["type"] is row["median_ms"] is None and row["reasons"] for row in unsupported)


def test_a_run_without_kernels_passes_has_neither_section_nor_file() -> None:
    plain = summarise(example.example_run())
    assert reading.model_sections(section, plain) == []
    assert data(reading.run_view(plain)) is None
