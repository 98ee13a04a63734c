"""What the native engines make of a target's answers, without a runner: every bad answer ends in clear words."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.core import paths
from mobilebench.core.errors import BadInput, BlockFailed, MobilebenchError, Unsupported
from mobilebench.core.records import BlockRule, Case, Conditions, PlannedBlock, TargetInfo
from mobilebench.engines import libraries, runner_output
from mobilebench.engines.base import BlockResult, Engine, why_unsupported
from mobilebench.engines.native import PreparedRunner
from mobilebench.engines.registry import engines
from mobilebench.engines.runner_process import ShellProcess
from mobilebench.models.manifest import AddedManifest, Behaviour, Fill, FormatFile, InputSpec, Manifest, ModelFiles
from mobilebench.profiles import machine
from mobilebench.targets.base import BrowserHandle, Pushed, ShellResult, TargetPath
from tests.pinning import Pinned
from tests.ways import axes

INFO = TargetInfo(
    id="R58M",
    kind="android",
    machine="R58M",
    name="a phone",
    soc="a chip",
    os="Android 14",
    abi="x86_64",
    runner="linux-x86_64",
    cores=8,
)
SHA = "0" * 64


class ScriptedTarget:
    """A target that keeps what is pushed in words, and gives the answer that it was given."""

    info = INFO

    def __init__(self, answer: ShellResult | None = None) -> None:
        self.answer = answer
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self.timeouts: list[float] = []
        self.pushed: list[tuple[str, str | None, bool]] = []

    def shell(
        self,
        argv: Sequence[str],
        *,
        timeout: float,
        environment: Mapping[str, str] | None = None,
        cancel: Event | None = None,
    ) -> ShellResult:
        assert self.answer is not None
        self.commands.append(list(argv))
        self.environments.append(dict(environment or {}))
        self.timeouts.append(timeout)
        return self.answer

    def push(self, local: Path, *, sha256: str | None = None, executable: bool = False) -> Pushed:
        self.pushed.append((local.name, sha256, executable))
        return Pushed(TargetPath(f"/data/local/tmp/{local.name}"), sha256 or SHA, True, 0.0)

    def pull(self, remote: TargetPath, local: Path) -> None:
        raise AssertionError("nothing is pulled")

    def browser(
        self, name: str, flags: Sequence[str] = (), *, headed: bool = False
    ) -> AbstractContextManager[BrowserHandle]:
        raise AssertionError("no browser is needed")

    def reverse(self, port: int) -> AbstractContextManager[str]:
        raise AssertionError("no port is needed")


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFiles:
    """A model, a library and a runner that are only names and sizes."""
    for name, size in {"model.tflite": 30, "mobilebench-runner": 10, "libengine.so": 20}.items():
        (tmp_path / name).write_bytes(bytes(size))
    monkeypatch.setattr(paths, "runner", lambda build: tmp_path / "mobilebench-runner")
    found = libraries.Library(tmp_path / "libengine.so", "1" * 64, "this test")
    monkeypatch.setattr(libraries, "libraries_for", lambda engine, backend, build: libraries.EngineLibraries(found))
    entry = FormatFile(
        path="model.tflite",
        sha256="2" * 64,
        bytes=30,
        inputs={"ids": "serving_default_ids:0"},
        outputs={"logits": "Identity:0"},
        input_dtypes={"ids": "int64"},
    )
    spec = InputSpec(name="ids", dtype="int32", shape=[1, 8], fill=Fill(kind="integers", low=0, high=30522))
    manifest = Manifest(
        model="bert_small",
        precision="fp32",
        batch=1,
        weights="seeded",
        seed=1,
        inputs=[spec],
        outputs=["logits"],
        formats={"tflite": entry},
        reference=[],
        tolerance=1e-4,
        parameters=1,
        built_with={},
    )
    return ModelFiles(tmp_path, manifest)


def planned(engine: str = "tflite", choice: str = "", backend: str = "cpu", **changes: Any) -> PlannedBlock:
    chosen = axes(engine, backend, choice)
    case = Case(target=INFO.id, engine=engine, backend=backend, threads=2, model="bert_small", **chosen)
    return PlannedBlock(index=0, round=0, case=replace(case, **changes), rule=BlockRule())


def answer(**changes: Any) -> dict[str, Any]:
    summary = {
        "name": "logits",
        "shape": [1, 2],
        "l1": 1.0,
        "l2": 1.0,
        "max": 1.0,
        "digest": "811c9dc5",
        "sample": {"index": [0, 1], "value": [0.0, 1.0]},
    }
    whole = {
        "schema": "mobilebench/measurement/1",
        "status": "ok",
        "engine": "tflite",
        "version": "2.18.0",
        "proof": {
            "files": [
                {"name": "/data/local/tmp/model.tflite", "bytes": 30},
                {"name": "/data/local/tmp/libengine.so", "bytes": 20},
            ]
        },
        "setup_ms": {"library_load": 1, "model_read": 2, "session_creation": 3, "delegate_preparation": 4},
        "warmup_ms": [5],
        "prediction_ms": [6, 7, 8],
        "output": [summary],
    }
    return {**whole, **changes}


def said(content: dict[str, Any] | bytes, exit_code: int = 0, stderr: bytes = b"") -> ShellResult:
    stdout = content if isinstance(content, bytes) else json.dumps(content).encode() + b"\n"
    return ShellResult(stdout, stderr, exit_code)


def measured_by(
    engine: Engine, target: ScriptedTarget, block: PlannedBlock, files: ModelFiles, **options: Any
) -> BlockResult:
    """Measure on a target what was prepared on one that can load the libraries."""
    able = ScriptedTarget(said({**CAN_LOAD, "engine": block.case.engine}))
    able.info = target.info
    prepared = engine.prepare(able, block, files)
    if isinstance(prepared, PreparedRunner):
        on_target = prepared.on_target
        assert isinstance(on_target.process, ShellProcess)
        here = replace(on_target, process=replace(on_target.process, target=target))
        prepared = replace(prepared, on_target=here)
    return engine.measure(replace(prepared, target=target), **options)


def measure(files: ModelFiles, result: ShellResult, block: PlannedBlock | None = None) -> BlockResult:
    block = block or planned()
    return measured_by(engines()[block.case.engine], ScriptedTarget(result), block, files, cancel=Event())


def test_a_whole_answer_gets_the_checksums_of_what_was_pushed(files: ModelFiles) -> None:
    result = measure(files, said(answer()))
    assert [(one.name, one.sha256, one.bytes) for one in result.measurement.proof.files] == [
        ("mobilebench-runner", SHA, 10),
        ("libengine.so", "1" * 64, 20),
        ("model.tflite", "2" * 64, 30),
    ]
    assert result.measurement.prediction_ms == [6, 7, 8]
    assert set(result.spent_ms) == {"launch"}
    assert result.measurement.measured_ms == 36


def test_the_command_has_everything_that_was_requested(files: ModelFiles) -> None:
    target = ScriptedTarget(said(answer()))
    measured_by(engines()["tflite"], target, planned(), files, cancel=Event())
    folder = "/data/local/tmp"
    assert target.commands == [
        [
            *(f"{folder}/mobilebench-runner", "--engine", "tflite", "--backend", "cpu"),
            *("--delegate", "xnnpack", "--arithmetic", "fp32"),
            *("--pass", "timing", "--threads", "2"),
            *("--min-predictions", "3", "--max-predictions", "20", "--max-seconds", "1.0", "--samples", "64"),
            *("--library", f"{folder}/libengine.so", "--model", f"{folder}/model.tflite"),
            *("--input", "serving_default_ids:0,int64,1x8,integers:0.0:30522.0", "--output", "logits=Identity:0"),
        ]
    ]
    assert target.environments == [{"ORT_DISABLE_TELEMETRY": "1"}]
    assert target.timeouts == [60 + 2 + 40]
    assert target.pushed == [], "preparing has pushed everything"


def after(words: list[str], option: str) -> str | None:
    return words[words.index(option) + 1] if option in words else None


def command_of(files: ModelFiles, block: PlannedBlock, **changes: Any) -> list[str]:
    target = ScriptedTarget(said(answer(**changes)))
    measured_by(engines()[block.case.engine], target, block, files, cancel=Event())
    return next(words for words in target.commands if "--engine" in words)


MEMORY = {"readings": [{"at_ms": 0, "stage": "process_start", "rss_kb": 1}]}


def test_the_command_has_the_block_s_conditions(files: ModelFiles) -> None:
    block = planned(affinity="0xf0", caches="cold", batch=3).model_copy(
        update={"conditions": Conditions(priority=-5, model_access="mapped"), "pass_": "memory"}
    )
    words = command_of(files, block, **{"pass": "memory"}, memory=MEMORY)
    assert after(words, "--affinity") == "0xf0"
    assert after(words, "--page-cache") == "cold"
    assert after(words, "--batch") == "3"
    assert after(words, "--priority") == "-5"
    assert after(words, "--model-access") == "mapped"
    assert after(words, "--pass") == "memory"
    assert "--allow-fp16" not in words
    assert "--scratch" not in words


def test_float16_is_permitted_only_where_it_is_asked_for(files: ModelFiles) -> None:
    assert after(command_of(files, planned(choice="xnnpack-fp16")), "--allow-fp16") == "1"
    assert after(command_of(files, planned(backend="gpu", choice="fp16")), "--allow-fp16") == "1"
    assert "--allow-fp16" not in command_of(files, planned(backend="gpu", choice="fp32"))


def test_a_process_that_writes_gets_a_folder_that_is_gone_afterwards(files: ModelFiles) -> None:
    target = ScriptedTarget(said(answer(**{"pass": "kernels"}, kernels=[{"name": "Conv"}])))
    measured_by(engines()["tflite"], target, planned().model_copy(update={"pass_": "kernels"}), files, cancel=Event())
    folder = "/data/local/tmp/mobilebench/scratch"
    remove, make, run, remove_again = target.commands
    assert remove == remove_again == ["rm", "-rf", folder]
    assert make == ["mkdir", "-p", folder]
    assert after(run, "--scratch") == folder


def test_the_folder_goes_also_when_the_runner_was_killed(files: ModelFiles) -> None:
    class Killing(ScriptedTarget):
        def shell(self, argv: Sequence[str], **rest: Any) -> ShellResult:
            super().shell(argv, **rest)
            return said(b"", 137 if "--engine" in argv else 0)

    target = Killing(said(b""))
    with pytest.raises(BlockFailed, match="signal 9"):
        measured_by(
            engines()["tflite"], target, planned().model_copy(update={"pass_": "kernels"}), files, cancel=Event()
        )
    assert target.commands[-1][0] == "rm"


def test_a_delegates_library_is_pushed_named_and_proven(
    files: ModelFiles, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    (files.folder / "libdelegate.so").write_bytes(bytes(40))
    core = libraries.Library(files.folder / "libengine.so", "1" * 64, "this test")
    delegate = libraries.Library(files.folder / "libdelegate.so", "3" * 64, "this test")
    both = libraries.EngineLibraries(core, delegate, ("they differ",))
    monkeypatch.setattr(libraries, "libraries_for", lambda engine, backend, build: both)
    whole = answer()
    with pinned.raises(BlockFailed):
        measure(files, said(whole), planned(backend="gpu", choice="fp32"))
    whole["proof"]["files"].append({"name": "/data/local/tmp/libdelegate.so", "bytes": 40})
    proof = measure(files, said(whole), planned(backend="gpu", choice="fp32")).measurement.proof
    assert [one.name for one in proof.files] == [
        "mobilebench-runner",
        "libengine.so",
        "libdelegate.so",
        "model.tflite",
    ]
    assert proof.notes == ["they differ"]


@pytest.mark.parametrize(
    "found",
    [
        {"pass": "kernels"},
        {"proof": {"affinity_asked": "big"}},
        {"proof": {"caches_asked": "warm"}},
    ],
)
def test_the_answer_to_another_question_is_refused(files: ModelFiles, found: dict[str, Any], pinned: Pinned) -> None:
    with pinned.raises(BlockFailed):
        measure(files, said(answer(**found)))


def test_a_memory_pass_has_memory(files: ModelFiles, pinned: Pinned) -> None:
    block = planned().model_copy(update={"pass_": "memory"})
    with pinned.raises(BlockFailed):
        measure(files, said(answer(**{"pass": "memory"})), block)


def test_of_a_model_that_carries_state_the_first_answer_is_asked_for(files: ModelFiles) -> None:
    stateful = AddedManifest(**files.manifest.model_dump(), behaviour=Behaviour(stateful=True))
    assert after(command_of(ModelFiles(files.folder, stateful), planned()), "--answer") == "first"
    assert after(command_of(files, planned()), "--answer") is None


def test_the_command_asks_for_more_samples(files: ModelFiles) -> None:
    target = ScriptedTarget(said(answer()))
    measured_by(engines()["tflite"], target, planned(), files, cancel=Event(), samples=4096)
    words = target.commands[0]
    assert words[words.index("--samples") + 1] == "4096"


def test_preparing_pushes_everything(files: ModelFiles) -> None:
    target = ScriptedTarget(said(CAN_LOAD))
    assert set(engines()["tflite"].prepare(target, planned(), files).spent_ms) == {"push"}
    assert target.pushed == [
        ("mobilebench-runner", None, True),
        ("libengine.so", "1" * 64, False),
        ("model.tflite", "2" * 64, False),
    ]


CAN_LOAD = {"schema": "mobilebench/measurement/1", "status": "ok", "engine": "tflite"}
CANNOT_LOAD = {**CAN_LOAD, "status": "unsupported", "reason": "no libandroid.so"}


def test_libraries_are_tried_once_a_target_before_the_first_block(files: ModelFiles) -> None:
    target = ScriptedTarget(said(CAN_LOAD))
    folder = "/data/local/tmp"
    for choice in ("xnnpack", "xnnpack", "none"):
        engines()["tflite"].prepare(target, planned(choice=choice), files)
    core, *backends = [words[1:] for words in target.commands]
    assert core == [
        *("--engine", "tflite", "--check", "library", "--threads", "1", "--library", f"{folder}/libengine.so")
    ]
    assert [after(words, "--delegate") for words in backends] == ["xnnpack", "none"]
    assert {after(words, "--check") for words in backends} == {"delegate"}
    engines()["tflite"].prepare(another := ScriptedTarget(said(CAN_LOAD)), planned(), files)
    assert len(another.commands) == 2


def test_a_library_that_cannot_be_loaded_is_reported_again_without_another_try(
    files: ModelFiles, pinned: Pinned
) -> None:
    target = ScriptedTarget(said(CANNOT_LOAD, 3))
    for block in (planned(), planned(), planned(choice="none"), planned(backend="gpu", choice="fp16")):
        with pinned.raises(Unsupported):
            engines()["tflite"].prepare(target, block, files)
    assert len(target.commands) == 1
    assert "model.tflite" not in [name for name, _, _ in target.pushed]


def test_what_one_backend_lacks_leaves_the_others(files: ModelFiles) -> None:
    class WithoutGpu(ScriptedTarget):
        def shell(self, argv: Sequence[str], **options: Any) -> ShellResult:
            super().shell(argv, **options)
            return said(CANNOT_LOAD, 3) if after(list(argv), "--backend") == "gpu" else said(CAN_LOAD)

    target = WithoutGpu(said(CAN_LOAD))
    for _ in range(2):
        with pytest.raises(Unsupported):
            engines()["tflite"].prepare(target, planned(backend="gpu", choice="fp16"), files)
    engines()["tflite"].prepare(target, planned(), files)
    assert len(target.commands) == 3


@pytest.mark.parametrize(
    "result",
    [
        said(b"", 126, b"Permission denied"),
        said(b"", 127),
        said(b"", 1, b'CANNOT LINK EXECUTABLE: library "libdl.so" not found'),
        said(b"", 1, b"runner: libc.so.6: version `GLIBC_2.34' not found"),
        said(b"", 132),
        said(b"", -31),
    ],
)
def test_a_runner_that_the_system_cannot_start_is_unsupported(
    files: ModelFiles, result: ShellResult, pinned: Pinned
) -> None:
    with pinned.raises(Unsupported) as caught:
        engines()["tflite"].prepare(ScriptedTarget(result), planned(), files)
    assert "R58M" in caught.value.message


@pytest.mark.parametrize(
    "result",
    [
        said(b"", 137),
        said(b"", 143),
        said(b"", 4),
        said(b"", 1, b"No space left on device"),
        said({**CAN_LOAD, "status": "error", "reason": "no memory"}, 1),
    ],
)
def test_what_may_pass_fails_the_block_and_is_tried_again(files: ModelFiles, result: ShellResult) -> None:
    target = ScriptedTarget(result)
    for _ in range(2):
        with pytest.raises(BlockFailed):
            engines()["tflite"].prepare(target, planned(), files)
    assert len(target.commands) == 2


@pytest.mark.parametrize(
    ("kind", "result", "kills", "fault"),
    [
        ("host", said(b"", -9), 0, "crash"),
        ("host", said(b"", -9), 1, "killed for memory"),
        ("android", said(b"", 137), 1, "crash"),
        ("host", said(b"", -11), 1, "crash"),
        ("host", said(b"", 127), 0, None),
        ("host", said(b"{", 0), 0, "bad answer"),
        ("host", said(answer(prediction_ms=[6, 7])), 0, "bad answer"),
        ("host", said(answer(status="error", reason="the model cannot be read: bad"), 1), 0, None),
    ],
)
def test_a_failure_has_a_name_where_it_is_one_of_the_known_ones(
    files: ModelFiles,
    kind: str,
    result: ShellResult,
    kills: int,
    fault: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This computer's kernel tells nothing of a phone."""

    class Killing(ScriptedTarget):
        info = INFO.model_copy(update={"kind": kind})

        def shell(self, argv: Sequence[str], **options: Any) -> ShellResult:
            vmstat.write_text(f"oom_kill {3 + kills}\n")
            return super().shell(argv, **options)

    vmstat = tmp_path / "vmstat"
    vmstat.write_text("oom_kill 3\n")
    monkeypatch.setattr(machine, "VMSTAT", vmstat)
    with pytest.raises(BlockFailed) as raised:
        measured_by(engines()["tflite"], Killing(result), planned(), files, cancel=Event())
    assert raised.value.fault == fault


def test_the_sleeping_engine_needs_only_the_runner(files: ModelFiles) -> None:
    block = planned("sleep")
    target = ScriptedTarget(said(answer(engine="sleep", output=[], setup_ms={}, proof={})))
    result = measured_by(engines()["sleep"], target, block, files, cancel=Event())
    assert [one.name for one in result.measurement.proof.files] == ["mobilebench-runner"]
    assert "--model" not in target.commands[0]
    assert not engines()["sleep"].claims_machine
    assert engines()["tflite"].claims_machine


@pytest.mark.parametrize(
    "result",
    [
        said(b"", 137),
        said(b"", -9),
        said(b"", 139, b"INFO: x\nSegmentation fault\n"),
        said(b"", -4),
        said(b"", 126),
        said(b"", 127, b"not found"),
        said(b"", 1, b"No space left on device"),
        said(b"", 4),
        said(json.dumps(answer()).encode()[:200], 0),
        said(json.dumps(answer()).encode(), 0),
        said(b'{"schema": "mobilebench/measurement/1"}\n', 0),
        said(answer(schema="mobilebench/measurement/2")),
        said(answer(extra=1)),
        said(answer(prediction_ms=[6, 7, -8])),
        said(json.dumps(answer()).replace("[6, 7, 8]", "[6, 7, NaN]").encode() + b"\n"),
        said(answer(prediction_ms=[6, 7])),
        said(answer(prediction_ms=[6] * 21)),
        said(answer(warmup_ms=[])),
        said(answer(setup_ms={"library_load": 1})),
        said(answer(engine="onnxruntime")),
        said(answer(output=[])),
        said(answer(), 1),
        said(answer(status="error", reason="x"), 0),
        said(answer(status="error", reason="the model cannot be read: bad"), 1),
        said(answer(status="error", reason="--threads has to be 1 to 256", engine="unknown"), 2),
        said(answer(proof={})),
        said(answer(proof={"files": [{"name": "/data/local/tmp/libengine.so", "bytes": 7}]})),
    ],
)
def test_a_bad_answer_fails_the_block_in_clear_words(files: ModelFiles, result: ShellResult, pinned: Pinned) -> None:
    with pinned.raises(BlockFailed) as caught:
        measure(files, result)
    assert "R58M" in caught.value.message


def test_what_the_engine_cannot_do_is_unsupported(files: ModelFiles, pinned: Pinned) -> None:
    with pinned.raises(Unsupported):
        measure(files, said(answer(status="unsupported", reason="no XNNPACK"), 3))


@given(st.binary(max_size=200), st.integers(-70, 300))
def test_any_bytes_end_in_an_error_of_ours(raw: bytes, exit_code: int) -> None:
    for stdout in (raw, raw + b"}\n"):
        with pytest.raises(MobilebenchError):
            runner_output.read_answer(ShellResult(stdout, raw, exit_code), engine="tflite", target="R58M")


def test_an_endless_answer_is_refused(pinned: Pinned) -> None:
    stdout = b" " * (64 * 2**20) + b"}\n"
    with pinned.raises(BlockFailed):
        runner_output.read_answer(ShellResult(stdout, b"", 0), engine="tflite", target="R58M")


def test_control_characters_of_a_phone_do_not_reach_the_terminal() -> None:
    with pytest.raises(BlockFailed) as caught:
        runner_output.read_answer(ShellResult(b"", b"\x1b[2Jgone\x07", 139), engine="tflite", target="R58M")
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("build", "goal"), [("linux-x86_64", "make native"), ("android-arm64-v8a", "make native-android")]
)
def test_a_runner_that_is_not_built_has_a_hint(
    files: ModelFiles, monkeypatch: pytest.MonkeyPatch, build: str, goal: str, pinned: Pinned
) -> None:
    monkeypatch.setattr(paths, "runner", lambda build: Path("/nowhere/runner"))
    target = ScriptedTarget()
    target.info = INFO.model_copy(update={"runner": build})
    with pinned.raises(BlockFailed) as caught:
        engines()["tflite"].prepare(target, planned(), files)
    assert caught.value.hint == f"Run `{goal}`."


def test_a_library_that_cannot_be_obtained_fails_the_block(
    files: ModelFiles, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    def offline(engine: str, backend: str, build: str) -> libraries.EngineLibraries:
        raise BadInput("It could not be fetched.", hint="Check the network.")

    monkeypatch.setattr(libraries, "libraries_for", offline)
    with pinned.raises(BlockFailed):
        engines()["tflite"].prepare(ScriptedTarget(), planned(), files)


def test_a_model_file_that_is_gone_fails_the_block(files: ModelFiles, pinned: Pinned) -> None:
    (files.folder / "model.tflite").unlink()
    with pinned.raises(BlockFailed):
        engines()["tflite"].prepare(ScriptedTarget(), planned(), files)


def test_a_model_without_the_format_is_unsupported(files: ModelFiles, pinned: Pinned) -> None:
    with pinned.raises(Unsupported):
        engines()["onnxruntime"].prepare(ScriptedTarget(), planned("onnxruntime"), files)


OWN_KERNELS = "TensorFlow Lite's own kernels compute float32 as it is: float16 needs the delegate xnnpack"


@pytest.mark.parametrize(
    ("engine", "changes", "reason"),
    [
        ("tflite", {}, None),
        ("onnxruntime", {}, None),
        ("sleep", {}, None),
        ("tflite", {"backend": "webgl"}, "engine `tflite` has no backend `webgl`"),
        ("tflite", {"delegate": "simd"}, "tflite cpu has no delegate simd (it has xnnpack, none)"),
        ("tflite", {"wasm_build": "simd"}, "tflite cpu runs no WebAssembly"),
        ("tflite", {"delegate": "none", "arithmetic": "fp16"}, OWN_KERNELS),
        ("tflite", {"threads": 257}, "engine `tflite` runs at most 256 threads"),
    ],
)
def test_supports(monkeypatch: pytest.MonkeyPatch, engine: str, changes: dict[str, Any], reason: str | None) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    case = replace(planned(engine).case, **changes)
    assert engines()[engine].supports(INFO, case) == reason


def test_a_case_without_a_known_library_is_unsupported() -> None:
    phone = INFO.model_copy(update={"runner": "android-riscv64"})
    assert "android-riscv64" in (engines()["tflite"].supports(phone, planned().case) or "")
    assert engines()["sleep"].supports(phone, planned("sleep").case) is None


def test_every_native_engine_is_registered_by_its_own_name() -> None:
    assert all(engine.name == name for name, engine in engines().items())
    assert [name for name, engine in engines().items() if engine.kind == "native"] == [
        "tflite",
        "onnxruntime",
        "tensorflow",
        "sleep",
    ]


def test_no_native_engine_runs_in_a_browser() -> None:
    asked = planned()
    block = asked.model_copy(update={"case": replace(asked.case, browser="chrome")})
    assert why_unsupported(engines()["tflite"], INFO, block) == "engine `tflite` runs without a browser"
