"""A vocabulary of engines that measure nothing: enough to load and plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mobilebench.engines.base import Backend
from mobilebench.suite.vocabulary import Vocabulary


@dataclass(frozen=True)
class Named:
    name: str
    kind: str
    backends: tuple[Backend, ...]
    description: str = "for tests"
    claims_machine: bool = True


_WASM = Backend("wasm", ("plain", "simd", "simd-threads"), "WebAssembly", single_threaded=("plain", "simd"))
_GPU = ("hardware", "software")
_LITERT = ("simd", "relaxed-simd", "relaxed-simd-threads")

ENGINES: dict[str, Any] = {
    engine.name: engine
    for engine in (
        Named("tflite", "native", (Backend("cpu", ("xnnpack",), "XNNPACK"),)),
        Named("onnxruntime", "native", (Backend("cpu", ("default",), "MLAS"),)),
        Named("tfjs", "web", (_WASM, Backend("webgl", _GPU, "WebGL", single_threaded=_GPU, uses_gpu=True))),
        Named(
            "ortjs",
            "web",
            (
                Backend("wasm", ("simd-threads",), "WebAssembly"),
                Backend("webgpu", _GPU, "WebGPU", single_threaded=_GPU, uses_gpu=True),
            ),
        ),
        Named(
            "litertjs",
            "web",
            (
                Backend("wasm", _LITERT, "WebAssembly", single_threaded=_LITERT[:2]),
                Backend("webgpu", _GPU, "WebGPU", single_threaded=_GPU, uses_gpu=True),
            ),
        ),
        Named("sleep", "native", (Backend("cpu", ("default",), "sleeps"),), claims_machine=False),
    )
}

PAPERS = (
    "mobilenet_v2",
    "resnet50",
    "vgg16",
    "ssd_mobilenet_v2",
    "efficientdet_d1",
    "yolov5m",
    "bert_base",
    "mobilebert",
    "bert_small",
)

WORDS = Vocabulary(engines=ENGINES, models=PAPERS, variants=("fp32", "fp16", "int8"))
