"""ONNX Runtime by its C API in the native runner."""

from __future__ import annotations

from mobilebench.engines.base import Backend
from mobilebench.engines.native import NativeEngine


class OnnxruntimeEngine(NativeEngine):
    """`.onnx` models on the CPU."""

    name = "onnxruntime"
    description = "ONNX Runtime's C API in a fresh native process; sequential execution, telemetry off"
    format = "onnx"
    setup_parts = frozenset({"library_load", "model_read", "session_creation"})
    backends = (Backend("cpu", ("default",), "CPU execution provider with all graph optimisations"),)
