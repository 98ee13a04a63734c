"""Tiny models of every format, for tests of what reads model files and for its fuzzer.

All but `onnx_recurrent` hold one network: 8 x 8 x 3 → convolution (4 filters of 3 x 3, same size) → mean over the image
→ matrix multiplication by 4 x 5. Its multiply-accumulates: 8·8·4·27 + 4·5 = 6932; parameters: 108 + 4 + 20 + 5 = 137.
"""

from __future__ import annotations

import base64
import json
import struct
from pathlib import Path
from typing import Any

MACS = 6932
PARAMETERS = 137


def onnx_model(batch: int | str = 1, opset: int = 17, **changes: Any) -> bytes:
    """ONNX, NCHW. `changes` are set on the ModelProto."""
    return onnx_proto(batch, opset, **changes).SerializeToString()


def onnx_proto(batch: int | str = 1, opset: int = 17, **changes: Any) -> Any:
    """As `onnx_model`, still as ModelProto."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(1)

    def constant(name: str, *shape: int) -> Any:
        return numpy_helper.from_array(rng.standard_normal(shape, dtype=np.float32), name)

    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "filter", "shift"], ["map"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["map"], ["active"]),
            helper.make_node("GlobalAveragePool", ["active"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["flat"]),
            helper.make_node("Gemm", ["flat", "matrix", "offset"], ["answer"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 3, 8, 8])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [batch, 5])],
        [constant("filter", 4, 3, 3, 3), constant("shift", 4), constant("matrix", 4, 5), constant("offset", 5)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], producer_name="tiny")
    model.ir_version = 8
    for name, value in changes.items():
        setattr(model, name, value)
    return model


def onnx_recurrent() -> bytes:
    """An LSTM of 6 steps, 3 features, 4 units, then a function of the model's own, then a branch."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(2)
    w = numpy_helper.from_array(rng.standard_normal((1, 16, 3), dtype=np.float32), "w")
    r = numpy_helper.from_array(rng.standard_normal((1, 16, 4), dtype=np.float32), "r")
    yes = numpy_helper.from_array(np.array(True), "yes")
    branch = helper.make_graph(
        [helper.make_node("Exp", ["doubled"], ["inner"])],
        "branch",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)],
    )
    twice = helper.make_function(
        "own", "Twice", ["x"], ["y"], [helper.make_node("Add", ["x", "x"], ["y"])], [helper.make_opsetid("", 17)]
    )
    graph = helper.make_graph(
        [
            helper.make_node("LSTM", ["steps", "w", "r"], ["states"], hidden_size=4),
            helper.make_node("Twice", ["states"], ["doubled"], domain="own"),
            helper.make_node("If", ["yes"], ["answer"], then_branch=branch, else_branch=branch),
        ],
        "recurrent",
        [helper.make_tensor_value_info("steps", TensorProto.FLOAT, [6, 1, 3])],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, None)],
        [w, r, yes],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("own", 1)], functions=[twice]
    )
    model.ir_version = 8
    return model.SerializeToString()


def onnx_external(folder: Path, location: str = "weights.bin", **entries: str) -> Path:
    """An ONNX model in this folder whose first weight lies in another file; `entries` replace what is said of it."""
    from onnx import TensorProto

    model = onnx_proto()
    weight = model.graph.initializer[0]
    data = weight.raw_data
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(len(data)), **entries}.items():
        weight.external_data.add(key=key, value=value)
    (folder / "weights.bin").write_bytes(data)
    (folder / "external.onnx").write_bytes(model.SerializeToString())
    return folder / "external.onnx"


def tflite_model(*, custom: str | None = None, batch_is_open: bool = False) -> bytes:
    """TensorFlow Lite, NHWC; with `custom` the mean is an operator of that name."""
    import flatbuffers
    import numpy as np
    from ai_edge_litert import schema_py_generated as schema

    rng = np.random.default_rng(3)
    model = schema.ModelT()
    model.version, model.description = 3, "tiny"
    model.buffers = [schema.BufferT()]

    def tensor(name: str, shape: list[int], data: Any = None, kind: int = schema.TensorType.FLOAT32) -> Any:
        made = schema.TensorT()
        made.name, made.shape, made.type = name, shape, kind
        if batch_is_open and data is None:
            made.shapeSignature = [-1, *shape[1:]]
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(data.tobytes(), np.uint8)
            made.buffer = len(model.buffers)
            model.buffers.append(buffer)
        return made

    def weight(name: str, *shape: int) -> Any:
        return tensor(name, list(shape), rng.standard_normal(shape, dtype=np.float32))

    def code(number: int, name: str | None = None) -> Any:
        made = schema.OperatorCodeT()
        made.builtinCode, made.deprecatedBuiltinCode, made.customCode = number, number, name
        return made

    def operator(index: int, inputs: list[int], outputs: list[int], options_type: int = 0, options: Any = None) -> Any:
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = index, inputs, outputs
        made.builtinOptionsType, made.builtinOptions = options_type, options
        return made

    graph = schema.SubGraphT()
    graph.name = "main"
    graph.tensors = [
        tensor("image", [1, 8, 8, 3]),
        weight("filter", 4, 3, 3, 3),
        weight("shift", 4),
        tensor("map", [1, 8, 8, 4]),
        tensor("axes", [2], np.array([1, 2], np.int32), schema.TensorType.INT32),
        tensor("pooled", [1, 4]),
        weight("matrix", 5, 4),
        weight("offset", 5),
        tensor("answer", [1, 5]),
    ]
    names = schema.BuiltinOperator
    model.operatorCodes = [
        code(names.CONV_2D),
        code(names.CUSTOM, custom) if custom else code(names.MEAN),
        code(names.FULLY_CONNECTED),
    ]
    convolution = schema.Conv2DOptionsT()
    convolution.strideH = convolution.strideW = 1
    graph.operators = [
        operator(0, [0, 1, 2], [3], schema.BuiltinOptions.Conv2DOptions, convolution),
        operator(1, [3, 4], [5]),
        operator(2, [5, 6, 7], [8], schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT()),
    ]
    graph.inputs, graph.outputs = [0], [8]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


_SHAPES = {"filter": [3, 3, 3, 4], "shift": [4], "matrix": [4, 5], "offset": [5]}


def _nodes() -> list[tuple[str, str, list[str], dict[str, Any]]]:
    """Name, operator, inputs and attributes of the network as TensorFlow has it. Attributes by kind."""
    strides: dict[str, Any] = {"strides": {"list": {"i": ["1", "1", "1", "1"]}}, "padding": {"s": b"SAME"}}
    return [
        ("image", "Placeholder", [], {"dtype": {"type": 1}, "shape": {"shape": [1, 8, 8, 3]}}),
        *((name, "Const", [], {"dtype": {"type": 1}, "value": {"tensor": shape}}) for name, shape in _SHAPES.items()),
        ("axes", "Const", [], {"dtype": {"type": 3}, "value": {"tensor": [2]}}),
        ("map", "_FusedConv2D", ["image", "filter", "shift"], strides),
        ("pooled", "Mean", ["map", "axes"], {"T": {"type": 1}}),
        ("answer", "_FusedMatMul", ["pooled", "matrix", "offset"], {"T": {"type": 1}}),
    ]


def tfjs_model(folder: Path, **changes: Any) -> Path:
    """A TF.js graph model in this folder; `changes` replace parts of its JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.json"
    file.write_text(json.dumps(tfjs_json() | changes))
    (folder / "shard1.bin").write_bytes(bytes(4 * PARAMETERS - 100))
    (folder / "shard2.bin").write_bytes(bytes(100) + struct.pack("<2i", 1, 2))
    return file


def tfjs_json() -> dict[str, Any]:
    """The `model.json` of `tfjs_model`."""

    def attribute(value: dict[str, Any]) -> dict[str, Any]:
        [(kind, content)] = value.items()
        match kind:
            case "type":
                return {"type": {1: "DT_FLOAT", 3: "DT_INT32"}[content]}
            case "s":
                return {"s": base64.b64encode(content).decode()}
            case "shape":
                return {"shape": {"dim": [{"size": str(size)} for size in content]}}
            case "tensor":
                return {"tensor": {"tensorShape": {"dim": [{"size": str(size)} for size in content]}}}
        return value

    def port(name: str, *sizes: int) -> dict[str, Any]:
        return {
            name: {"name": name, "dtype": "DT_FLOAT", "tensorShape": {"dim": [{"size": str(size)} for size in sizes]}}
        }

    weights = [{"name": name, "dtype": "float32", "shape": shape} for name, shape in _SHAPES.items()]
    return {
        "format": "graph-model",
        "generatedBy": "tiny",
        "modelTopology": {
            "node": [
                {"name": name, "op": op, "input": inputs, "attr": {key: attribute(one) for key, one in attr.items()}}
                for name, op, inputs, attr in _nodes()
            ]
        },
        "signature": {"inputs": port("image:0", 1, 8, 8, 3), "outputs": port("answer:0", 1, 5)},
        "weightsManifest": [
            {
                "paths": ["shard1.bin", "shard2.bin"],
                "weights": [*weights, {"name": "axes", "dtype": "int32", "shape": [2]}],
            }
        ],
    }


def saved_model(folder: Path) -> Path:
    """A SavedModel in this folder whose signature calls a function with the network; its weights are variables."""
    (folder / "variables").mkdir(parents=True, exist_ok=True)
    (folder / "variables" / "variables.index").write_bytes(b"index")
    (folder / "variables" / "variables.data-00000-of-00001").write_bytes(bytes(4 * PARAMETERS))
    (folder / "saved_model.pb").write_bytes(saved_model_proto())
    return folder


def saved_model_proto(convolution: str = "Conv2D") -> bytes:
    """The `saved_model.pb` of `saved_model`; its convolution can be another operator, or a function."""
    float32, resource = 1, 20
    handles = [
        _node(name, "VarHandleOp", [], dtype=_type(float32), shape=_message((7, _shape(shape))))
        for name, shape in _SHAPES.items()
    ]
    call = _node("call", "PartitionedCall", ["image", *_SHAPES], f=_message((10, _message((1, "network")))))
    image = _node("image", "Placeholder", [], dtype=_type(float32), shape=_message((7, _shape([-1, 8, 8, 3]))))
    axes = _message((1, 3), (2, _shape([2])), (4, struct.pack("<2i", 1, 2)))
    strides = _message((1, _message((3, b"\x01\x01\x01\x01"))))
    body = [
        *(_node(f"read_{name}", "ReadVariableOp", [name], dtype=_type(float32)) for name in _SHAPES),
        _node("axes", "Const", [], dtype=_type(3), value=_message((8, axes))),
        _node("map", convolution, ["image", "read_filter:value:0"], strides=strides, padding=_message((2, "SAME"))),
        _node("shifted", "BiasAdd", ["map:output:0", "read_shift:value:0"]),
        _node("pooled", "Mean", ["shifted:output:0", "axes:output:0"]),
        _node("product", "MatMul", ["pooled:output:0", "read_matrix:value:0"]),
        _node("sum", "AddV2", ["product:product:0", "read_offset:value:0"]),
    ]
    arguments = [(2, _message((1, name), (3, resource if name in _SHAPES else 1))) for name in ["image", *_SHAPES]]
    signature = _message((1, "network"), *arguments, (3, _message((1, "answer"), (3, 1))))
    returned = (4, _message((1, "answer"), (2, "sum:z:0")))
    function = _message((1, signature), *((3, node) for node in body), returned)
    graph = _message(*((1, node) for node in [image, *handles, call]), (2, _message((1, function))))
    default = _message(
        (1, _port("image", "image:0", [-1, 8, 8, 3])),
        (2, _port("answer", "call:0", [-1, 5])),
    )
    meta = _message(
        (1, _message((4, "serve"), (5, "2.21.0"))),
        (2, graph),
        (5, _message((1, "serving_default"), (2, default))),
    )
    return _message((1, 1), (2, meta))


def _port(name: str, tensor: str, sizes: list[int]) -> bytes:
    return _message((1, name), (2, _message((1, tensor), (2, 1), (3, _shape(sizes)))))


def _node(name: str, op: str, inputs: list[str], **attributes: bytes) -> bytes:
    entries = [(5, _message((1, key), (2, value))) for key, value in attributes.items()]
    return _message((1, name), (2, op), *((3, one) for one in inputs), *entries)


def _type(number: int) -> bytes:
    return _message((6, number))


def _shape(sizes: list[int]) -> bytes:
    return _message(*((2, _message((1, size % 2**64))) for size in sizes))


def _message(*fields: tuple[int, int | str | bytes]) -> bytes:
    """Protobuf: numbers as varints, everything else by its length."""
    written = b""
    for number, value in fields:
        if isinstance(value, int):
            written += _varint(number << 3) + _varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            written += _varint(number << 3 | 2) + _varint(len(data)) + data
    return written


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
