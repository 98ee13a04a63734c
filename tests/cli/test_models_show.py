"""`mobilebench models show`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mobilebench.cli import app
from mobilebench.models import store
from mobilebench.models.build import cache
from mobilebench.models.manifest import Fill, FormatFile, InputSpec, Manifest
from tests.models.inspection import tiny_models
from tests.pinning import Pinned

runner = CliRunner()


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))


def show(*arguments: str) -> tuple[int, str, str]:
    result = runner.invoke(app, ["models", "show", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "own.onnx"
    place.write_bytes(tiny_models.onnx_model("batch"))
    return place


@pytest.fixture
def built() -> str:
    """`squeezenet` as if it was built: the tiny model in its place."""
    data = tiny_models.tflite_model()
    folder = cache.folder_of("squeezenet", "fp32", 1)
    folder.mkdir(parents=True)
    (folder / "net.tflite").write_bytes(data)
    manifest = Manifest(
        model="squeezenet",
        precision="fp32",
        batch=1,
        weights="seeded",
        seed=1,
        inputs=[InputSpec(name="image", dtype="float32", shape=[1], fill=Fill(kind="uniform", low=0, high=1))],
        outputs=["logits"],
        formats={"tflite": FormatFile(path="net.tflite", sha256="0", bytes=len(data), inputs={}, outputs={})},
        unsupported={"tfjs": "this one was not made"},
        reference=[],
        tolerance=1e-4,
        parameters=137,
        built_with={},
    )
    (folder / store.MANIFEST).write_text(manifest.model_dump_json())
    return "squeezenet"


def test_a_file_with_open_axes_says_how_to_close_them(file: Path) -> None:
    code, out, _ = show(str(file))
    assert code == 0
    assert "? x 3 x 8 x 8" in out
    assert "not known" in out
    assert "--input image=1x3x8x8" in out


def test_a_file_with_a_chosen_batch(file: Path) -> None:
    code, out, _ = show(str(file), "--input", "image=2x3x8x8")
    assert code == 0
    assert "13 864 (FLOPs = 2 x MACs = 27 728)" in out
    assert "onnxruntime" in out


def test_json(file: Path) -> None:
    code, out, _ = show(str(file), "--input", "image=1x3x8x8", "--json")
    found = json.loads(out)["files"][0]
    assert code == 0
    assert (found["macs"], found["flops"], found["parameters"]) == (6932, 13864, 137)
    assert found["lacking"]["onnxruntime/cpu"] == []


def test_a_built_model_by_name(built: str) -> None:
    code, out, _ = show(built)
    assert code == 0
    assert "FULLY_CONNECTED" in out
    assert "On this computer" in out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("squeezenet", "--format", "tfjs"), "has no tfjs: this one was not made"),
        (("squeezenet", "--precision", "int8"), "squeezenet int8 is not built here"),
        (("squeezenet", "--precision", "int3"), "There is no precision 'int3'"),
        (("squeezenet", "--format", "caffe"), "There is no format 'caffe'"),
        (("squeezenet", "--input", "image=1x2"), "--input is for files"),
        (("resnet50",), "resnet50 is not built here"),
        (("no_such_model",), "There is no model 'no_such_model'"),
        (("./absent.onnx",), "There is no file"),
    ],
)
def test_bad_input(built: str, arguments: tuple[str, ...], words: str) -> None:
    code, _, err = show(*arguments)
    assert code == 2
    assert words in err


@pytest.mark.parametrize("text", ["image", "=1x2", "image=1xtwo", "image=-1x2", "image="])
def test_bad_shapes(file: Path, text: str, pinned: Pinned) -> None:
    code, _, err = show(str(file), "--input", text)
    assert code == 2
    pinned(err)
