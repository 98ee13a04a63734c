"""TensorFlow Lite, used by the native runner through its C API."""

from __future__ import annotations

from mobilebench.core.records import Case, TargetInfo
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
            return f"TensorFlow Lite's {delegate} is there for Android only, not for {target.runner}"
        if case.delegate == "none" and case.arithmetic == "fp16":
            return "TensorFlow Lite's own kernels compute float32 as it is: float16 needs the delegate xnnpack"
        return super().supports(target, case)
