"""TensorFlow Lite by its C API in the native runner."""

from __future__ import annotations

from mobilebench.core.records import Case, TargetInfo
from mobilebench.engines.base import Backend
from mobilebench.engines.native import NativeEngine

_ONLY_ON_ANDROID = {"gpu": "GPU delegate", "nnapi": "NNAPI delegate"}


class TfliteEngine(NativeEngine):
    """`.tflite` models: every setting names its delegate, and none is added unseen."""

    name = "tflite"
    description = "TensorFlow Lite's C API in a fresh native process; every delegate is added explicitly"
    format = "tflite"
    setup_parts = frozenset({"library_load", "model_read", "session_creation", "delegate_preparation"})
    backends = (
        Backend(
            "cpu",
            ("xnnpack", "xnnpack-fp16", "reference"),
            "XNNPACK's kernels (forced to float16 by xnnpack-fp16), or TensorFlow Lite's own; what XNNPACK does not "
            "take stays on those",
        ),
        Backend(
            "gpu",
            ("fp32", "fp16"),
            "GPU delegate v2 of OpenCL or OpenGL (Android), in full or with half precision; the rest stays on the CPU",
        ),
        Backend(
            "nnapi",
            ("default", "fp16"),
            "Android's NNAPI without its CPU implementation; fp16 lets it compute float32 in half precision",
        ),
    )

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        """Why this case cannot run on this target, in plain words; None when it can."""
        delegate = _ONLY_ON_ANDROID.get(case.backend)
        if delegate and not target.runner.startswith("android-"):
            return f"TensorFlow Lite's {delegate} is there for Android only, not for {target.runner}"
        return super().supports(target, case)
