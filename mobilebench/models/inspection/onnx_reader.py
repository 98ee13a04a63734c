"""Reads ONNX files: the graph by package `onnx`, from a copy without weights; external data only by its size.

Of package `onnx` only the generated messages and the native core are imported. Importing the package itself brings
numpy and helpers, which takes longer than hashing 100 MB.
"""

from __future__ import annotations

import importlib
import importlib.util
import mmap
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from mobilebench.models.inspection import macs, onnx_strip
from mobilebench.models.inspection.graph import (
    Graph,
    Operation,
    Shape,
    Value,
    bind,
    refuse_unknown_inputs,
    shared_names,
)
from mobilebench.models.inspection.malformed import Malformed, part_of_model

_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 8: "string", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64", 14: "complex64", 15: "complex128", 16: "bfloat16",
    17: "float8_e4m3fn", 18: "float8_e4m3fnuz", 19: "float8_e5m2", 20: "float8_e5m2fnuz", 21: "uint4", 22: "int4",
    23: "float4_e2m1", 24: "float8_e8m0", 25: "uint2", 26: "int2", 27: "float6_e2m3", 28: "float6_e3m2",
}  # fmt: skip

_STANDARD = ("", "ai.onnx")
_EXTERNAL = 1  # TensorProto.EXTERNAL
_STRING = 3  # AttributeProto.STRING
_RESCALE = "Mul of scales"
_NO_WEIGHTS = {
    "QuantizeLinear": {1, 2}, "DequantizeLinear": {1, 2}, "QLinearConv": {1, 2, 4, 5, 6, 7},
    "QLinearMatMul": {1, 2, 4, 5, 6, 7}, "ConvInteger": {2, 3}, "MatMulInteger": {2, 3}, "Resize": {1, 2, 3},
    "Upsample": {1}, "Clip": {1, 2}, "Pad": {1, 2, 3}, "DynamicQuantizeMatMul": {2, 3},
    "MatMulIntegerToFloat": {2, 3, 4, 5}, "QLinearAdd": {1, 2, 4, 5, 6, 7}, "QLinearMul": {1, 2, 4, 5, 6, 7},
    "MatMulNBits": {2, 3, 4}, "QGemm": {1, 2, 4, 5, 7, 8}, _RESCALE: {0, 1},
}  # fmt: skip
"""Operator to the inputs that are scales, zero points, sizes or limits."""
_QUANTISED_WEIGHTS = {
    "DequantizeLinear": {0}, "QLinearConv": {3, 8}, "QLinearMatMul": {0, 3}, "ConvInteger": {1},
    "MatMulInteger": {0, 1}, "DynamicQuantizeMatMul": {1}, "MatMulIntegerToFloat": {1}, "MatMulNBits": {1},
    "QGemm": {3, 6}, "QLinearAdd": {0, 3}, "QLinearMul": {0, 3}, "Gather": {0},
}  # fmt: skip
"""Operator to the inputs whose integers are weights."""
_NARROW = {"int8", "uint8", "int4", "uint4", "int2", "uint2", "int16", "uint16"}
_VIEWS = {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Identity"}
_LOOKUPS = {"Gather", "GatherElements", "GatherND"}
_FILTERS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3}
"""Convolutions to the input that holds their filters: number, channels of a group, sizes."""


def read(file: Path, shapes: Mapping[str, list[int]]) -> Graph:
    """The graph of an ONNX file.

    Args:
        file: opened for reading only; only the headers of weights are read.
        shapes: input name to its shape, for inputs with dynamic axes.

    Raises:
        Malformed: it is no ONNX model, is damaged, needs an opset or operator that is not known, or its external
            data is missing or lies outside its folder.
    """
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        view = memoryview(data)
        try:
            small = onnx_strip.stripped(view)
        finally:
            view.release()
    return read_stripped(small, file.parent, shapes)


def read_stripped(small: bytes, folder: Path, shapes: Mapping[str, list[int]]) -> Graph:
    """As `read`, from the output of `onnx_strip.stripped`."""
    model = _inlined(_parsed(small))
    _check_text(model)
    opset = {("" if entry.domain in _STANDARD else entry.domain): entry.version for entry in model.opset_import}
    _check_opset(opset, _newest_opset())
    files = _external_files(model.graph, folder)
    _set_shapes(model.graph, shapes)
    model = _with_shapes(model)
    graph = Graph(
        files=files,
        opset=opset,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
    )
    _fill(graph, model.graph, opset.get("", 1))
    return graph


def _parsed(small: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        model = _parse(small)
    except (DecodeError, RecursionError) as error:
        raise Malformed("is not an ONNX model, or is damaged: its structure does not fit onnx.proto") from error
    if not model.graph.node and not model.graph.output:
        raise Malformed("is not an ONNX model, or is empty: its graph has no content")
    if not model.opset_import:
        raise Malformed("has no opset: it is cut short, or not an ONNX model", hint="Copy or export it again.")
    return model


def _check_text(model: Any) -> None:
    """Check that names are text: package `protobuf` returns bytes where they are not UTF-8.

    Raises:
        Malformed: a name is not text.
    """
    names = [model.producer_name, model.producer_version, *(entry.domain for entry in model.opset_import)]
    if not all(isinstance(name, str) for name in (*names, *_names(model.graph))):
        raise Malformed("is damaged: a name in it is not text")


def _names(graph: Any) -> Iterator[Any]:
    for value in (*graph.input, *graph.output, *graph.value_info):
        yield value.name
        yield from (axis.dim_param for axis in value.type.tensor_type.shape.dim)
    for tensor in _tensors(graph):
        yield tensor.name
        yield from (text for entry in tensor.external_data for text in (entry.key, entry.value))
    for node in graph.node:
        yield from (node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
        for body in _bodies(node):
            yield from _names(body)


def _check_opset(opset: Mapping[str, int], newest: int) -> None:
    version = opset.get("", 1)
    if not 1 <= version <= newest:
        raise Malformed(
            f"needs ONNX opset {version}; this version of mobilebench knows 1 to {newest}",
            hint="Export it again with one of these; opset 17 runs everywhere.",
        )


def _inlined(model: Any) -> Any:
    """The model with each call of its own functions replaced by the function's body."""
    if not model.functions:
        return model
    try:
        return _parse(_core().inliner.inline_local_functions(model.SerializeToString(), False))
    except Exception as error:
        raise Malformed(f"defines functions that cannot be resolved ({_first_line(error)})") from error


def _with_shapes(model: Any) -> Any:
    """The model with shapes inferred from its inputs, or with its own stated shapes if inference fails."""
    try:
        return _parse(_core().shape_inference.infer_shapes(model.SerializeToString(), False, False, True))
    except Exception:  # the C++ code raises errors of any type; shapes then stay unknown
        return model


def _set_shapes(graph: Any, shapes: Mapping[str, list[int]]) -> None:
    """Write the given shapes into the inputs, and the same number wherever an axis has the same name."""
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    refuse_unknown_inputs(shapes, [value.name for value in inputs])
    named: dict[str, int] = {}
    for value in inputs:
        if value.name not in shapes:
            continue
        tensor = value.type.tensor_type
        shape = bind(value.name, _shape(tensor), shapes) or ()
        axes = [axis.dim_param for axis in tensor.shape.dim] or [""] * len(shape)
        for axis, size in zip(axes, shape, strict=True):
            if axis and named.setdefault(axis, size or 0) != size:
                raise Malformed(
                    f"gives several axes the name {axis!r}, so they cannot have the sizes {named[axis]} and {size}"
                )
        del tensor.shape.dim[:]
        for size in shape:
            tensor.shape.dim.add().dim_value = size
    if not shapes:
        return
    for value in [*graph.input, *graph.output, *graph.value_info]:
        for axis in value.type.tensor_type.shape.dim:
            if axis.dim_param in named:
                axis.dim_value = named[axis.dim_param]


def _fill(graph: Graph, proto: Any, opset: int) -> None:
    constants = {tensor.name: _constant(tensor) for tensor in proto.initializer}
    for sparse in proto.sparse_initializer:
        constants[sparse.values.name] = Value(_dtype(sparse.values.data_type), tuple(sparse.dims))
    graph.inputs = [value.name for value in proto.input if value.name not in constants]
    graph.outputs = [value.name for value in proto.output]
    graph.shared_names = shared_names("outputs", graph.outputs)
    for value in [*proto.value_info, *proto.input, *proto.output]:
        graph.values[value.name] = _declared(value)
    _walk(graph, proto, opset, constants, inner=False)
    graph.weights = _weights(proto, constants)


def _walk(graph: Graph, proto: Any, opset: int, constants: dict[str, Value], *, inner: bool) -> None:
    """Add the nodes of the graph and of its inner graphs. How often inner graphs run is not known."""
    graph.values |= constants
    for node in proto.node:
        domain = "" if node.domain in _STANDARD else node.domain
        attributes = {attribute.name: attribute for attribute in node.attribute}
        if node.op_type == "Constant" and not domain:
            if "value" in attributes and node.output:
                graph.values[node.output[0]] = constants[node.output[0]] = _constant(attributes["value"].t)
            continue
        if not domain:
            _check_operator(node.op_type, opset)
        graph.operations.append(
            Operation(
                node.op_type,
                tuple(name for name in node.input if name),
                tuple(name for name in node.output if name),
                None if inner else _macs(graph, node, domain, attributes),
                domain,
                looks_up=node.op_type in _LOOKUPS and not domain,
                depthwise=_is_depthwise(graph, node),
            )
        )
        for name in node.output:
            graph.values.setdefault(name, Value("unknown", None))
        for body in _bodies(node):
            for value in [*body.input, *body.output, *body.value_info]:
                graph.values.setdefault(value.name, _declared(value))
            constants |= {tensor.name: _constant(tensor) for tensor in body.initializer}
            _walk(graph, body, opset, constants, inner=True)


def _is_depthwise(graph: Graph, node: Any) -> bool:
    """Whether each filter sees one of several channels."""
    place = _FILTERS.get(node.op_type, len(node.input))
    if place >= len(node.input):
        return False
    image, filters = (
        graph.values.get(name, Value("unknown", None)).shape for name in (node.input[0], node.input[place])
    )
    if image is None or filters is None or len(image) < 3 or len(filters) < 3:
        return False
    return filters[1] == 1 and (image[1] or 0) > 1


def _bodies(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def _check_operator(kind: str, opset: int) -> None:
    if not _has_operator(kind):
        raise Malformed(
            f"needs operator {kind[:100]!r}, which ONNX does not have",
            hint="Export a custom operator with its own domain.",
        )
    if not _has_operator(kind, opset):
        raise Malformed(f"needs operator {kind[:100]!r}, which ONNX does not have in its opset {opset}")


def _macs(graph: Graph, node: Any, domain: str, attributes: Mapping[str, Any]) -> int | None:
    shapes = [graph.values[name].shape if name in graph.values else None for name in node.input]
    output = graph.values[node.output[0]].shape if node.output and node.output[0] in graph.values else None
    scalars = {name: one.s if one.type == _STRING else one.i for name, one in attributes.items()}
    return macs.of_onnx(domain, node.op_type, shapes, output, scalars)


def _weights(proto: Any, constants: Mapping[str, Value]) -> dict[str, Value]:
    """The constants that hold weights: floats except scales and limits, and integers that represent floats."""
    uses: dict[str, list[tuple[str, int]]] = {}
    dynamic = {
        node.output[1] for node in proto.node if node.op_type == "DynamicQuantizeLinear" and len(node.output) > 1
    }
    _collect_uses(proto, uses, dynamic)
    found = {}
    for name, value in constants.items():
        if value.elements is None or value.elements < 2:
            continue
        roles = uses.get(name, [])
        if value.dtype.startswith(("float", "bfloat")):
            if not roles or any(place not in _NO_WEIGHTS.get(kind, ()) for kind, place in roles):
                found[name] = value
        elif any(place in _QUANTISED_WEIGHTS.get(kind, ()) for kind, place in roles):
            lookup_only = all(kind == "Gather" for kind, _ in roles)
            if value.dtype in _NARROW or (value.dtype == "int32" and not lookup_only):
                found[name] = value
    return found


def _collect_uses(proto: Any, uses: dict[str, list[tuple[str, int]]], scales: set[str]) -> None:
    """What each tensor is used for, looking through operators that only change its shape.

    A factor of a scale that is measured at run time is itself the scale of weights in 8 bits.
    """
    for node in reversed(proto.node):
        kind = _RESCALE if node.op_type == "Mul" and not scales.isdisjoint(node.input) else node.op_type
        for place, name in enumerate(node.input):
            if place == 0 and node.op_type in _VIEWS and node.output:
                uses.setdefault(name, []).extend(uses.get(node.output[0], [])[:100])
            else:
                uses.setdefault(name, []).append((kind, place))
        for body in _bodies(node):
            _collect_uses(body, uses, scales)


def _external_files(graph: Any, folder: Path) -> list[str]:
    """The files with the tensors' data, each checked to be in the model's folder and long enough."""
    files: dict[str, int] = {}
    for tensor in _tensors(graph):
        if tensor.data_location != _EXTERNAL:
            continue
        facts = {entry.key: entry.value for entry in tensor.external_data}
        location = facts.get("location", "")
        if location not in files:
            files[location] = part_of_model(folder, location, "external data").stat().st_size
        _inside(tensor, facts, files[location])
    return list(files)


def _inside(tensor: Any, facts: Mapping[str, str], size: int) -> None:
    """Check that a tensor's data lies inside its file and matches its shape in size."""
    location = facts["location"]
    needed = _constant(tensor).bytes or 0
    try:
        offset = int(facts.get("offset", 0))
        length = int(facts.get("length", needed))
    except ValueError as error:
        raise Malformed(f"is damaged: the position of {tensor.name[:100]!r} in {location} is not a number") from error
    if offset < 0 or length < 0 or offset + length > size:
        raise Malformed(
            f"needs {length} bytes at offset {offset} of its external data {location}, which has only {size} bytes",
            hint="Copy or download the data file again.",
        )
    if needed and length != needed:
        raise Malformed(f"is damaged: {tensor.name[:100]!r} needs {needed} bytes and has {length} in {location}")


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
        for body in _bodies(node):
            yield from _tensors(body)


def _constant(tensor: Any) -> Value:
    return Value(_dtype(tensor.data_type), tuple(tensor.dims))


def _declared(value: Any) -> Value:
    if not value.type.HasField("tensor_type"):
        return Value(value.type.WhichOneof("value") or "unknown", None)
    tensor = value.type.tensor_type
    return Value(_dtype(tensor.elem_type), _shape(tensor))


def _shape(tensor: Any) -> Shape | None:
    if not tensor.HasField("shape"):
        return None
    return tuple(
        axis.dim_value if axis.HasField("dim_value") and axis.dim_value >= 0 else None for axis in tensor.shape.dim
    )


def _dtype(number: int) -> str:
    return _DTYPES.get(number, "unknown")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def skip_helpers() -> None:
    """Make later imports of parts of `onnx` in this process skip the package's own initialisation.

    Use it only in the short-lived reading process: modules such as `onnx.helper` do not work afterwards.
    """
    spec = None if "onnx" in sys.modules else importlib.util.find_spec("onnx")
    if spec is not None:
        bare = ModuleType("onnx")
        bare.__path__ = list(spec.submodule_search_locations or ())
        sys.modules["onnx"] = bare


def _parse(data: bytes) -> Any:
    """Parse a ModelProto; raises protobuf's DecodeError if the bytes are none."""
    from onnx import onnx_ml_pb2

    return onnx_ml_pb2.ModelProto.FromString(data)


def _newest_opset() -> int:
    """The newest opset of the standard operators."""
    return int(_core().defs.schema_version_map()[""][1])


def _has_operator(kind: str, opset: int | None = None) -> bool:
    """Whether the standard has this operator, in this opset or in any."""
    if opset is None:
        return bool(_core().defs.has_schema(kind))
    try:
        return not _core().defs.get_schema(kind, opset, "").deprecated
    except _core().defs.SchemaError:
        return False


def _core() -> Any:
    """The native part of package `onnx`."""
    return importlib.import_module("onnx.onnx_cpp2py_export")
