"""Which package TensorFlow Lite's interpreter comes from."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.models import tflite_python


def only(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """As if just these were installed."""
    monkeypatch.setattr(tflite_python, "find_spec", lambda name: ModuleSpec(name, None) if name in modules else None)
    for name in modules:
        module = ModuleType(f"{name}.interpreter")
        module.Interpreter = type(f"InterpreterOf_{name}", (), {})  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
        monkeypatch.setitem(sys.modules, f"{name}.interpreter", module)


def test_the_package_that_is_still_developed_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "tflite_runtime", "ai_edge_litert")
    assert tflite_python.interpreter_class().__name__ == "InterpreterOf_ai_edge_litert"


def test_its_forerunner_does_where_only_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "tflite_runtime")
    assert tflite_python.interpreter_class().__name__ == "InterpreterOf_tflite_runtime"
    assert tflite_python.package() == ("tflite-runtime", "tflite_runtime")
    monkeypatch.setattr(tflite_python, "version", lambda name: "2.14.0")
    assert tflite_python.package_version() == "tflite-runtime 2.14.0"


def test_without_either_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch)
    assert tflite_python.package() is None
    for ask in (tflite_python.interpreter_class, tflite_python.package_version):
        with pytest.raises(BadInput) as caught:
            ask()
        assert "pip install ai-edge-litert" in (caught.value.hint or "")
