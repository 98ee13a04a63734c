"""The parts of package `onnx` that reading needs: its generated messages and its native _core().

Importing the package itself brings numpy and helpers, which takes longer than hashing 100 MB.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


def skip_helpers() -> None:
    """From now on, importing parts of `onnx` in this process leaves the package's own initialisation out.

    Only for the reading process, which ends soon: `onnx.helper` and the like cannot be used through it.
    """
    spec = None if "onnx" in sys.modules else importlib.util.find_spec("onnx")
    if spec is not None:
        bare = ModuleType("onnx")
        bare.__path__ = list(spec.submodule_search_locations or ())
        sys.modules["onnx"] = bare


def parse(data: bytes) -> Any:
    """A ModelProto; raises protobuf's DecodeError where it is none."""
    from onnx import onnx_ml_pb2

    return onnx_ml_pb2.ModelProto.FromString(data)


def inlined(model: Any) -> Any:
    """The model without functions of its own; raises whatever the native core does when they cannot be resolved."""
    return parse(_core().inliner.inline_local_functions(model.SerializeToString(), False))


def with_shapes(model: Any) -> Any:
    """The model with the shapes that follow from its inputs; raises whatever the native core does."""
    return parse(_core().shape_inference.infer_shapes(model.SerializeToString(), False, False, True))


def newest_opset() -> int:
    """Of the standard operators."""
    return int(_core().defs.schema_version_map()[""][1])


def has(kind: str, opset: int | None = None) -> bool:
    """Does the standard have this operator, in this opset or in any?"""
    if opset is None:
        return bool(_core().defs.has_schema(kind))
    try:
        return not _core().defs.get_schema(kind, opset, "").deprecated
    except _core().defs.SchemaError:
        return False


def _core() -> Any:
    return importlib.import_module("onnx.onnx_cpp2py_export")
