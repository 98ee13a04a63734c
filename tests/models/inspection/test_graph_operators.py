"""The operators of models: how many, which kernels compute them, and which of them engines lack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Kernel, Measurement
from mobilebench.models.inspection import graph_operators
from mobilebench.models.inspection.graph_operators import file_operators, matched, with_graph
from mobilebench.models.inspection.inspecting import Description, OperatorCount
from mobilebench.models.manifest import Fill, Format, FormatFile, InputSpec, Manifest, ModelFiles
from tests.models.inspection import tiny_models


def model(folder: Path, content: bytes, sha256: str, open_inputs: list[str]) -> ModelFiles:
    (folder / "net.onnx").write_bytes(content)
    entry = FormatFile(
        path="net.onnx",
        sha256=sha256,
        bytes=len(content),
        inputs={"picture": "image"},
        outputs={"answer": "answer"},
        open_inputs=open_inputs,
    )
    manifest = Manifest(
        model="tiny",
        precision="fp32",
        batch=1,
        weights="seeded",
        seed=1,
        inputs=[
            InputSpec(name="picture", dtype="float32", shape=[1, 3, 8, 8], fill=Fill(kind="uniform", low=0, high=1))
        ],
        outputs=["answer"],
        formats={"onnx": entry},
        reference=[],
        tolerance=1e-4,
        parameters=tiny_models.PARAMETERS,
        built_with={},
    )
    return ModelFiles(folder, manifest)


def test_operators_of_a_built_model_with_parameters_and_arithmetic(tmp_path: Path) -> None:
    found = {
        one.operator: one
        for one in file_operators(model(tmp_path, tiny_models.onnx_model(), "1" * 64, []), "onnx").operators
    }
    assert (found["Conv"].count, found["Conv"].parameters, found["Conv"].macs) == (1, 112, 6912)
    assert (found["Gemm"].count, found["Gemm"].parameters, found["Gemm"].macs) == (1, 25, 20)
    assert sum(one.macs or 0 for one in found.values()) == tiny_models.MACS


def test_open_sizes_are_those_that_are_measured(tmp_path: Path) -> None:
    files = model(tmp_path, tiny_models.onnx_model(batch="n"), "2" * 64, ["picture"])
    assert sum(one.macs or 0 for one in file_operators(files, "onnx").operators) == tiny_models.MACS


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = model(tmp_path, tiny_models.onnx_model(), "3" * 64, [])
    first = file_operators(files, "onnx")
    monkeypatch.setattr(graph_operators, "inspect", lambda *_, **__: pytest.fail("read again"))
    assert file_operators(files, "onnx") == first


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"net\.onnx"):
        file_operators(model(tmp_path, b"\x08\x07nonsense", "4" * 64, []), "onnx")


def kernel(name: str, **more: Any) -> Kernel:
    return Kernel(name=name, times_ms=[1.0], **more)


XNNPACK = [
    "Convolution (NHWC, F32) IGEMM",
    "Convolution (NHWC, F32) DWConv",
    "Add (ND)",
    "Fully Connected (NC, F32) GEMM",
]


def test_a_pointwise_convolution_that_ran_as_a_matrix_product_is_told() -> None:
    kernels = [kernel(name) for name in (*XNNPACK, "Fully Connected (NC, F32) GEMM")]
    found = matched(kernels, ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "FULLY_CONNECTED"], "tflite")
    assert [one.operator for one in found] == ["CONV_2D", "DEPTHWISE_CONV_2D", None, "CONV_2D", "FULLY_CONNECTED"]
    assert [one.name for one in found] == [one.name for one in kernels]


@pytest.mark.parametrize(
    "computing",
    [
        ["CONV_2D", "DEPTHWISE_CONV_2D"],
        ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "CONV_2D"],
        ["DEPTHWISE_CONV_2D", "CONV_2D", "CONV_2D"],
        ["CONV_2D", "TRANSPOSE_CONV", "CONV_2D"],
    ],
)
def test_where_number_or_order_do_not_fit_nothing_is_guessed(computing: list[str]) -> None:
    assert {one.operator for one in matched([kernel(name) for name in XNNPACK], computing, "tflite")} == {None}


def test_a_collapsed_part_stands_for_no_single_operator() -> None:
    kernels = [kernel("Convolution (NHWC, F32) IGEMM", collapsed=True)]
    assert matched(kernels, ["CONV_2D"], "tflite")[0].operator is None


@pytest.mark.parametrize(("engine", "operator"), [("tflite", "Conv"), ("onnxruntime", None)])
def test_only_engines_that_keep_the_files_order_are_matched(tmp_path: Path, engine: str, operator: str | None) -> None:
    files = model(tmp_path, tiny_models.onnx_model(), "5" * 64, [])
    measured = Measurement(
        schema_="mobilebench/measurement/1",
        status="ok",
        engine=engine,
        pass_="kernels",
        kernels=[kernel("Conv"), kernel("Relu"), kernel("Gemm")],
    )
    found = with_graph(measured, files, "onnx")
    assert found.kernels[0].operator == operator
    assert sum(one.macs or 0 for one in found.graph) == tiny_models.MACS


def described(format_: Format, *operators: str, opset: int = 17) -> Description:
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
    ("model", "engine", "backend", "expected"),
    [
        (described("tfjs", "_FusedConv2D", "Abs", "Transpose"), "tfjs", "wasm", []),
        (described("tfjs", "Relu", "Einsum"), "tfjs", "wasm", ["Einsum"]),
        (described("tfjs", "Relu", "Einsum"), "tfjs", "webgl", []),
        (described("tfjs", "Erfc"), "tfjs", "webgl", ["Erfc"]),
        (described("tfjs", "Erfc", "Einsum"), "tfjs", "webgpu", ["Erfc"]),
        (described("tfjs", "Erfc", "Einsum"), "tfjs", "js", ["Erfc"]),
        (described("tflite", "CONV_2D", "SOFTMAX", "GELU"), "tflite", "cpu", []),
        (described("tflite", "CONV_2D", "custom:Own", "flex:FlexErf"), "tflite", "cpu", ["custom:Own", "flex:FlexErf"]),
        (described("tflite", "CONV_2D"), "litertjs", "wasm", None),
        (described("tflite", "CONV_2D", "custom:Own"), "litertjs", "wasm", ["custom:Own"]),
        (described("onnx", "Conv", "Relu", "com.microsoft:FusedConv"), "onnxruntime", "cpu", []),
        (described("onnx", "Conv", "mine:Own"), "onnxruntime", "cpu", ["mine:Own"]),
        (described("onnx", "Conv", opset=999), "onnxruntime", "cpu", ["Conv"]),
        (described("onnx", "Gelu", opset=17), "onnxruntime", "cpu", ["Gelu"]),
        (described("onnx", "Gelu", opset=20), "onnxruntime", "cpu", []),
        (described("onnx", "Conv", "ImageDecoder", opset=20), "ortjs", "wasm", ["ImageDecoder"]),
        (described("onnx", "Conv", "com.microsoft:FusedConv"), "ortjs", "wasm", None),
        (described("onnx", "Conv", "LSTM"), "ortjs", "webgpu", ["LSTM"]),
        (described("onnx", "Conv"), "tflite", "cpu", None),
        (described("onnx", "Conv"), "onnxruntime", "abacus", None),
    ],
)
def test_missing(model: Description, engine: str, backend: str, expected: list[str] | None) -> None:
    assert graph_operators.missing(model, engine, backend) == expected


def test_every_table_says_its_version_and_how_it_was_made() -> None:
    tables = graph_operators.tables()
    assert {(one.engine, one.backend) for one in tables} >= {
        ("tfjs", "wasm"), ("tfjs", "webgl"), ("tfjs", "webgpu"), ("tfjs", "js"), ("onnxruntime", "cpu"),
        ("ortjs", "wasm"), ("ortjs", "webgpu"), ("tflite", "cpu"), ("litertjs", "wasm"),
    }  # fmt: skip
    for table in tables:
        assert table.version
        assert len(table.how) > 20
        assert table.operators or not table.complete
