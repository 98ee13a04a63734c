"""Every engine by name. A new engine needs a module of its own and one line here.

An older release of an engine has its version in its name: `ortjs@1.18`. The name `ortjs` is the current release.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import cast

from mobilebench.engines.base import Engine

_ENGINES = {
    "tflite": ("mobilebench.engines.native_engines", "TfliteEngine"),
    "onnxruntime": ("mobilebench.engines.native_engines", "OnnxruntimeEngine"),
    "tensorflow": ("mobilebench.engines.tensorflow", "TensorflowEngine"),
    "tfjs": ("mobilebench.engines.web_engines", "TFJS"),
    "tfjs@4.2": ("mobilebench.engines.web_engines", "TFJS_4_2"),
    "ortjs": ("mobilebench.engines.web_engines", "ORTJS"),
    "ortjs@1.18": ("mobilebench.engines.web_engines", "ORTJS_1_18"),
    "ortjs@1.14": ("mobilebench.engines.web_engines", "ORTJS_1_14"),
    "litertjs": ("mobilebench.engines.web_engines", "LITERTJS"),
    "page": ("mobilebench.engines.page", "PageEngine"),
    "sleep": ("mobilebench.engines.native_engines", "SleepEngine"),
}


def engines() -> dict[str, Engine]:
    """Name to engine, in the order in which they are listed everywhere; modules are imported on the first call."""
    return dict(_engines())


@cache
def _engines() -> dict[str, Engine]:
    found = {name: getattr(import_module(module), one) for name, (module, one) in _ENGINES.items()}
    return {name: cast(Engine, one() if isinstance(one, type) else one) for name, one in found.items()}
