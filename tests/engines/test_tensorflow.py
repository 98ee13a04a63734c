"""The engine `tensorflow`: what it supports, asks for and believes; and on this computer for real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest

from mobilebench.core import agreement
from mobilebench.core.errors import BlockFailed, MobilebenchError, Unsupported
from mobilebench.core.records import BlockRule, Case, Conditions, Pass, PlannedBlock, TargetInfo
from mobilebench.engines import cuda, tensorflow
from mobilebench.engines.base import Engine, why_unsupported
from mobilebench.engines.registry import engines
from mobilebench.engines.tensorflow_worker import network
from mobilebench.models import obtain
from mobilebench.models.manifest import Fill, FormatFile, InputSpec, Manifest, ModelFiles
from mobilebench.models.registry import facts
from mobilebench.targets import host
from mobilebench.targets.base import ShellResult
from mobilebench.verdicts.rules import judge
from tests.pinning import Pinned

from .measuring import measured_by

HERE = TargetInfo(
    id="host", kind="host", machine="m", name="pc", soc="chip", os="Linux", abi="x86_64", runner="linux-x86_64", cores=2
)
PHONE = HERE.model_copy(update={"id": "R58M", "kind": "android"})


def engine() -> Engine:
    return engines()["tensorflow"]


def planned(
    model: str = "bert_small", pass_: Pass = "timing", conditions: Conditions | None = None, **case: Any
) -> PlannedBlock:
    asked = {"backend": "cpu", "threads": 1, **case}
    return PlannedBlock(
        index=0,
        round=0,
        case=Case(target="host", engine="tensorflow", model=model, **asked),
        rule=BlockRule(max_predictions=5),
        conditions=conditions or Conditions(),
        pass_=pass_,
    )


class ScriptedTarget(host.HostTarget):
    """This computer, with the answer that it was given."""

    def __init__(self, answer: Mapping[str, Any] | bytes = b"", exit_code: int = 0) -> None:
        super().__init__(HERE)
        text = answer if isinstance(answer, bytes) else json.dumps(answer).encode() + b"\n"
        self._answer = ShellResult(text, b"E0000 the last words\n", exit_code)
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []

    def shell(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        cancel: Event | None = None,
    ) -> ShellResult:
        self.commands.append(list(argv))
        self.environments.append(dict(environment or {}))
        return self._answer


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFiles:
    """A model and a library that are only names and sizes."""
    folder = tmp_path / "saved_model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(bytes(30))
    (folder / "variables" / "variables.index").write_bytes(bytes(20))
    library = tmp_path / "libtensorflow_cc.so.2"
    library.write_bytes(bytes(10))
    monkeypatch.setattr(network, "installed", lambda: [library])
    monkeypatch.setattr(tensorflow, "installed_version", lambda: "2.21.0")
    entry = FormatFile(
        path="saved_model/saved_model.pb",
        sha256="1" * 64,
        bytes=50,
        parts={"saved_model/variables/variables.index": "2" * 64},
        inputs={"ids": "ids"},
        outputs={"logits": "logits"},
    )
    manifest = Manifest(
        model="bert_small",
        precision="fp32",
        batch=1,
        weights="seeded",
        seed=1,
        inputs=[InputSpec(name="ids", dtype="int32", shape=[1, 8], fill=Fill(kind="integers", low=0, high=9))],
        outputs=["logits"],
        formats={"saved_model": entry},
        reference=[],
        tolerance=1e-4,
        parameters=1,
        built_with={},
    )
    return ModelFiles(tmp_path, manifest)


def answer(files: ModelFiles, **changed: Any) -> dict[str, Any]:
    graph = files.folder / "saved_model"
    told = {
        graph / "saved_model.pb": 30,
        graph / "variables" / "variables.index": 20,
        files.folder / "libtensorflow_cc.so.2": 10,
    }
    sample = {"index": [0], "value": [1.0]}
    return {
        "schema": "mobilebench/measurement/1",
        "status": "ok",
        "engine": "tensorflow",
        "version": "2.21.0",
        "proof": {"files": [{"name": str(file), "bytes": size} for file, size in told.items()]},
        "setup_ms": {"library_load": 1.0, "model_read": 1.0, "session_creation": 1.0},
        "warmup_ms": [2.0],
        "prediction_ms": [1.0] * 5,
        "output": [{"name": "logits", "shape": [1], "l1": 1, "l2": 1, "max": 1, "digest": "0", "sample": sample}],
        **changed,
    }


def test_it_runs_on_this_computer_alone(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    assert engine().supports(HERE, planned().case) is None
    assert "tflite" in (engine().supports(PHONE, planned().case) or "")
    pinned(engine().supports(HERE, planned(backend="xnnpack").case) or "")
    pinned(engine().supports(HERE, planned(arithmetic="fp16").case) or "")
    assert "256" in (engine().supports(HERE, planned(threads=257).case) or "")
    assert "browser" in (engine().supports(HERE, planned(browser="chrome").case) or "")
    for pass_ in ("timing", "kernels", "memory"):
        assert why_unsupported(engine(), HERE, planned(pass_=pass_, affinity="0x1", caches="cold")) is None
    monkeypatch.setattr(tensorflow, "find_spec", lambda name: None)
    reason = engine().supports(HERE, planned().case) or ""
    pinned(reason)


def test_a_gpu_is_asked_for_before_a_process_is_started(monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    monkeypatch.setattr(cuda, "no_device", lambda: "no driver of an NVIDIA GPU is loaded")
    reason = engine().supports(HERE, planned(backend="gpu").case)
    pinned(reason)
    monkeypatch.setattr(cuda, "no_device", lambda: None)
    assert engine().supports(HERE, planned(backend="gpu").case) is None


def test_the_process_gets_everything_that_the_block_states(files: ModelFiles) -> None:
    told = {"pass": "memory", "memory": {"peak_rss_kb": 1}, "prediction_ms": [60_000.0] * 5}
    target = ScriptedTarget(answer(files, **told))
    block = planned(pass_="memory", conditions=Conditions(priority=5), threads=2, affinity="0x3", caches="warm")
    result = measured_by(engine(), target, block, files, cancel=Event(), samples=7)
    (command,) = target.commands
    assert command[:4] == [sys.executable, "-P", "-m", "mobilebench.engines.tensorflow_worker"]
    asked = dict(zip(command[4::2], command[5::2], strict=True))
    scratch = Path(asked.pop("--scratch"))
    assert not scratch.exists()
    assert asked == {
        "--engine": "tensorflow",
        "--backend": "cpu",
        "--pass": "memory",
        "--threads": "2",
        "--signature": "serving_default",
        "--min-predictions": "3",
        "--max-predictions": "5",
        "--max-seconds": "1.0",
        "--samples": "7",
        "--affinity": "0x3",
        "--priority": "5",
        "--page-cache": "warm",
        "--model": str(files.folder / "saved_model" / "saved_model.pb"),
        "--input": "ids,int32,1x8,integers:0.0:9.0",
        "--output": "logits=logits",
    }
    assert target.environments[0]["CUDA_VISIBLE_DEVICES"] == "-1"
    assert target.environments[0]["KERAS_HOME"] == target.environments[0]["TMPDIR"] == str(scratch)
    assert "CUDA_VISIBLE_DEVICES" not in tensorflow.environment(planned(backend="gpu").case, scratch)
    proven = {file.name: file.sha256 for file in result.measurement.proof.files}
    assert proven["saved_model.pb"] == "1" * 64
    assert proven["variables.index"] == "2" * 64
    assert len(proven["libtensorflow_cc.so.2"] or "") == 64
    assert result.spent_ms["launch"] == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"prediction_ms": [1.0]},
        {"warmup_ms": []},
        {"setup_ms": {"library_load": 1.0, "model_read": 1.0}},
        {"pass": "kernels"},
        {"output": []},
        {"version": "2.15.0"},
        {"engine": "tflite"},
        {"proof": {}},
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_refused(
    files: ModelFiles, changed: dict[str, Any], pinned: Pinned
) -> None:
    with pinned.raises(BlockFailed):
        measured_by(engine(), ScriptedTarget(answer(files, **changed)), planned(), files, cancel=Event())


def test_a_file_that_changed_meanwhile_is_refused(files: ModelFiles, pinned: Pinned) -> None:
    said = answer(files)
    (files.folder / "saved_model" / "saved_model.pb").write_bytes(bytes(31))
    with pinned.raises(BlockFailed):
        measured_by(engine(), ScriptedTarget(said), planned(), files, cancel=Event())


@pytest.mark.parametrize(
    ("said", "code", "kind"),
    [
        (b"", -9, BlockFailed),
        (b"", 1, BlockFailed),
        (b'{"schema": "mobilebench/measurement/1", "status": "ok"', 0, BlockFailed),
        (b'{"schema": "x"}\n', 0, BlockFailed),
    ],
)
def test_a_process_that_ends_badly_is_reported_in_one_sentence(
    files: ModelFiles, said: bytes, code: int, kind: type[MobilebenchError], pinned: Pinned
) -> None:
    with pinned.raises(kind):
        measured_by(engine(), ScriptedTarget(said, code), planned(), files, cancel=Event())


def test_what_tensorflow_cannot_is_unsupported(files: ModelFiles, pinned: Pinned) -> None:
    said = answer(files, status="unsupported", reason="TensorFlow sees no GPU here")
    with pinned.raises(Unsupported):
        measured_by(engine(), ScriptedTarget(said, 3), planned(backend="gpu"), files, cancel=Event())
    with pinned.raises(Unsupported):
        mapped = planned(conditions=Conditions(model_access="mapped"))
        engine().prepare(ScriptedTarget(), mapped, files)
    without = ModelFiles(files.folder, files.manifest.model_copy(update={"formats": {}}))
    with pinned.raises(Unsupported):
        engine().prepare(ScriptedTarget(), planned(), without)
    (files.folder / "saved_model" / "variables" / "variables.index").unlink()
    with pinned.raises(BlockFailed):
        engine().prepare(ScriptedTarget(), planned(), files)


def built(name: str) -> ModelFiles:
    found = obtain.find(name)
    assert found is not None, f"run `mobilebench models build {name}` first"
    return found


def here() -> host.HostTarget:
    return host.HostTarget(host.describe())


@pytest.mark.build
@pytest.mark.parametrize(("name", "count"), [("mobilenet_v2", 2), ("bert_small", 1)])
def test_a_block_on_this_computer(name: str, count: int) -> None:
    usual = Conditions(priority=os.getpriority(os.PRIO_PROCESS, 0))
    target, files, block = here(), built(name), planned(name, threads=count, conditions=usual)
    prepared = engine().prepare(target, block, files)
    measured = engine().measure(prepared, cancel=Event()).measurement
    assert prepared.spent_ms["push"] >= 0
    assert agreement.disagreements(files.manifest.reference, measured.output, files.manifest.tolerance) == []
    assert judge(block, measured, target.info, facts(files.manifest)).sentences == []
    proof = measured.proof
    assert (proof.backend, proof.threads) == ("cpu", count)
    assert [share.name for share in proof.delegates] == ["CPU"]
    assert proof.delegates[0].nodes == proof.graph_nodes > 50  # type: ignore[operator]
    assert {file.name for file in proof.files} >= {"libtensorflow_cc.so.2", "saved_model.pb", "variables.index"}
    assert all(file.sha256 for file in proof.files)
    assert measured.setup_ms["library_load"] > 500
    assert measured.cost["setup"].user_ms > 500
    assert measured.cost["prediction"].user_ms > 0


@pytest.mark.build
def test_a_kernels_pass_reports_every_operator() -> None:
    block = planned("mobilenet_v2", "kernels", affinity="0x1")
    measured = measured_by(engine(), here(), block, built("mobilenet_v2"), cancel=Event()).measurement
    assert (measured.proof.affinity, measured.proof.affinity_kept) == ([0], True)
    assert {len(kernel.times_ms) for kernel in measured.kernels} == {len(measured.prediction_ms)}
    kinds = [kernel.name.rpartition(":")[2] for kernel in measured.kernels]
    assert sum("DepthwiseConv" in kind for kind in kinds) == 17
    told = [sum(kernel.times_ms[place] for kernel in measured.kernels) for place in range(len(measured.prediction_ms))]
    assert all(part < whole for part, whole in zip(told, measured.prediction_ms, strict=True))
    assert sum(told) > 0.2 * sum(measured.prediction_ms)


@pytest.mark.build
def test_a_memory_pass_shows_growth_by_stage() -> None:
    block = planned(pass_="memory", caches="warm")
    measured = measured_by(engine(), here(), block, built("bert_small"), cancel=Event()).measurement
    use = measured.memory
    assert use is not None
    assert measured.proof.model_resident == 1.0
    ends = [reading for reading in use.readings if reading.stage]
    stages = ["library_load", "model_read", "session_creation", "warmup", "prediction"]
    assert [reading.stage for reading in ends] == stages
    assert ends[1].rss_kb > ends[0].rss_kb + 10_000
    assert use.readings[0].rss_kb < 100_000 < ends[0].rss_kb
    assert use.peak_rss_kb is not None
    assert use.peak_rss_kb >= max(reading.rss_kb for reading in use.readings)


@pytest.mark.build
@pytest.mark.parametrize("kept", [0, 1000])
def test_a_damaged_graph_fails_the_block_in_one_sentence(tmp_path: Path, kept: int) -> None:
    files = built("bert_small")
    for path in (files.manifest.formats["saved_model"].path, *files.manifest.formats["saved_model"].parts):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((files.folder / path).read_bytes())
    graph = tmp_path / files.manifest.formats["saved_model"].path
    graph.write_bytes(graph.read_bytes()[:kept])
    with pytest.raises(BlockFailed, match="tensorflow on host: ") as caught:
        measured_by(engine(), here(), planned(), ModelFiles(tmp_path, files.manifest), cancel=Event())
    assert "\n" not in caught.value.message


@pytest.mark.build
def test_without_a_gpu_the_process_is_unsupported() -> None:
    if cuda.no_device() is None:
        pytest.fail("this computer has a GPU: hold TensorFlow's placement there against `GPU` in the proof")
    with pytest.raises(Unsupported, match="TensorFlow sees no GPU here"):
        measured_by(engine(), here(), planned(backend="gpu"), built("bert_small"), cancel=Event())


@pytest.mark.build
def test_no_socket_is_opened_and_nothing_is_kept(tmp_path: Path) -> None:
    trap, home, scratch = tmp_path / "trap.so", tmp_path / "home", tmp_path / "scratch"
    source = Path(__file__).parents[2] / "native" / "tests" / "trap_sockets.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(trap), str(source)], check=True)
    home.mkdir()
    scratch.mkdir()
    command = tensorflow.command(planned(pass_="kernels"), built("bert_small"), 4, scratch)
    own = {**tensorflow.environment(planned().case, scratch), "HOME": str(home), "LD_PRELOAD": str(trap)}
    asks = [sys.executable, "-c", "import socket; socket.socket()"]
    assert subprocess.run(asks, env={**os.environ, **own}, check=False).returncode == 99
    done = subprocess.run(command, env={**os.environ, **own}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("\n") == 1
    assert list(home.iterdir()) == []
    assert {place.name for place in scratch.iterdir()} <= {"keras.json"}


@pytest.mark.build
def test_cancelling_ends_the_process() -> None:
    cancel = Event()
    rule = BlockRule(min_predictions=1_000_000, max_predictions=1_000_000)
    endless = planned().model_copy(update={"rule": rule})
    prepared = engine().prepare(here(), endless, built("bert_small"))
    Timer(1.0, cancel.set).start()
    started = time.monotonic()
    with pytest.raises(MobilebenchError):
        engine().measure(prepared, cancel=cancel)
    assert time.monotonic() - started < 60


def with_package(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> Path:
    """Another package `tensorflow`, before the installed one; the file in which it counts its imports."""
    package, count = folder / "packages" / "tensorflow", folder / "imports"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(f"import os, sys\nopen({str(count)!r}, 'a').write('1')\n{code}\n")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    return count


@pytest.mark.parametrize(
    "code",
    [
        "raise ImportError('libcudart.so.12: cannot open shared object file')",
        "raise AttributeError('_ARRAY_API not found')",
        "raise SystemExit('this needs AVX')",
        "os.kill(os.getpid(), 4)",
        "sys.stderr.write('built for AVX512\\n'); sys.stderr.flush(); os.abort()",
        "os.kill(os.getpid(), 11)",
        "os._exit(0)",
    ],
)
@pytest.mark.slow
def test_a_tensorflow_that_cannot_be_imported_is_unsupported_and_tried_once(
    files: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, pinned: Pinned
) -> None:
    imports, target = with_package(tmp_path, monkeypatch, code), here()
    with pinned.raises(Unsupported) as first:
        measured_by(engine(), target, planned(), files, cancel=Event())
    for block in (planned(), planned(pass_="memory"), planned(threads=2)):
        with pytest.raises(Unsupported) as later:
            engine().prepare(target, block, files)
        assert later.value.message == first.value.message
    assert imports.read_text() == "1"


@pytest.mark.parametrize("code", ["os.kill(os.getpid(), 9)", "raise MemoryError"])
@pytest.mark.slow
def test_an_import_that_something_else_ended_is_tried_again(
    files: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    imports, target = with_package(tmp_path, monkeypatch, code), here()
    for _ in range(2):
        with pytest.raises(BlockFailed):
            measured_by(engine(), target, planned(), files, cancel=Event())
    assert imports.read_text() == "11"


def test_a_crash_after_the_import_is_no_matter_of_the_import(
    files: ModelFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "class config:\n    @staticmethod\n    def set_soft_device_placement(on): os.kill(os.getpid(), 11)\n"
    code += "    class threading:\n        set_intra_op_parallelism_threads = set_inter_op_parallelism_threads = print"
    with_package(tmp_path, monkeypatch, code)
    with pytest.raises(BlockFailed, match="signal 11"):
        measured_by(engine(), here(), planned(), files, cancel=Event())
