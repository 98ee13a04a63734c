from __future__ import annotations

import random
from typing import Any

import pytest

from mobilebench.analysis.kernels import KernelSummary, kernels
from mobilebench.analysis.summary import CaseSummary, summarise
from mobilebench.core.records import GraphOperators, Kernel, Measurement, Run, Verdict
from tests.analysis import example, watching

TFLITE = example.case("host", "tflite", "xnnpack")
ORT = example.case("host", "onnxruntime", "")


def answer(kernels: list[Kernel], whole: list[float], of: Any = TFLITE, **changes: Any) -> Measurement:
    made = watching.kernels_answer(of, random.Random(1))
    return made.model_copy(update={"kernels": kernels, "prediction_ms": whole, "graph": [], **changes})


def summed(measured: Measurement, timed: Measurement | None = None, verdict: str = "valid") -> CaseSummary:
    of = TFLITE if measured.engine == "tflite" else ORT
    plans = [
        example.PlannedBlock(index=0, round=1, case=of, rule=example.RULE),
        watching.planned_pass(1, of, "kernels"),
    ]
    made = example.measured(plans[1], measured, verdict=Verdict(status=verdict, reasons=[]))  # type: ignore[arg-type]
    blocks = [made] if timed is None else [example.measured(plans[0], timed), made]
    planned = plans[1:] if timed is None else plans
    run = Run(info=example.info([example.host()]), planned=planned, blocks=blocks)
    (case,) = summarise(run).targets[0].cases
    return case


def read(measured: Measurement, timed: Measurement | None = None) -> KernelSummary:
    found = kernels(summed(measured, timed))
    assert found is not None
    return found


def kernel(name: str, *times: float, **more: Any) -> Kernel:
    return Kernel(name=name, times_ms=list(times), **more)


def test_types_are_summed_within_each_prediction() -> None:
    found = read(
        answer(
            [kernel("CONV_2D", 1.0, 5.0, 3.0), kernel("CONV_2D", 5.0, 1.0, 3.0), kernel("ADD", 2.0, 2.0, 2.0)],
            [8.5] * 3,
        )
    )
    convolution, elementwise = found.rows
    assert (convolution.type, convolution.kernels, convolution.median_ms, convolution.share) == (
        "convolution",
        2,
        6,
        0.75,
    )
    assert (elementwise.type, elementwise.median_ms, elementwise.intensity) == ("elementwise", 2.0, "memory")
    assert found.share_of("compute") == 0.75
    assert (found.sum_ms, found.whole_ms) == (8.0, 8.5)
    assert found.explained == pytest.approx(8 / 8.5)


def test_shares_of_types_and_of_nodes_add_up_to_one() -> None:
    for of in (TFLITE, ORT):
        found = read(watching.kernels_answer(of, random.Random(2)))
        assert sum(row.share for row in found.rows) == pytest.approx(1)
        assert sum(node.share for node in found.nodes) == pytest.approx(1)
        assert list(found.rows) == sorted(found.rows, key=lambda row: -row.median_ms)
        assert found.share_of("compute") + found.share_of("memory") + found.share_of(None) == pytest.approx(1)


def test_flops_are_twice_the_macs_of_the_files_operators() -> None:
    rows = {row.type: row for row in read(watching.kernels_answer(TFLITE, random.Random(3))).rows}
    row = rows["convolution"]
    assert (row.flops, row.parameters) == (2 * 278777856, 2135456)
    assert row.rate == pytest.approx(2 * 278777856 / (row.median_ms / 1e3) / 1e9)
    assert rows["elementwise"].rate is None
    assert rows["other"].parameters == 0


def test_a_kernel_has_the_type_of_the_operator_that_it_computes() -> None:
    found = read(watching.kernels_answer(TFLITE, random.Random(3)))
    rows = {row.type: row for row in found.rows}
    assert (rows["convolution"].kernels, rows["matmul"].kernels) == (35, 1)
    assert found.renamed == (("Fully Connected (NC, F32) GEMM", "CONV_2D", 34),)


def test_no_rate_where_time_and_arithmetic_are_of_different_operators() -> None:
    graph = [
        GraphOperators(operator="CONV_2D", count=35, parameters=1, macs=1000),
        GraphOperators(operator="FULLY_CONNECTED", count=1, parameters=1, macs=10),
    ]
    kernels = [kernel("Convolution (NHWC, F32) IGEMM", 1.0), *[kernel("Fully Connected (NC, F32) GEMM", 1.0)] * 35]
    found = read(answer(kernels, [40.0], graph=graph))
    assert {row.type: row.rate for row in found.rows} == {"matmul": None, "convolution": None}
    assert found.flops == 2020


def test_an_engine_that_does_not_tell_depthwise_convolutions_has_them_counted_as_convolutions() -> None:
    found = read(watching.kernels_answer(ORT, random.Random(4)))
    row = found.rows[0]
    assert found.merged
    assert (row.type, row.flops, row.parameters) == ("convolution", 2 * (278777856 + 20716416), 2135456 + 71360)
    assert "depthwise convolution" not in {row.type for row in found.rows}


def test_a_sum_of_onnx_is_elementwise() -> None:
    assert "elementwise" in {row.type for row in read(watching.kernels_answer(ORT, random.Random(4))).rows}


def test_operators_that_were_fused_away_keep_their_parameters() -> None:
    graph = [
        GraphOperators(operator="CONV_2D", count=1, parameters=10, macs=100),
        GraphOperators(operator="MUL", count=1, parameters=7, macs=0),
        GraphOperators(operator="RELU", count=1, parameters=0, macs=0),
    ]
    found = read(answer([kernel("CONV_2D", 1.0)], [1.0], graph=graph))
    assert [(row.type, row.kernels, row.parameters) for row in found.rows] == [
        ("convolution", 1, 10),
        ("elementwise", 0, 7),
    ]
    assert (found.flops, found.parameters) == (200, 17)


def test_unknown_arithmetic_is_not_counted_as_none() -> None:
    graph = [GraphOperators(operator="CONV_2D", count=1, parameters=1, macs=None)]
    found = read(answer([kernel("CONV_2D", 1.0)], [1.0], graph=graph))
    assert (found.rows[0].flops, found.rows[0].rate, found.flops) == (None, None, None)
    unread = read(answer([kernel("CONV_2D", 1.0)], [1.0]))
    assert (unread.rows[0].flops, unread.rows[0].parameters, unread.parameters) == (None, None, None)


def test_a_collapsed_part_is_told_and_no_rate_is_made_up() -> None:
    graph = [GraphOperators(operator="CONV_2D", count=2, parameters=1, macs=1000)]
    found = read(
        answer([kernel("TfLiteGpuDelegateV2", 4.0, collapsed=True), kernel("CONV_2D", 1.0)], [5.5], graph=graph)
    )
    assert [node.name for node in found.collapsed] == ["TfLiteGpuDelegateV2"]
    assert found.rows[0].type == "delegated part"
    assert found.share_of(None) == 0.8
    assert all(row.rate is None for row in found.rows)


def test_unknown_names_are_listed_once() -> None:
    found = read(answer([kernel("Frobnicate", 1.0), kernel("Frobnicate", 1.0), kernel("ADD", 1.0)], [3.0]))
    assert found.unknown == ("Frobnicate",)
    assert {row.type for row in found.rows} == {"other", "elementwise"}


def test_distortion_is_against_the_same_cases_timing() -> None:
    timed = watching.kernels_answer(TFLITE, random.Random(5)).model_copy(
        update={"pass_": "timing", "kernels": [], "prediction_ms": [10.0]}
    )
    assert read(answer([kernel("ADD", 1.0)], [11.0]), timed).distortion == pytest.approx(1.1)
    assert read(answer([kernel("ADD", 1.0)], [11.0])).distortion is None


def test_a_pass_that_ran_something_else_is_not_set_beside_the_timing() -> None:
    timed = answer([], [10.0]).model_copy(update={"pass_": "timing"})
    other = answer([kernel("ADD", 1.0)], [11.0], version="2.16.1")
    found = read(other, timed)
    assert found.distortion is None
    assert found.apart == ("engine version: 2.18.0, 2.16.1",)


def test_an_invalid_pass_is_not_read() -> None:
    assert kernels(summed(answer([kernel("ADD", 1.0)], [1.0]), verdict="invalid")) is None


def test_a_profile_without_kernels_is_none() -> None:
    assert kernels(summed(answer([], [1.0]))) is None
    assert kernels(summed(watching.memory_answer(TFLITE, random.Random(1)))) is None


def test_a_kernel_that_did_not_run_in_every_prediction_counts_where_it_ran() -> None:
    found = read(answer([kernel("ADD", 1.0, 1.0, 1.0), kernel("MUL", 9.0)], [2.0, 2.0, 2.0]))
    assert found.sum_ms == 1.0
