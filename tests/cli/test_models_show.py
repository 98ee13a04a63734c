"""`mobilebench models show`, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mobilebench.models import store
from mobilebench.models.build import cache
from mobilebench.models.manifest import Fill, FormatFile, InputSpec, Manifest
from tests.cli.command_line import mobilebench
from tests.models.inspection import tiny_models
from tests.pinning import Pinned


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))


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


@pytest.mark.slow
def test_a_file_with_open_axes_says_how_to_close_them(file: Path) -> None:
    code, out, _ = mobilebench(f"models show {file}")
    assert code == 0
    assert "? x 3 x 8 x 8" in out
    assert "not known" in out
    assert "--input image=1x3x8x8" in out


def test_a_file_with_a_chosen_batch(file: Path) -> None:
    code, out, _ = mobilebench(f"models show {file} --input image=2x3x8x8")
    assert code == 0
    assert "13 864 (FLOPs = 2 x MACs = 27 728)" in out
    assert "onnxruntime" in out


def test_json(file: Path) -> None:
    code, out, _ = mobilebench(f"models show {file} --input image=1x3x8x8 --json")
    found = json.loads(out)["files"][0]
    assert code == 0
    assert (found["macs"], found["flops"], found["parameters"]) == (6932, 13864, 137)
    assert found["lacking"]["onnxruntime/cpu"] == []


@pytest.mark.slow
def test_a_built_model_by_name(built: str) -> None:
    code, out, _ = mobilebench(f"models show {built}")
    assert code == 0
    assert "FULLY_CONNECTED" in out
    assert "On this computer" in out


@pytest.mark.parametrize(
    "arguments",
    [
        "squeezenet --format tfjs",
        "squeezenet --precision int8",
        "squeezenet --precision int3",
        "squeezenet --format caffe",
        "squeezenet --input image=1x2",
        "squeezenet --signature serve",
        "resnet50",
        "./absent.onnx --precision int8",
    ],
)
def test_bad_input(built: str, arguments: str, pinned: Pinned) -> None:
    code, out, err = mobilebench(f"models show {arguments}")
    assert (code, out) == (2, "")
    pinned(err)


@pytest.mark.parametrize("name", ["no_such_model", "./absent.onnx"])
def test_a_model_or_file_that_does_not_exist(name: str) -> None:
    code, out, err = mobilebench(f"models show {name}")
    assert (code, out) == (2, "")
    assert name.removeprefix("./") in err


@pytest.mark.parametrize("text", ["image", "=1x2", "image=1xtwo", "image=-1x2", "image="])
def test_bad_shapes(file: Path, text: str, pinned: Pinned) -> None:
    code, _, err = mobilebench(f"models show {file} --input {text}")
    assert code == 2
    pinned(err)
