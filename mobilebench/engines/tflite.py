"""TensorFlow Lite by its C API in the native runner, always with XNNPACK."""

from __future__ import annotations

from mobilebench.engines.base import Backend
from mobilebench.engines.native import NativeEngine


class TfliteEngine(NativeEngine):
    """`.tflite` models on the CPU."""

    name = "tflite"
    description = "TensorFlow Lite's C API in a fresh native process; the XNNPACK delegate is always added explicitly"
    format = "tflite"
    setup_parts = frozenset({"library_load", "model_read", "session_creation", "delegate_preparation"})
    backends = (Backend("cpu", ("xnnpack",), "XNNPACK's kernels; nodes that it does not take stay on TFLite's own"),)
