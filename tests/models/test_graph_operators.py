from __future__ import annotations

from pathlib import Path

import pytest

from mobilebench.errors import BadInput
from mobilebench.models import graph_operators as room
from mobilebench.models.graph_operators import graph_operators
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
        variant="fp32",
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
        one.operator: one for one in graph_operators(model(tmp_path, tiny_models.onnx_model(), "1" * 64, []), "onnx")
    }
    assert (found["Conv"].count, found["Conv"].parameters, found["Conv"].macs) == (1, 112, 6912)
    assert (found["Gemm"].count, found["Gemm"].parameters, found["Gemm"].macs) == (1, 25, 20)
    assert sum(one.macs or 0 for one in found.values()) == tiny_models.MACS


def test_open_sizes_are_those_that_are_measured(tmp_path: Path) -> None:
    files = model(tmp_path, tiny_models.onnx_model(batch="n"), "2" * 64, ["picture"])
    assert sum(one.macs or 0 for one in graph_operators(files, "onnx")) == tiny_models.MACS


def test_a_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = model(tmp_path, tiny_models.onnx_model(), "3" * 64, [])
    first = graph_operators(files, "onnx")
    monkeypatch.setattr(room, "inspect", lambda *_, **__: pytest.fail("read again"))
    assert graph_operators(files, "onnx") == first


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"net\.onnx"):
        graph_operators(model(tmp_path, b"\x08\x07nonsense", "4" * 64, []), "onnx")
