"""A vocabulary of native engines that measure nothing, and of the web engines: enough to load and plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mobilebench.engines import registry
from mobilebench.engines.base import Backend
from mobilebench.suite.vocabulary import Vocabulary


@dataclass(frozen=True)
class Named:
    name: str
    kind: str
    backends: tuple[Backend, ...]
    description: str = "for tests"
    claims_machine: bool = True


_HALF = {"arithmetic": ("fp32", "fp16")}

ENGINES: dict[str, Any] = {
    engine.name: engine
    for engine in (
        Named(
            "tflite",
            "native",
            (
                Backend("cpu", "XNNPACK", {"delegate": ("xnnpack", "none"), **_HALF}),
                Backend("gpu", "OpenCL", _HALF),
                Backend("nnapi", "NNAPI", _HALF),
            ),
        ),
        Named(
            "onnxruntime",
            "native",
            (
                Backend("cpu", "MLAS"),
                Backend("xnnpack", "XNNPACK"),
                Backend("nnapi", "NNAPI", _HALF),
                Backend("qnn", "HTP", _HALF),
                Backend("webgpu", "Vulkan"),
                Backend("cuda", "CUDA", {"arithmetic": ("fp32", "tf32")}),
                Backend("dml", "DirectML"),
                Backend("openvino", "OpenVINO"),
            ),
        ),
        Named("tensorflow", "native", (Backend("cpu", "Eigen"), Backend("gpu", "CUDA"))),
        *(engine for engine in registry.engines().values() if engine.kind == "web"),
        Named("sleep", "native", (Backend("cpu", "sleeps"),), claims_machine=False),
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

GENERATORS = ("esrgan", "pggan", "cyclegan")
WORDS = Vocabulary(engines=ENGINES, models=(*PAPERS, *GENERATORS), precisions=("fp32", "fp16", "int8"))
