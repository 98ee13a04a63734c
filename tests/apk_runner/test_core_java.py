"""Engines that only have Java classes: ONNX Runtime's, against the C runner on the same models."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from apk_runner import archives
from mobilebench.core import paths
from mobilebench.core.records import Measurement
from mobilebench.engines import libraries
from mobilebench.engines.libraries import unpack
from tests.apk_runner import core
from tests.native import running
from tests.native.models import endless_memory, negative
from tests.native.running import INPUT, OUTPUT, onnx_arguments, real_arguments

pytestmark = pytest.mark.build

X64_LIBRARY = "ai/onnxruntime/native/linux-x64/libonnxruntime.so"


@pytest.fixture(scope="module")
def runner() -> Path:
    return paths.runner(libraries.host_build())


def without_library(arguments: list[str]) -> list[str]:
    """Java classes bring their own library, so the option is refused."""
    at = arguments.index("--library")
    return arguments[:at] + arguments[at + 2 :]


def run(folder: Path, arguments: list[str]) -> tuple[int, Measurement, subprocess.CompletedProcess[str]]:
    return core.run(folder, without_library(arguments), ort=True, runner="java")


@pytest.mark.parametrize("access", ["read", "mapped"])
@pytest.mark.parametrize("model", ["mobilenet_v2", "bert_small"])
def test_java_and_c_give_the_same_answer_bit_by_bit(tmp_path: Path, runner: Path, model: str, access: str) -> None:
    arguments = real_arguments("onnxruntime", model, max_predictions="3", model_access=access)
    code, found, _ = run(tmp_path, arguments)
    program = running.measured(runner, *arguments)
    assert (code, found.reason) == (0, None)
    assert found.output == program.output
    assert found.version == program.version
    assert set(found.setup_ms) == {"library_load", "model_read", "session_creation"}
    assert found.proof.files[0] == program.proof.files[0]
    assert found.proof.files[1].name.endswith("/libonnxruntime.so")
    assert found.proof.model_access == access
    assert found.proof.affinity == program.proof.affinity
    assert found.proof.cpuset == program.proof.cpuset
    assert found.proof.priority == program.proof.priority
    assert found.proof.backend is None
    assert any("do not report which nodes" in note for note in found.proof.notes)


@pytest.mark.alone
@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_read_back(tmp_path: Path, threads: int) -> None:
    arguments = real_arguments("onnxruntime", "mobilenet_v2", threads=str(threads), min_predictions="20")
    _, found, _ = run(tmp_path, arguments)
    assert found.proof.threads == found.proof.threads_alive == threads


@pytest.mark.parametrize(
    ("format_", "number", "fill"),
    [
        ("float32", 1, "uniform:-3:3"),
        ("int32", 6, "integers:-70000:70000"),
        ("int64", 7, "integers:-3:5000000"),
        ("int8", 3, "integers:-128:128"),
    ],
)
def test_every_number_format_is_filled_and_summed_up_alike(
    tmp_path: Path, runner: Path, format_: str, number: int, fill: str
) -> None:
    model = negative(tmp_path / "negative.onnx", "batch", 50, dtype=number)
    arguments = onnx_arguments(model, "--input", f"x,{format_},open:1x50,{fill}", *OUTPUT, "--batch", "3")
    code, found, _ = run(tmp_path, arguments)
    assert (code, found.reason) == (0, None)
    assert found.output == running.measured(runner, *arguments).output
    assert found.output[0].shape == [3, 50]


def test_values_of_a_file_are_taken_as_they_are(tmp_path: Path, runner: Path) -> None:
    values = tmp_path / "values, of a test.bin"
    values.write_bytes(b"\x00\x00\x80\x3f" * 3 + b"\x00\x00\xc0\x7f")
    arguments = onnx_arguments(
        negative(tmp_path / "negative.onnx", 1, 4), "--input", f"x,float32,1x4,file:{values}", *OUTPUT
    )
    _, found, _ = run(tmp_path, arguments)
    assert found.output == running.measured(runner, *arguments).output
    assert found.output[0].non_finite == 1
    values.write_bytes(b"short")
    code, found, _ = run(tmp_path, arguments)
    assert (code, found.reason) == (1, f"`{values}` holds 5 bytes, but its input has 16")


def test_the_library_of_the_proof_is_the_one_in_the_archive(tmp_path: Path) -> None:
    if libraries.host_build() != "linux-x86_64":
        pytest.skip("the member's name is that of another processor")
    _, found, _ = run(tmp_path, onnx_arguments(negative(tmp_path / "n.onnx", 1, 4), *INPUT, *OUTPUT))
    unpack.from_zip(archives.obtain("onnxruntime")[0], X64_LIBRARY, tmp_path / "library.so")
    assert found.proof.files[1].bytes == (tmp_path / "library.so").stat().st_size


TRAP = """
#include <sys/socket.h>
#include <unistd.h>
int connect(int socket, const struct sockaddr *to, socklen_t bytes) {
    (void)socket, (void)bytes;
    if (to->sa_family == AF_INET || to->sa_family == AF_INET6)
        _exit(99);
    return -1;
}
"""


def test_nothing_connects_to_the_network(tmp_path: Path) -> None:
    """ONNX Runtime would send telemetry. The variable that forbids it is set for native code alone."""
    trap = tmp_path / "trap.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-xc", "-", "-o", trap], input=TRAP, text=True, check=True)
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    environment["LD_PRELOAD"] = str(trap)
    connecting = "import socket; socket.socket().connect(('127.0.0.1', 9))"
    assert subprocess.run([sys.executable, "-c", connecting], env=environment, check=False).returncode == 99
    arguments = without_library(onnx_arguments(negative(tmp_path / "n.onnx", 1, 4), *INPUT, *OUTPUT))
    command = core.command(core.job(tmp_path, arguments, runner="java"), tmp_path / "answer.json", ort=True)
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    found = Measurement.model_validate_json((tmp_path / "answer.json").read_text())
    assert found.proof.environment == {"ORT_DISABLE_TELEMETRY": "1"}


def test_wrong_models_are_refused(tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    for content, words in ((None, "there is no such file"), (b"", "is empty"), (b"no model" * 9, "cannot be opened")):
        if content is not None:
            model.write_bytes(content)
        code, found, _ = run(tmp_path, onnx_arguments(model, *INPUT, *OUTPUT))
        assert (code, found.status, found.engine) == (1, "error", "onnxruntime")
        assert words in (found.reason or "")
    code, found, _ = run(tmp_path, onnx_arguments(endless_memory(model), *INPUT, *OUTPUT))
    assert code == 1
    assert (found.reason or "").startswith("the model cannot be run")
    negative(model, 1, 4)
    code, found, _ = run(tmp_path, onnx_arguments(model, *INPUT, "--input", "z,float32,1,uniform:0:1", *OUTPUT))
    assert (code, found.reason) == (1, "the model has 1 inputs, but 2 were given")
    code, found, _ = run(tmp_path, onnx_arguments(model, *INPUT, "--output", "y=z"))
    assert code == 1


def test_a_model_larger_than_the_apps_memory_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "OPTIONS", (*core.OPTIONS, "-Xmx16m"))
    arguments = real_arguments("onnxruntime", "bert_small")
    size = Path(arguments[arguments.index("--model") + 1]).stat().st_size
    assert size > 16 * 2**20
    code, found, _ = run(tmp_path, arguments)
    assert (code, found.status) == (1, "error")
    assert (found.reason or "").startswith(f"no memory for the {size} bytes of")
    assert (found.reason or "").endswith("the native runner has no such limit")


def test_an_app_without_the_engines_classes_says_so(tmp_path: Path) -> None:
    arguments = without_library(onnx_arguments(negative(tmp_path / "n.onnx", 1, 4), *INPUT, *OUTPUT))
    code, found, _ = core.run(tmp_path, arguments, runner="java")
    assert (code, found.status) == (3, "unsupported")
    assert found.reason == "this app is built without the Java classes of engine `onnxruntime`"
    code, found, _ = core.run(tmp_path, ["--engine", "dream", *arguments[2:]], runner="java")
    assert (code, found.reason) == (2, "there is no engine `dream` in Java")


def test_telemetry_that_cannot_be_forbidden_is_not_started(tmp_path: Path) -> None:
    arguments = without_library(onnx_arguments(negative(tmp_path / "n.onnx", 1, 4), *INPUT, *OUTPUT))
    code, found, _ = core.run(tmp_path, arguments, ort=True, runner="java", natives=tmp_path)
    assert code == 1
    assert (found.reason or "").startswith("the native runner cannot be loaded")


def test_what_has_no_meaning_in_java_is_refused(tmp_path: Path) -> None:
    arguments = onnx_arguments(negative(tmp_path / "n.onnx", 1, 4), *INPUT, *OUTPUT)
    code, found, _ = core.run(tmp_path, arguments, ort=True, runner="java")
    assert (code, found.status) == (3, "unsupported")
    assert found.reason == "`--library` has no meaning for an engine in Java; the native runner has it"
