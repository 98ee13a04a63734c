"""Where the native engines' backends are there, said before anything is pushed."""

from __future__ import annotations

import pytest

from mobilebench.core.records import Case, TargetInfo
from mobilebench.engines import cuda, libraries
from mobilebench.engines.native_engines import OnnxruntimeEngine, TfliteEngine
from tests.ways import axes

PHONE = "android-arm64-v8a"


def target(runner: str, kind: str = "android") -> TargetInfo:
    return TargetInfo.model_validate(
        {
            "id": "t",
            "kind": kind,
            "machine": "m",
            "name": "n",
            "soc": "s",
            "os": "o",
            "abi": runner.partition("-")[2],
            "runner": runner,
            "cores": 2,
        }
    )


def case(engine: str, backend: str, choice: str = "") -> Case:
    return Case(
        target="t", engine=engine, backend=backend, threads=1, model="bert_small", **axes(engine, backend, choice)
    )


@pytest.fixture(autouse=True)
def all_libraries_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libraries, "missing_reason", lambda engine, build, backend: None)


@pytest.mark.parametrize(("backend", "choice"), [("gpu", "fp32"), ("gpu", "fp16"), ("nnapi", "fp32")])
def test_tflites_accelerators_are_androids(backend: str, choice: str) -> None:
    engine = TfliteEngine()
    assert engine.supports(target(PHONE), case("tflite", backend, choice)) is None
    for kind in ("host", "android"):
        reason = engine.supports(target("linux-x86_64", kind), case("tflite", backend, choice))
        assert reason is not None and "Android only, not for linux-x86_64" in reason


@pytest.mark.parametrize("choice", ["xnnpack", "xnnpack-fp16", "none"])
def test_tflites_cpu_is_everywhere(choice: str) -> None:
    for runner in (PHONE, "android-armeabi-v7a", "linux-x86_64"):
        assert TfliteEngine().supports(target(runner), case("tflite", "cpu", choice)) is None


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("nnapi", "on Android only, not on linux-x86_64"),
        ("dml", "on Windows only, not on linux-x86_64"),
        ("cpu", None),
        ("xnnpack", None),
        ("webgpu", None),
        ("openvino", None),
        ("qnn", None),
    ],
)
def test_what_onnxruntime_has_on_this_computer(backend: str, reason: str | None) -> None:
    said = OnnxruntimeEngine().supports(target("linux-x86_64", "host"), case("onnxruntime", backend))
    assert said == reason if reason is None else said is not None and reason in said


@pytest.mark.parametrize(
    ("backend", "reason"),
    [
        ("nnapi", None),
        ("qnn", None),
        ("webgpu", None),
        ("dml", "on Windows only"),
        ("cuda", "on PCs only"),
        ("openvino", "on PCs only"),
    ],
)
def test_what_onnxruntime_has_on_a_phone(backend: str, reason: str | None) -> None:
    said = OnnxruntimeEngine().supports(target(PHONE), case("onnxruntime", backend))
    assert said == reason if reason is None else said is not None and reason in said


def test_cuda_needs_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, host = OnnxruntimeEngine(), target("linux-x86_64", "host")
    monkeypatch.setattr(cuda, "no_device", lambda: "no driver of an NVIDIA GPU is loaded")
    assert engine.supports(host, case("onnxruntime", "cuda", "tf32")) == "no driver of an NVIDIA GPU is loaded"
    monkeypatch.setattr(cuda, "no_device", lambda: None)
    assert engine.supports(host, case("onnxruntime", "cuda", "tf32")) is None
    assert engine.supports(host, case("onnxruntime", "cuda", "bf16")) is not None
