"""TensorFlow Lite's interpreter for Python, from whichever package is installed.

`ai-edge-litert` is the one that is still developed; `tflite-runtime` is its forerunner, which old systems have.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NamedTuple

from mobilebench.core.errors import BadInput


class Package(NamedTuple):
    """A package that holds an interpreter."""

    name: str
    module: str


PACKAGES = (Package("ai-edge-litert", "ai_edge_litert"), Package("tflite-runtime", "tflite_runtime"))
"""The first one that is installed is used."""


def package() -> Package | None:
    """The package that is used here; None when there is none."""
    return next((one for one in PACKAGES if find_spec(one.module) is not None), None)


def package_version() -> str:
    """`ai-edge-litert 2.3.0` and the like.

    Raises:
        BadInput: neither package is installed.
    """
    name = _package().name
    return f"{name} {version(name)}"


def interpreter_class() -> Any:
    """The class `Interpreter`; both packages give it the same methods.

    Raises:
        BadInput: neither package is installed.
    """
    return import_module(f"{_package().module}.interpreter").Interpreter


def _package() -> Package:
    found = package()
    if found is None:
        raise BadInput(
            "No interpreter of TensorFlow Lite for Python is installed.", hint="Run `pip install ai-edge-litert`."
        )
    return found
