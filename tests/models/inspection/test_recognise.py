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
    ("content", "says"),
    [
        (b'{"message": "Not Found", "documentation_url": "https://example.org/rest"}', "error message, not a model"),
        (b'{"error": {"code": 404, "detail": "gone"}}', "error message, not a model"),
        (b"\xef\xbb\xbf" + b'{"error": "Repository not found"}', "error message, not a model"),
        (b"Entry not found", "error message, not a model"),
        (b"Invalid username or password.", "error message, not a model"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "error message, not a model"),
        (b"\n <!DOCTYPE html><html><title>Sign in</title></html>", "web page"),
        (b'<?xml version="1.0"?><net name="x" version="11"><layers/></net>', "OpenVINO"),
        (b'<?xml version="1.0"?><PMML version="4.4"></PMML>', "PMML"),
        (b'{"_class_name": "UNet", "layers": 3}', "JSON but no TF.js model"),
        (struct.pack("<Q", len(SAFETENSORS)) + SAFETENSORS + bytes(4), "safetensors"),
        (b"ftrt" + bytes(60), "TensorRT"),
        (b"7767517\n2 2\nInput data 0 1 data\n", "NCNN"),
        (b"\x93NUMPY\x01\x00" + bytes(60), "numpy"),
        (b"Rar!\x1a\x07\x01\x00" + bytes(60), "RAR"),
        (b"\x80\x05\x95" + bytes(60), "pickle"),
        (bytes(5000), "zeros"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
        (b'node {\n  name: "x"\n}\n', "graph as text"),
        (b"\xff\xfe" + "hello".encode("utf-16-le"), "holds text"),
    ],
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "net.onnx"
    file.write_bytes(content)
    error = refused(file)
    assert says in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("names", "says", "hint"),
    [
        (["metadata.json", "config.json", "model.weights.h5"], "Keras file", "SavedModel"),
        (["net/data.pkl", "net/data/0", "net/version"], "PyTorch file", "ONNX"),
        (["net/data.pkl", "net/code/net.py", "net/constants.pkl"], "TorchScript", "ONNX"),
        (["Net.mlpackage/Manifest.json"], "Core ML", "ONNX"),
        (["a.npy", "b.npy"], "numpy", "ONNX"),
        (["hand_detector.tflite", "hand_landmarks.tflite"], "holds hand_detector.tflite", "give hand_detector.tflite"),
        (["readme.txt"], "zip archive", "Unpack"),
    ],
)
def test_a_zip_archive_is_named_by_what_lies_in_it(tmp_path: Path, names: list[str], says: str, hint: str) -> None:
    file = tmp_path / "net.tflite"
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    error = refused(file)
    assert says in error.message
    assert hint in str(error.hint)


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
    ("name", "says"),
    [
        ("net.mlmodel", "Core ML"),
        ("net.MNN", "MNN"),
        ("net.pdiparams", "PaddlePaddle"),
        ("model.ckpt-7.data-00000-of-00001", "checkpoint"),
        ("net.bin", "weights alone"),
        ("net.plan", "TensorRT"),
    ],
)
def test_what_only_its_name_tells_is_said_to_be_named_so(tmp_path: Path, name: str, says: str, pinned: Pinned) -> None:
    file = tmp_path / name
    file.write_bytes(b"\x81\x00\xff\x03" * 50)
    message = refused(file).message
    pinned(message)
    assert says in message


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
