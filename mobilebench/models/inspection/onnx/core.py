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
    """Make later imports of parts of `onnx` in this process skip the package's own initialisation.

    Use it only in the short-lived reading process: modules such as `onnx.helper` do not work afterwards.
    """
    spec = None if "onnx" in sys.modules else importlib.util.find_spec("onnx")
    if spec is not None:
        bare = ModuleType("onnx")
        bare.__path__ = list(spec.submodule_search_locations or ())
        sys.modules["onnx"] = bare


def parse(data: bytes) -> Any:
    """Parse a ModelProto; raises protobuf's DecodeError if the bytes are none."""
    from onnx import onnx_ml_pb2

    return onnx_ml_pb2.ModelProto.FromString(data)


def inlined(model: Any) -> Any:
    """The model with its own functions inlined; raises the native core's error if one cannot be resolved."""
    return parse(_core().inliner.inline_local_functions(model.SerializeToString(), False))


def with_shapes(model: Any) -> Any:
    """The model with shapes inferred from its inputs; raises the native core's errors."""
    return parse(_core().shape_inference.infer_shapes(model.SerializeToString(), False, False, True))


def newest_opset() -> int:
    """The newest opset of the standard operators."""
    return int(_core().defs.schema_version_map()[""][1])


def has(kind: str, opset: int | None = None) -> bool:
    """Whether the standard has this operator, in this opset or in any."""
    if opset is None:
        return bool(_core().defs.has_schema(kind))
    try:
        return not _core().defs.get_schema(kind, opset, "").deprecated
    except _core().defs.SchemaError:
        return False


def _core() -> Any:
    return importlib.import_module("onnx.onnx_cpp2py_export")
