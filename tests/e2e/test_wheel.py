"""The wheel in an empty environment, on a PATH with neither compiler nor node: what a user has who installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from mobilebench.core.records import Block
from mobilebench.engines import libraries
from mobilebench.results.store import Store
from scripts import build_wheel

pytestmark = [pytest.mark.browser, pytest.mark.build, pytest.mark.network, pytest.mark.slow, pytest.mark.timeout(600)]

BUILDS = {libraries.host_build(), "android-arm64-v8a", "android-armeabi-v7a", "android-x86_64"}
LARGEST = 50_000_000
"""Bytes. Should the older releases of web engines need more, they have to be downloaded instead."""
MODEL = """
import numpy, onnx
from onnx import TensorProto, helper, numpy_helper

size = 512
weights = numpy.random.default_rng(1).standard_normal((size, size)).astype(numpy.float32) / size**0.5
names = ["x", "h1", "h2", "h3", "y"]
nodes = [helper.make_node("MatMul", [one, "w"], [other]) for one, other in zip(names, names[1:])]
x, y = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 64, size]) for name in ("x", "y")]
graph = helper.make_graph(nodes, "mine", [x], [y], [numpy_helper.from_array(weights, "w")])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "mine.onnx")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made of the pages and runners that are built here."""
    return build_wheel.build(tmp_path_factory.mktemp("wheel"))


class Installed:
    """The wheel with its dependencies in an environment of its own, called as a user calls it."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.programs = folder / "venv" / "bin"
        self.environment = {
            "PATH": str(self.programs),
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "MOBILEBENCH_HOME": str(self.home),
            "MOBILEBENCH_CACHE": str(folder / "cache"),
        }
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        install = [self.programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel]
        subprocess.run(install, check=True)

    def run(self, program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.programs / program, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def measured(self) -> list[Block]:
        with Store.open(self.home, create=False) as store:
            return store.load("last").blocks


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    installed = Installed(wheel, tmp_path_factory.mktemp("user"))
    assert not any(
        shutil.which(tool, path=str(installed.programs)) for tool in ("cc", "clang", "node", "cmake", "make")
    )
    for program, *arguments in (["python", "-c", MODEL], ["mobilebench", "models", "add", "mine.onnx"]):
        done = installed.run(program, *arguments)
        assert done.returncode == 0, done.stderr
    return installed


def test_it_carries_every_runner_and_the_pages(wheel: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    assert wheel.stat().st_size < LARGEST
    with zipfile.ZipFile(wheel) as packed:
        entries = {entry.filename: entry for entry in packed.infolist()}
    runners = {f"mobilebench/assets/runners/{build}/mobilebench-runner" for build in BUILDS}
    for_this_computer = f"mobilebench/assets/runners/{libraries.host_build()}/libmobilebench-runner.so"
    assert {name for name in entries if "/runners/" in name} == runners | {for_this_computer}, "phones' are in the APK"
    assert {name for name in entries if "assets/app/" in name} == {
        f"mobilebench/assets/app/{name}" for name in ("core.jar", "json.jar", "mobilebench.apk")
    }
    assert all(entries[name].external_attr >> 16 & 0o111 for name in runners)
    assert "mobilebench/assets/web/bench.html" in entries
    assert any(name.endswith(".wasm") for name in entries)
    assert not [name for name in entries if name.endswith((".map", ".c", ".ts")) or "tests/" in name]
    assert not [name for name in entries if "assets/sources" in name]
    sums = [(entry.CRC, entry.file_size) for entry in entries.values() if entry.file_size > 2**20]
    assert len(sums) == len(set(sums)), "nothing large is carried twice"


def test_its_commands_answer(installed: Installed) -> None:
    helped = installed.run("mobilebench", "--help")
    assert (helped.returncode, "devices" in helped.stdout) == (0, True), helped.stderr
    devices = installed.run("mobilebench", "devices")
    assert (devices.returncode, "host" in devices.stdout) == (0, True), devices.stderr


def test_a_model_of_ones_own_is_measured_without_tensorflow(installed: Installed) -> None:
    assert installed.run("python", "-c", "import tensorflow").returncode != 0
    options = ["--suite", "quick", "--serial", "host", "--engine", "onnxruntime", "--threads", "1", "--model", "mine"]
    done = installed.run("mobilebench", "run", *options)
    assert done.returncode in {0, 4}, done.stdout + done.stderr
    blocks = installed.measured()
    assert blocks
    assert {block.outcome for block in blocks} == {"measured"}
    assert list((installed.home / "runs").glob("*/report.html"))


def test_a_page_of_the_wheel_measures_it(installed: Installed) -> None:
    chrome = os.environ.get("MOBILEBENCH_CHROME") or shutil.which("chromium") or shutil.which("google-chrome")
    assert chrome, "run `make setup` first"
    options = ["--suite", "quick", "--serial", "host", "--engine", "ortjs", "--model", "mine"]
    done = installed.run("mobilebench", "run", *options, MOBILEBENCH_CHROME=chrome)
    assert done.returncode in {0, 4}, done.stdout + done.stderr
    assert {block.outcome for block in installed.measured()} == {"measured"}


def test_what_cannot_be_fetched_without_a_client_is_said(installed: Installed) -> None:
    options = ["--serial", "host", "--engine", "tflite", "--model", "mine"]
    done = installed.run("mobilebench", "run", *options)
    assert {block.outcome for block in installed.measured()} == {"unsupported"}
    assert "mvn" in done.stdout + done.stderr
