"""The engines of the native runner: TensorFlow Lite, ONNX Runtime, and one that only sleeps."""

from __future__ import annotations

from mobilebench.core.records import Case, TargetInfo
from mobilebench.engines import cuda
from mobilebench.engines.base import Backend
from mobilebench.engines.native import NativeEngine

_FLOATS = ("fp32", "fp16")
_ONLY_ON_ANDROID = {"gpu": "GPU delegate", "nnapi": "NNAPI delegate"}


class TfliteEngine(NativeEngine):
    """Runs `.tflite` models. Backend and axes name every delegate; none is added implicitly."""

    name = "tflite"
    description = "TensorFlow Lite's C API in a fresh native process; every delegate is added explicitly"
    format = "tflite"
    setup_parts = frozenset({"library_load", "model_read", "session_creation", "delegate_preparation"})
    backends = (
        Backend(
            "cpu",
            "XNNPACK's kernels (with arithmetic fp16 forced to float16), or without a delegate TensorFlow Lite's own; "
            "what XNNPACK does not take stays on those",
            {"delegate": ("xnnpack", "none"), "arithmetic": _FLOATS},
        ),
        Backend(
            "gpu",
            "GPU delegate v2 of OpenCL or OpenGL (Android), in full or with half precision; the rest stays on the CPU",
            {"arithmetic": _FLOATS},
        ),
        Backend(
            "nnapi",
            "Android's NNAPI without its CPU implementation; fp16 lets it compute float32 in half precision",
            {"arithmetic": _FLOATS},
        ),
    )

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        """Why this case cannot run on this target, in plain words; None when it can."""
        delegate = _ONLY_ON_ANDROID.get(case.backend)
        if delegate and not target.runner.startswith("android-"):
            return f"TensorFlow Lite's {delegate} is available for Android only, not for {target.runner}"
        if case.delegate == "none" and case.arithmetic == "fp16":
            return "TensorFlow Lite's own kernels compute float32 as it is: float16 needs the delegate xnnpack"
        return super().supports(target, case)


class OnnxruntimeEngine(NativeEngine):
    """Runs `.onnx` models on one execution provider. The CPU's provider takes the rest; the proof reports how much."""

    name = "onnxruntime"
    description = "ONNX Runtime's C API in a fresh native process; sequential execution, telemetry off"
    format = "onnx"
    setup_parts = frozenset({"library_load", "model_read", "session_creation"})
    backends = (
        Backend("cpu", "CPU execution provider with all graph optimisations"),
        Backend("xnnpack", "XNNPACK's kernels with a pool of their own; ONNX Runtime's pool has one thread"),
        Backend(
            "nnapi",
            "Android's NNAPI without its CPU implementation; fp16 lets it compute float32 in half precision",
            {"arithmetic": ("fp32", "fp16")},
        ),
        Backend(
            "qnn",
            "Qualcomm's HTP; fp16 computes float32 models in half precision",
            {"arithmetic": ("fp32", "fp16")},
        ),
        Backend("webgpu", "WebGPU's native implementation, on Vulkan"),
        Backend(
            "cuda",
            "NVIDIA GPUs (PC); tf32 lets matrix products use ten bits of mantissa",
            {"arithmetic": ("fp32", "tf32")},
        ),
        Backend("dml", "DirectML (Windows)"),
        Backend("openvino", "Intel's OpenVINO (PC), on the device that its build chooses"),
    )

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        """Why this case cannot run on this target, in plain words; None when it can."""
        return _why_not_there(target, case.backend) or super().supports(target, case)


def _why_not_there(target: TargetInfo, backend: str) -> str | None:
    """Why this target lacks the system or device that a backend needs; None when it has both."""
    android = target.runner.startswith("android-")
    if backend == "nnapi" and not android:
        return f"NNAPI is available on Android only, not on {target.runner}"
    if backend == "dml" and not target.runner.startswith("windows-"):
        return f"DirectML is available on Windows only, not on {target.runner}"
    if backend in ("cuda", "openvino") and target.kind != "host":
        return f"the {backend} provider of ONNX Runtime is available on PCs only"
    if backend == "cuda" and (reason := cuda.no_device()):
        return reason
    return None


class SleepEngine(NativeEngine):
    """Sleeps for 50 ms per prediction. The processor is free, so its blocks need not take turns."""

    name = "sleep"
    description = "Sleeps 50 ms a prediction instead of computing, to measure mobilebench itself"
    format = None
    setup_parts = frozenset()
    claims_machine = False
    why_no_kernels = "it computes nothing"
    backends = (
        Backend("cpu", "Leaves the CPU free"),
        Backend("instant", "Leaves the CPU free, and returns at once: faster than any clock can measure"),
    )
