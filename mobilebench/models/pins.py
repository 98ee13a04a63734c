"""The packages that build models: their modules, and the versions that the built files depend on."""

from __future__ import annotations

import importlib.metadata
import importlib.util

from mobilebench.core.errors import BadInput

CONVERTERS = {"tensorflow": "2.21.0", "tf2onnx": "1.17.0", "onnx": "1.23.2", "tensorflowjs": "4.22.0"}
"""Package to the only version that is accepted for conversion; the versions are part of a built model's key."""

CHECKERS = {"ai-edge-litert": "ai_edge_litert", "onnxruntime": "onnxruntime", "numpy": "numpy"}
"""Further packages that building needs, each with the module to import."""

_HINT = (
    "Install the converters: `pip install 'mobilebench[models]'`, then "
    f"`pip install --no-deps tensorflowjs=={CONVERTERS['tensorflowjs']}`."
)


def require() -> None:
    """Check that models can be built here.

    Raises:
        BadInput: a package is missing, or a converter has another version; the hint says how to install them.
    """
    modules = {name: name for name in CONVERTERS} | CHECKERS
    missing = [name for name, module in modules.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise BadInput(f"Building models needs packages that are not installed: {', '.join(missing)}.", hint=_HINT)
    for name, version in CONVERTERS.items():
        if (found := importlib.metadata.version(name)) != version:
            raise BadInput(f"Models are built with {name} {version}, but {found} is installed.", hint=_HINT)


def installed() -> dict[str, str]:
    """Package to installed version, of everything that takes part in building."""
    return {name: importlib.metadata.version(name) for name in sorted([*CONVERTERS, *CHECKERS])}
