"""Users' models from end to end: other formats, and measured in the engines that take them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mobilebench.core import paths
from mobilebench.models.manifest import AddedManifest, Behaviour, Fill, FormatFile, InputSpec, Manifest, ModelFiles
from mobilebench.models.user_models import converting, onnx2tf
from mobilebench.models.user_models.importer import Added
from tests.pinning import Pinned

from .making_onnx import images, text_model

SAVED_MODEL = """
import sys
import tensorflow as tf

random = tf.random.Generator.from_seed(1)


class Network(tf.Module):
    def __init__(self):
        self.first = tf.Variable(random.normal((3, 3, 3, 8)) * 0.3)
        self.apart = tf.Variable(random.normal((3, 3, 8, 1)) * 0.3)
        self.bias = tf.Variable(random.normal((8,)))
        self.last = tf.Variable(random.normal((8, 5)))

    @tf.function
    def serve(self, image, which):
        x = tf.nn.relu6(tf.nn.bias_add(tf.nn.conv2d(image, self.first, 2, "SAME"), self.bias))
        x = tf.nn.relu(tf.nn.bias_add(tf.nn.depthwise_conv2d(x, self.apart, [1, 1, 1, 1], "SAME"), self.bias))
        x = tf.reduce_mean(x, [1, 2])
        return {"logits": tf.matmul(x, self.last) + tf.cast(which, tf.float32)[:, None], "features": x}


network = Network()
serve = network.serve.get_concrete_function(
    tf.TensorSpec([1, 64, 64, 3], tf.float32, name="image"), tf.TensorSpec([1], tf.int64, name="which")
)
tf.saved_model.save(network, sys.argv[1], {"serving_default": serve})
"""


NOT_PURE = """
import sys
import tensorflow as tf


class Network(tf.Module):
    def __init__(self):
        self.sum = tf.Variable(tf.zeros([1, 4]))

    @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.float32, name="x")])
    def stateful(self, x):
        return {"y": self.sum.assign_add(x) + x}

    @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.float32, name="x")])
    def random(self, x):
        return {"y": x + tf.random.uniform([1, 4])}

    @tf.function(input_signature=[tf.TensorSpec([1, 4], tf.float32, name="x")])
    def seeded(self, x):
        return {"y": x + tf.random.stateless_uniform([1, 4], seed=[1, 2])}


network = Network()
for name in ("stateful", "random", "seeded"):
    tf.saved_model.save(network, f"{sys.argv[1]}/{name}", {"serving_default": getattr(network, name)})
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def mobilebench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mobilebench", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=850)


@pytest.mark.build
@pytest.mark.network
def test_an_onnx_model_is_added_and_measured(tmp_path: Path, home: Path) -> None:
    file = text_model(tmp_path / "my_net.onnx", sequence=128, width=256)
    done = mobilebench("models", "add", str(file), "--json")
    assert done.returncode == 0, done.stderr
    run = mobilebench(
        "run", "--serial", "host", "--model", "my_net", "--engine", "onnxruntime,ortjs,tfjs", "--threads", "1",
        "--setting", "default,simd-threads", "--json",
    )  # fmt: skip
    counts = json.loads(run.stdout)["counts"]
    assert counts["unsupported"] > 0, run.stderr
    assert counts.get("invalid", 0) == counts.get("failed", 0) == 0, run.stderr
    assert counts["valid"] + counts.get("suspect", 0) == 6, run.stderr
    assert counts["valid"] >= 2, run.stderr


@pytest.mark.build
@pytest.mark.network
def test_a_saved_model_is_converted_into_every_format(tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "net"
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    subprocess.run([sys.executable, "-c", SAVED_MODEL, str(folder)], check=True, capture_output=True, env=quiet)
    done = mobilebench("models", "add", str(folder), "--convert", "--json")
    assert done.returncode == 0, done.stderr
    manifest = AddedManifest.model_validate(json.loads(done.stdout)["manifest"])
    assert set(manifest.formats) == {"saved_model", "tflite", "onnx", "tfjs"}
    assert manifest.unsupported == {}
    assert manifest.formats["tflite"].input_dtypes == {"which": "int32"}

    model = home / "models" / manifest.weights.removeprefix("added: ")
    again = mobilebench("models", "add", str(model / manifest.formats["tfjs"].path), "--name", "as_tfjs", "--json")
    assert again.returncode == 0, again.stderr
    other = AddedManifest.model_validate(json.loads(again.stdout)["manifest"])
    assert other.reference_engine == "tensorflow"
    largest = sorted(one.max for one in manifest.reference)
    assert sorted(one.max for one in other.reference) == pytest.approx(largest, rel=1e-4), "nothing was lost unfolding"


@pytest.mark.build
@pytest.mark.network
def test_saved_models_that_count_or_draw_numbers_are_told_from_pure_ones(tmp_path: Path, home: Path) -> None:
    subprocess.run([sys.executable, "-c", NOT_PURE, str(tmp_path)], check=True, capture_output=True)
    found = {}
    for name in ("stateful", "random", "seeded"):
        done = mobilebench("models", "add", str(tmp_path / name), "--json")
        assert done.returncode == 0, done.stderr
        found[name] = AddedManifest.model_validate(json.loads(done.stdout)["manifest"]).behaviour
    assert found["stateful"].model_copy(update={"operators": []}) == Behaviour(stateful=True)
    assert found["random"] == Behaviour(random=True, operators=["RandomUniform"])
    assert found["seeded"] == Behaviour()


@pytest.mark.slow
@pytest.mark.build
@pytest.mark.network
@pytest.mark.timeout(900)
def test_onnx2tf_converts_and_is_checked(tmp_path: Path, home: Path) -> None:
    """Installs onnx2tf once: minutes, and 2 GB in the cache."""
    done = mobilebench("models", "add", str(images(tmp_path / "net.onnx", 32)), "--convert", "--json")
    assert done.returncode == 0, done.stderr
    manifest = AddedManifest.model_validate(json.loads(done.stdout)["manifest"])
    assert set(manifest.formats) == {"onnx", "tflite", "tfjs"}
    assert set(manifest.unsupported) == {"saved_model"}


def an_onnx(folder: Path, precision: str = "fp32", own: str = "onnx") -> ModelFiles:
    one = FormatFile(path="net", sha256="", bytes=0, inputs={"x": "x"}, outputs={"y": "y"})
    manifest = Manifest(
        source="added",
        model="net",
        precision=precision,
        batch=1,
        weights="added: 0",
        seed=None,
        inputs=[InputSpec(name="x", dtype="float32", shape=[1], fill=Fill(kind="uniform", low=-1, high=1))],
        outputs=["y"],
        formats={own: one},
        unsupported=dict.fromkeys({"saved_model", "tflite", "onnx", "tfjs"} - {own}, "not asked for"),
        reference=[],
        tolerance=1e-4,
        parameters=0,
        built_with={},
    )
    (folder / "kept").mkdir()
    return ModelFiles(folder / "kept", manifest)


@pytest.mark.parametrize(
    ("own", "precision", "other"),
    [
        ("tflite", "fp32", "onnx"),
        ("tfjs", "fp32", "tflite"),
        ("onnx", "fp32", "saved_model"),
        ("onnx", "int8", "tflite"),
    ],
)
def test_what_cannot_be_converted_has_its_reason(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, pinned: Pinned, own: str, precision: str, other: str
) -> None:
    monkeypatch.setattr(converting, "_make", lambda *_: ({}, {}))
    taken = converting.convert(Added(an_onnx(tmp_path, precision, own)), lambda _: None)
    pinned(taken.files.manifest.unsupported[other])  # type: ignore[index]


def test_a_difference_says_how_large_it_is(pinned: Pinned) -> None:
    wanted = {"y": np.array([[5.9, -1.0]], np.float32)}
    assert converting.difference({"y": wanted["y"] + 5e-5}, wanted, "its .tflite") is None
    far = converting.difference({"y": np.array([[1.0, -1.0]], np.float32)}, wanted, "onnx2tf's .tflite")
    pinned(str(far))
    pinned(str(converting.difference({"y": wanted["y"].T}, wanted, "it")))
    pinned(str(converting.difference({"y": wanted["y"] * np.nan}, wanted, "it")))


@pytest.mark.build
@pytest.mark.network
def test_what_pip_says_is_told(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("./nothing-of-this-name.whl\n")
    monkeypatch.setattr(paths, "requirements", lambda _: wrong)
    told: list[str] = []
    with pytest.raises(converting.MobilebenchError, match=r"could not be installed: .*nothing-of-this-name") as refused:
        onnx2tf.environment(told.append)
    assert "The model itself was added" in str(refused.value.hint)
    assert not [place for place in (tmp_path / "cache" / "environments").iterdir() if place.is_dir()]
