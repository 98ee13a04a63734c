"""Every engine by its name. Adding one is a module of its own and one line here."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import cast

from mobilebench.engines.base import Engine

_ENGINES = {
    "tflite": ("mobilebench.engines.tflite", "TfliteEngine"),
    "onnxruntime": ("mobilebench.engines.onnxruntime", "OnnxruntimeEngine"),
    "tensorflow": ("mobilebench.engines.tensorflow", "TensorflowEngine"),
    "tfjs": ("mobilebench.engines.tfjs", "TfjsEngine"),
    "ortjs": ("mobilebench.engines.ortjs", "OrtjsEngine"),
    "litertjs": ("mobilebench.engines.litertjs", "LitertjsEngine"),
    "sleep": ("mobilebench.engines.sleep", "SleepEngine"),
}


def engines() -> dict[str, Engine]:
    """Name to engine, in the order in which they are listed everywhere; modules are imported on the first call."""
    return dict(_engines())


@cache
def _engines() -> dict[str, Engine]:
    return {name: cast(Engine, getattr(import_module(module), kind)()) for name, (module, kind) in _ENGINES.items()}
