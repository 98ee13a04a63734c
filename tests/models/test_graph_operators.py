from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Kernel, Measurement
from mobilebench.models import graph_operators as room
from mobilebench.models.graph_operators import file_operators, matched, with_graph
from mobilebench.models.manifest import Fill, FormatFile, InputSpec, Manifest, ModelFiles
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
    monkeypatch.setattr(room, "inspect", lambda *_, **__: pytest.fail("read again"))
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
