"""Which cells a model has, and why some of them cannot be tried here."""

from __future__ import annotations

import importlib.util

import pytest

from mobilebench.verification import cells
from tests.pinning import Pinned
from tests.verification.answers import FORMATS, HERE, manifest

GPU = HERE.model_copy(update={"gpu_software": False, "gpu": "AMD (amdgpu)"})


def test_every_format_meets_every_engine_that_reads_it() -> None:
    found = {(cell.format, cell.engine, cell.backend, cell.choice) for cell in cells.cells(manifest(), GPU)}
    assert {
        ("saved_model", "tensorflow", "cpu", "python"),
        ("tflite", "litert", "cpu", "python"),
        ("tflite", "tflite", "cpu", "xnnpack"),
        ("tflite", "litertjs", "wasm", "simd"),
        ("tflite", "litertjs", "webgpu", "hardware"),
        ("onnx", "onnxruntime", "cpu", "python"),
        ("onnx", "onnxruntime", "cpu", None),
        ("onnx", "ortjs", "wasm", "simd-threads"),
        ("onnx", "ortjs", "webgpu", "hardware"),
        ("tfjs", "tfjs", "wasm", "simd"),
        ("tfjs", "tfjs", "webgl", "hardware"),
    } <= found
    assert {cell.engine for cell in cells.cells(manifest(), GPU)} == set(cells.ENGINES)


def test_every_case_is_one_that_its_engine_takes() -> None:
    for cell in cells.cells(manifest(), HERE, backends=cells.BACKENDS):
        if cell.choice != cells.PYTHON and cell.engine in ("tfjs", "ortjs", "litertjs"):
            assert cells.why_not(cell, manifest(), HERE) is None, cell.key


def test_without_a_gpu_the_cpu_draws_and_webgpu_has_to_be_named() -> None:
    usual = cells.cells(manifest(), HERE)
    assert "webgpu" not in {cell.backend for cell in usual}
    assert {cell.choice for cell in usual if cell.backend == "webgl"} == {"software"}
    named = cells.cells(manifest(), HERE, backends=("webgpu",))
    assert {(cell.engine, cell.choice) for cell in named} == {("litertjs", "software"), ("ortjs", "software")}


def test_engines_can_be_chosen() -> None:
    assert {cell.engine for cell in cells.cells(manifest(), HERE, ("ortjs", "litert"))} == {"ortjs", "litert"}


def test_a_format_that_a_precision_lacks_says_the_manifest_s_reason() -> None:
    made = manifest("int8", FORMATS[1:3], unsupported={"tfjs": "no 8-bit arithmetic"})
    reasons = {cell.key: cells.why_not(cell, made, HERE) for cell in cells.cells(made, HERE)}
    assert reasons["tfjs/tfjs/wasm/simd"] == "no 8-bit arithmetic"
    assert reasons["saved_model/tensorflow/cpu/python"] == "net int8 has no saved_model file"
    assert reasons["onnx/ortjs/wasm/simd-threads"] is None


def test_without_a_browser_pages_are_unsupported() -> None:
    bare = HERE.model_copy(update={"browsers": {}})
    reasons = {cell.key: cells.why_not(cell, manifest(), bare) for cell in cells.cells(manifest(), bare)}
    assert (reasons["tfjs/tfjs/webgl/software"] or "").startswith("there is no Chrome on host (install it")
    assert (reasons["onnx/ortjs/wasm/simd-threads"] or "").startswith("there is no Chrome on host (install it")


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(cells, "find_spec", lambda name: None if name == "tensorflow" else found(name))
    (cell,) = cells.cells(manifest(), HERE, ("tensorflow",))
    pinned(cells.why_not(cell, manifest(), HERE) or "")
