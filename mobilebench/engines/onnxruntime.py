"""ONNX Runtime by its C API in the native runner."""

from __future__ import annotations

from mobilebench.core.records import Case, TargetInfo
from mobilebench.engines import cuda
from mobilebench.engines.base import Backend
from mobilebench.engines.native import NativeEngine


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
        return f"NNAPI is there on Android only, not on {target.runner}"
    if backend == "dml" and not target.runner.startswith("windows-"):
        return f"DirectML is there on Windows only, not on {target.runner}"
    if backend in ("cuda", "openvino") and target.kind != "host":
        return f"the {backend} provider of ONNX Runtime is there for PCs only"
    if backend == "cuda" and (reason := cuda.no_device()):
        return reason
    return None
