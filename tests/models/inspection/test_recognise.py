"""Files that are taken for models: each is named for what it is, with what to do."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import pytest

from mobilebench.core.errors import BadInput
from mobilebench.models.inspection.recognise import recognise
from tests.pinning import Pinned

from . import tiny_models


def refused(file: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        recognise(file)
    return caught.value


SAFETENSORS = b'{"weight": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}'


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(
            b'{"message": "Not Found", "documentation_url": "https://example.org/rest"}', id="JSON error message"
        ),
        pytest.param(b'{"error": {"code": 404, "detail": "gone"}}', id="error object in JSON"),
        pytest.param(
            b"\xef\xbb\xbf" + b'{"error": "Repository not found"}', id="error message after a byte order mark"
        ),
        pytest.param(b"Entry not found", id="entry not found"),
        pytest.param(b"Invalid username or password.", id="invalid password"),
        pytest.param(b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", id="XML error"),
        pytest.param(b"\n <!DOCTYPE html><html><title>Sign in</title></html>", id="web page"),
        pytest.param(b'<?xml version="1.0"?><net name="x" version="11"><layers/></net>', id="OpenVINO"),
        pytest.param(b'<?xml version="1.0"?><PMML version="4.4"></PMML>', id="PMML"),
        pytest.param(b'{"_class_name": "UNet", "layers": 3}', id="other JSON"),
        pytest.param(struct.pack("<Q", len(SAFETENSORS)) + SAFETENSORS + bytes(4), id="safetensors"),
        pytest.param(b"ftrt" + bytes(60), id="TensorRT"),
        pytest.param(b"7767517\n2 2\nInput data 0 1 data\n", id="NCNN"),
        pytest.param(b"\x93NUMPY\x01\x00" + bytes(60), id="numpy"),
        pytest.param(b"Rar!\x1a\x07\x01\x00" + bytes(60), id="RAR"),
        pytest.param(b"\x80\x05\x95" + bytes(60), id="pickle"),
        pytest.param(bytes(5000), id="zeros"),
        pytest.param(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", id="Git LFS"),
        pytest.param(b'node {\n  name: "x"\n}\n', id="graph as text"),
        pytest.param(b"\xff\xfe" + "hello".encode("utf-16-le"), id="text in UTF-16"),
    ],
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes, pinned: Pinned) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(content)
    with pinned.raises(BadInput) as caught:
        recognise(file)
    assert caught.value.hint  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["metadata.json", "config.json", "model.weights.h5"], id="Keras"),
        pytest.param(["net/data.pkl", "net/data/0", "net/version"], id="PyTorch"),
        pytest.param(["net/data.pkl", "net/code/net.py", "net/constants.pkl"], id="TorchScript"),
        pytest.param(["Net.mlpackage/Manifest.json"], id="Core ML"),
        pytest.param(["a.npy", "b.npy"], id="numpy"),
        pytest.param(["hand_detector.tflite", "hand_landmarks.tflite"], id="models"),
        pytest.param(["readme.txt"], id="others"),
    ],
)
def test_a_zip_archive_is_named_by_what_lies_in_it(tmp_path: Path, names: list[str], pinned: Pinned) -> None:
    file = tmp_path / "net.tflite"
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    with pinned.raises(BadInput):
        recognise(file)


def test_a_cut_zip_archive_is_said_to_be_cut(tmp_path: Path, pinned: Pinned) -> None:
    file = tmp_path / "net.keras"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", "x" * 500)
    file.write_bytes(file.read_bytes()[:200])
    pinned(refused(file).message)


def test_a_byte_order_mark_before_a_model_is_named(tmp_path: Path, pinned: Pinned) -> None:
    file = tmp_path / "model.json"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(tiny_models.tfjs_json()).encode())
    pinned(refused(file).message)


def test_models_are_still_models(tmp_path: Path) -> None:
    assert recognise(tiny_models.tfjs_model(tmp_path / "js"))[1] == "tfjs"
    assert recognise(tiny_models.saved_model(tmp_path / "saved"))[1] == "saved_model"


def test_a_folder_without_its_graph_is_named(tmp_path: Path, pinned: Pinned) -> None:
    folder = tiny_models.saved_model(tmp_path / "saved")
    (folder / "saved_model.pb").unlink()
    pinned(refused(folder).message)


@pytest.mark.parametrize(
    "name",
    ["net.mlmodel", "net.MNN", "net.pdiparams", "model.ckpt-7.data-00000-of-00001", "net.bin", "net.plan"],
)
def test_what_only_its_name_tells_is_said_to_be_named_so(tmp_path: Path, name: str, pinned: Pinned) -> None:
    file = tmp_path / name
    file.write_bytes(b"\x81\x00\xff\x03" * 50)
    pinned(refused(file).message)


def test_a_frozen_tensorflow_graph_is_named(tmp_path: Path, pinned: Pinned) -> None:
    node = b"\x0a\x05input\x12\x0bPlaceholder"
    file = tmp_path / "frozen.pb"
    file.write_bytes(b"".join(b"\x0a" + bytes([len(node)]) + node for _ in range(3)))
    error = refused(file)
    pinned(error.message)
    assert "SavedModel" in str(error.hint)


def test_a_folder_with_several_tfjs_models_names_one_to_give(tmp_path: Path, pinned: Pinned) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text(json.dumps(tiny_models.tfjs_json()))
    error = refused(tmp_path)
    pinned(error.message)
    assert "a.json" in str(error.hint)
