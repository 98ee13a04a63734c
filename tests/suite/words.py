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


_HALF = ("default", "fp16")

ENGINES: dict[str, Any] = {
    engine.name: engine
    for engine in (
        Named(
            "tflite",
            "native",
            (
                Backend("cpu", ("xnnpack", "xnnpack-fp16", "reference"), "XNNPACK"),
                Backend("gpu", ("fp32", "fp16"), "OpenCL"),
                Backend("nnapi", _HALF, "NNAPI"),
            ),
        ),
        Named(
            "onnxruntime",
            "native",
            (
                Backend("cpu", ("default",), "MLAS"),
                Backend("xnnpack", ("default",), "XNNPACK"),
                Backend("nnapi", _HALF, "NNAPI"),
                Backend("qnn", _HALF, "HTP"),
                Backend("webgpu", ("default",), "Vulkan"),
                Backend("cuda", ("default", "tf32"), "CUDA"),
                Backend("dml", ("default",), "DirectML"),
                Backend("openvino", ("default",), "OpenVINO"),
            ),
        ),
        Named("tensorflow", "native", (Backend("cpu", ("default",), "Eigen"), Backend("gpu", ("default",), "CUDA"))),
        *(engine for engine in registry.engines().values() if engine.kind == "web"),
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

GENERATORS = ("esrgan", "pggan", "cyclegan")
WORDS = Vocabulary(engines=ENGINES, models=(*PAPERS, *GENERATORS), precisions=("fp32", "fp16", "int8"))
