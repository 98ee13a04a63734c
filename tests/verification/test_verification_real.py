"""Real engines on real files: all agree on a small model, and a file with other weights is found out."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.models import obtain
from mobilebench.models.manifest import ModelFiles
from mobilebench.targets import host
from mobilebench.verification import cells, outputs, verifier
from mobilebench.verification.records import ModelMatrix
from tests.browsers.processes import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.build, pytest.mark.usefixtures("closed_pages")]

SMALL = "mlp_4x256"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MOBILEBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def verify(model: str, **wanted: Any) -> ModelMatrix:
    request = verifier.Request(models=(model,), **wanted)
    (matrix,) = verifier.verify(request, host.describe(), lambda _: None, Event())
    return matrix


def test_every_engine_agrees_in_32_and_in_8_bits() -> None:
    matrix = verify(SMALL, precisions=("fp32", "int8"), inputs=("published", "upper"))
    rows = {(row.cell.precision, row.cell.key): row for row in matrix.cells}
    told = "\n".join(f"{row.cell.precision} {row.cell.key}: {row.verdict} {row.reason}" for row in matrix.cells)
    assert matrix.passes, told
    assert {row.cell.engine for row in matrix.cells if row.verdict == "pass"} == set(cells.ENGINES)
    assert all(row.verdict == "pass" for (precision, _), row in rows.items() if precision == "fp32"), told
    assert "no 8-bit arithmetic" in (rows["int8", "tfjs/tfjs/wasm/simd"].reason or "")
    assert all((row.told_apart or 0) > row.tolerance for row in matrix.cells if row.verdict == "pass")
    assert matrix.reference is not None
    assert matrix.reference.activations is not None
    assert matrix.reference.activations.layers > 4
    assert matrix.reference.activations.complaints == []

    known = verify(SMALL, precisions=("fp32", "int8"), inputs=("published", "upper"))
    assert all(row.before for row in known.cells if row.verdict == "pass")


def test_another_arithmetic_of_the_same_file_is_nearly_the_same() -> None:
    matrix = verify("bert_small", precisions=("fp32", "int8"), engines=("litert", "tflite", "onnxruntime"))
    assert {row.verdict for row in matrix.cells} == {"pass"}
    for row in matrix.cells:
        assert row.answered is not None
        assert {one.output for one in row.answered.differences} == {"sequence_output", "pooled_output"}
        assert {one.seeded for one in row.answered.differences} == {"published", "upper", "lower"}


def test_weights_that_are_one_percent_too_large_are_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnx
    from onnx import numpy_helper

    built = obtain.ensure(SMALL)
    folder = tmp_path / "corrupted"
    shutil.copytree(built.folder, folder)
    entry = built.manifest.formats["onnx"]
    file = folder / entry.path
    model = onnx.load(str(file))
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.ndim == 2:
            tensor.CopyFrom(numpy_helper.from_array((weights * 1.01).astype(weights.dtype), tensor.name))
    onnx.save(model, str(file))
    other = entry.model_copy(update={"sha256": sha256(file.read_bytes()).hexdigest(), "bytes": file.stat().st_size})
    manifest = built.manifest.model_copy(update={"formats": {**built.manifest.formats, "onnx": other}})
    monkeypatch.setattr(obtain, "ensure", lambda *_: ModelFiles(folder, manifest))

    matrix = verify(
        SMALL, precisions=("fp32",), engines=("litert", "onnxruntime", "ortjs"), inputs=("published", "lower")
    )
    verdicts = {(row.cell.engine, row.cell.choice): row for row in matrix.cells}
    assert verdicts["litert", "python"].verdict == "pass"
    for engine in (("onnxruntime", "python"), ("onnxruntime", None), ("ortjs", "simd-threads")):
        row = verdicts[engine]
        assert row.verdict == "FAIL"
        assert row.relative is not None
        assert 0.01 < row.relative < 0.1
        assert f"differs by {row.relative:.3g} of its scale" in (row.reason or "")
    assert not matrix.passes


def test_an_engine_s_refusal_is_told_in_its_own_words(tmp_path: Path) -> None:
    built = obtain.ensure(SMALL)
    nonsense = ModelFiles(tmp_path, built.manifest)
    (tmp_path / built.manifest.formats["onnx"].path).write_bytes(b"no model")
    job = outputs.worker_job("answers", nonsense, "onnx", ["published"], samples=8, reference=None, references=[])
    with pytest.raises(Unsupported, match=r"(?i)protobuf"):
        outputs.ask_worker(job, Event())


def test_a_worker_that_takes_too_long_or_breaks_down_is_ended() -> None:
    built = obtain.ensure(SMALL)
    job = outputs.worker_job("answers", built, "onnx", ["published"], samples=8, reference=None, references=[])
    with pytest.raises(BlockFailed, match=r"longer than 0\.01 s"):
        outputs.ask_worker(job, Event(), patience_s=0.01)
    with pytest.raises(BlockFailed, match="KeyError: 'nothing'"):
        outputs.ask_worker({**job, "kind": "nothing"}, Event())
    cancel = Event()
    cancel.set()
    with pytest.raises(BlockFailed, match="cancelled"):
        outputs.ask_worker(job, cancel)


def test_ctrl_c_ends_browser_and_command_and_the_same_command_goes_on(temporary: Path, home: Path) -> None:
    obtain.ensure(SMALL)
    command = [sys.executable, "-m", "mobilebench", "models", "verify", SMALL, "--precision", "fp32"]
    command += ["--engine", "tflite,litertjs", "--inputs", "published,upper"]
    environment = {**os.environ, "TMPDIR": str(temporary), "MOBILEBENCH_HOME": str(home)}
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
    try:
        assert running.stderr is not None
        lines = []
        for line in running.stderr:
            lines.append(line)
            if "tflite cpu xnnpack: pass" in line:
                break
        wait_until(lambda: bool(list(temporary.glob("mobilebench-chrome-*"))))
        running.send_signal(signal.SIGINT)
        asked = time.monotonic()
        out, _ = running.communicate(timeout=120)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == 130, "".join([*lines, out])
    assert time.monotonic() - asked < 60
    assert list(temporary.iterdir()) == []
    assert len(list((home / "verifications").glob("mlp_4x256-fp32-*.json"))) == 1
    again = subprocess.run([*command, "--json"], capture_output=True, env=environment, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert '"before": true' in again.stdout
