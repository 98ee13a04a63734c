"""Our numbers beside published ones: which cell belongs to which case, the ratio, and what has no counterpart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mobilebench.analysis.published import COUNTERPARTS, Comparison, Counterpart, compare, counterpart
from mobilebench.core.records import Case, TargetKind
from mobilebench.reference.published import load
from tests.analysis import example, study

STUDY = load("tosem2025")
SIMD = study.web("tfjs", "simd")
NATIVE = study.native("onnxruntime")


def beside(times: study.Times, **options: object) -> Comparison:
    return compare(study.summary(times, **options), STUDY)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "case", "column"),
    [
        ("host", study.native("tensorflow"), ("pc", "tensorflow", "native", "cpu", "")),
        ("host", study.native("onnxruntime", backend="cuda"), ("pc", "onnxruntime", "native", "gpu", "")),
        ("android", study.native("tflite"), ("mobile", "tflite", "native", "cpu", "")),
        ("android", study.native("tflite", backend="gpu"), ("mobile", "tflite", "native", "gpu", "")),
        ("host", study.web("tfjs@4.2", "plain"), ("pc", "tfjs", "wasm", "cpu", "plain")),
        ("android", study.web("ortjs@1.18", "threads"), ("mobile", "ortjs", "wasm", "cpu", "threads")),
        ("host", study.gpu("tfjs", "webgl", "discrete"), ("pc", "tfjs", "webgl", "gpu", "discrete")),
        ("android", study.gpu("tfjs", "webgl", "hardware"), ("mobile", "tfjs", "webgl", "gpu", "")),
    ],
)
def test_a_case_belongs_to_one_published_column(kind: TargetKind, case: Case, column: tuple[str, ...]) -> None:
    found = counterpart(kind, case)
    assert isinstance(found, Counterpart)
    assert (found.host, found.framework, found.backend, found.processor, found.setting) == column


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        ("manual", SIMD),
        ("host", study.native("tflite")),
        ("host", study.web("litertjs", "simd")),
        ("host", study.gpu("tfjs", "webgl", "software")),
        ("host", study.gpu("tfjs", "webgl", "hardware")),
        ("host", study.gpu("tfjs", "webgpu", "discrete")),
        ("android", study.native("onnxruntime", backend="nnapi")),
        ("host", replace(SIMD, precision="int8")),
        ("host", replace(SIMD, batch=4)),
        ("host", replace(SIMD, link="4g")),
        ("host", replace(SIMD, caches="warm")),
        ("host", replace(NATIVE, affinity="0x1")),
    ],
)
def test_other_cases_have_none_for_a_reason(kind: TargetKind, case: Case) -> None:
    assert isinstance(counterpart(kind, case), str)


def test_every_declared_column_is_published() -> None:
    published = {(cell.host, cell.framework, cell.backend, cell.processor, cell.setting) for cell in STUDY.latency}
    declared = {(one.host, one.framework, one.backend, one.processor, one.setting) for one in COUNTERPARTS}
    assert declared <= published
    assert published - declared == {("mobile", "onnxruntime", "native", "gpu", "")}


def test_the_ratio_and_its_interval_are_ours_over_the_published() -> None:
    (row,) = beside({NATIVE: [5.8, 5.9, 5.7]}).rows
    own = row.case.stages["prediction"]
    assert row.ratio("prediction") == pytest.approx(own.value / 2.9)
    interval = row.interval("prediction")
    assert interval is not None
    assert own.interval is not None
    assert (interval.low, interval.high) == pytest.approx((own.interval.low / 2.9, own.interval.high / 2.9))


def test_browsers_are_not_mixed() -> None:
    firefox = study.web("tfjs", "simd", browser="firefox")
    found = {
        row.case.case.browser: row.cells["prediction"].latency_ms for row in beside({SIMD: [1], firefox: [1]}).rows
    }
    assert found == {"chrome": 116.6, "firefox": 123.5}


def test_a_cell_that_the_study_found_unsupported_has_no_ratio() -> None:
    case = study.gpu("ortjs", "webgl", "discrete", model="yolov5m")
    (row,) = beside({case: [3.0]}).rows
    assert row.cells["prediction"].latency_ms is None
    assert row.ratio("prediction") is None


def test_an_unsupported_case_of_ours_stands_beside_its_cell() -> None:
    (row,) = beside({study.web("tfjs", "threads"): "There is no such build."}).rows
    assert (row.case.status, row.ratio("prediction"), row.cells["prediction"].latency_ms) == (
        "unsupported",
        None,
        222.2,
    )


def test_nothing_is_dropped() -> None:
    """Every case and every published cell is beside another, or listed alone."""
    kernels = {SIMD: {"FusedConv2D": (1.0, 1.0)}}
    times = {NATIVE: [2.0], SIMD: [9.0], study.web("tfjs", "simd", model="bert_small"): [1.0]}
    found = beside(times, kernels=kernels)
    assert len(found.rows) + len(found.alone) == 3
    cells = sum(len(row.cells) for row in found.rows) + len(found.shares)
    assert cells + sum(count for _, count in found.unmatched) == sum(STUDY.rows.values())


def test_shares_of_kernels_stand_beside_the_published_ones() -> None:
    kernels = {SIMD: {"FusedConv2D": (3.0, 1.0), "Erf": (1.0, 1.0)}}
    found = {one.cell.stage: one for one in beside({SIMD: [9.0]}, kernels=kernels).shares}
    assert found["prediction"].own == pytest.approx(0.75)
    assert found["prediction"].ratio == pytest.approx(75 / 44.3)
    assert found["warmup"].ratio == pytest.approx(50 / 52.3)


def test_what_differs_comes_from_the_proof() -> None:
    found = {one.what: (one.own, one.published) for one in beside({NATIVE: [2.0], SIMD: [9.0]}).conditions}
    assert found["version of tfjs"] == ("4.22.0", "4.2.0")
    assert found["version of chrome"][0] == "156.0.0.0"
    assert "version of firefox" not in found
    assert found["weights"] == ("seeded", "trained")
    own, published = found["hardware: host"]
    assert example.CPU in own
    assert "50 PCs" in published


def test_a_virtual_phone_is_said_to_be_virtual() -> None:
    phone = example.PHONES[0]
    case = study.on(phone.id, study.native("tflite"))
    found = {one.what: one.own for one in beside({case: [9.0]}, targets=[phone]).conditions}
    assert "virtual" in found[f"hardware: {phone.id}"]


def test_a_reference_without_times_is_compared_to_nothing() -> None:
    found = compare(study.summary({SIMD: [9.0]}), load("www2019"))
    assert (found.rows, found.shares, len(found.alone)) == ((), (), 1)
