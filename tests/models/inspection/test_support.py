"""Which operators engines lack, by the tables that are shipped."""

from __future__ import annotations

import pytest

from mobilebench.models.inspection import support
from mobilebench.models.inspection.description import Description, OperatorCount
from mobilebench.models.manifest import Format


def model(format_: Format, *operators: str, opset: int = 17) -> Description:
    split = [one.rpartition(":") for one in operators]
    return Description(
        format=format_,
        sha256="0" * 64,
        bytes=1,
        files={"net": "0" * 64},
        inputs=[],
        outputs=[],
        operators=[OperatorCount(type=name, domain=domain, count=1) for domain, _, name in split],
        parameters=0,
        weight_dtypes={},
        macs=None,
        traffic_bytes=None,
        opset={"": opset, "com.microsoft": 1} if format_ == "onnx" else {},
    )


@pytest.mark.parametrize(
    ("described", "engine", "backend", "expected"),
    [
        (model("tfjs", "_FusedConv2D", "Abs", "Transpose"), "tfjs", "wasm", []),
        (model("tfjs", "Relu", "Einsum"), "tfjs", "wasm", ["Einsum"]),
        (model("tfjs", "Relu", "Einsum"), "tfjs", "webgl", []),
        (model("tfjs", "Erfc"), "tfjs", "webgl", ["Erfc"]),
        (model("tfjs", "Erfc", "Einsum"), "tfjs", "webgpu", ["Erfc"]),
        (model("tfjs", "Erfc", "Einsum"), "tfjs", "js", ["Erfc"]),
        (model("tflite", "CONV_2D", "SOFTMAX", "GELU"), "tflite", "cpu", []),
        (model("tflite", "CONV_2D", "custom:Own", "flex:FlexErf"), "tflite", "cpu", ["custom:Own", "flex:FlexErf"]),
        (model("tflite", "CONV_2D"), "litertjs", "wasm", None),
        (model("tflite", "CONV_2D", "custom:Own"), "litertjs", "wasm", ["custom:Own"]),
        (model("onnx", "Conv", "Relu", "com.microsoft:FusedConv"), "onnxruntime", "cpu", []),
        (model("onnx", "Conv", "mine:Own"), "onnxruntime", "cpu", ["mine:Own"]),
        (model("onnx", "Conv", opset=999), "onnxruntime", "cpu", ["Conv"]),
        (model("onnx", "Gelu", opset=17), "onnxruntime", "cpu", ["Gelu"]),
        (model("onnx", "Gelu", opset=20), "onnxruntime", "cpu", []),
        (model("onnx", "Conv", "ImageDecoder", opset=20), "ortjs", "wasm", ["ImageDecoder"]),
        (model("onnx", "Conv", "com.microsoft:FusedConv"), "ortjs", "wasm", None),
        (model("onnx", "Conv", "LSTM"), "ortjs", "webgpu", ["LSTM"]),
        (model("onnx", "Conv"), "tflite", "cpu", None),
        (model("onnx", "Conv"), "onnxruntime", "abacus", None),
    ],
)
def test_missing(described: Description, engine: str, backend: str, expected: list[str] | None) -> None:
    assert support.missing(described, engine, backend) == expected


def test_every_table_says_its_version_and_how_it_was_made() -> None:
    tables = support.tables()
    assert {(one.engine, one.backend) for one in tables} >= {
        ("tfjs", "wasm"), ("tfjs", "webgl"), ("tfjs", "webgpu"), ("tfjs", "js"), ("onnxruntime", "cpu"),
        ("ortjs", "wasm"), ("ortjs", "webgpu"), ("tflite", "cpu"), ("litertjs", "wasm"),
    }  # fmt: skip
    for table in tables:
        assert table.version
        assert len(table.how) > 20
        assert table.operators or not table.complete
