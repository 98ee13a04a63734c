"""Shared by the native engines: place libraries and model, run one block, and read the JSON that the runner prints.

Whether an engine's libraries load on a target is tried once while the target is open, and remembered.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Literal
from weakref import WeakKeyDictionary

from mobilebench.core.errors import BadInput, BlockFailed, Unsupported
from mobilebench.core.records import (
    AppProof,
    BlockRule,
    Case,
    Conditions,
    FileProof,
    Measurement,
    PlannedBlock,
    TargetInfo,
)
from mobilebench.engines import app, libraries
from mobilebench.engines.app.process import AppProcess
from mobilebench.engines.base import Backend, BlockResult, EngineOf, PreparedCase, reason_against
from mobilebench.engines.runner_output import not_usable, read_answer, read_check, require_block
from mobilebench.engines.runner_process import Loaded, RunnerProcess, ShellProcess
from mobilebench.engines.time_limit import too_slow_is_unsupported, waiting
from mobilebench.models import behaviour
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.profiles import machine
from mobilebench.recorders import registry
from mobilebench.targets.base import NotStarted, Target, TargetPath

MAX_THREADS = 256

_SETUP_SECONDS = 60.0
_SLOWEST_PREDICTION_SECONDS = 10.0
_LOADING_SECONDS = 90.0
"""Timeout for only loading libraries. The runner itself gives up after 60 s and reports that."""


@dataclass(frozen=True)
class RunnerFiles:
    """How one block's process is started, and the files that it loads."""

    process: RunnerProcess
    library: Loaded | None = None
    delegate: Loaded | None = None
    model: Loaded | None = None
    notes: tuple[str, ...] = ()
    """What a reader of results should know of the libraries."""

    @property
    def loaded(self) -> list[Loaded]:
        """The files that the runner has to report as loaded."""
        return [one for one in (self.library, self.delegate, self.model) if one is not None]


@dataclass(frozen=True)
class PreparedRunner(PreparedCase):
    """A block whose runner can be started."""

    on_target: RunnerFiles


class NativeEngine(EngineOf[PreparedRunner]):
    """An engine of the C runner. Subclasses give its name, backends, model format and library."""

    name: str
    description: str
    backends: tuple[Backend, ...]
    format: Format | None
    """None for an engine that loads neither model nor library."""
    setup_parts: frozenset[str]
    """Parts of setup that every measurement must contain."""
    kind: Literal["native"] = "native"
    claims_machine: bool = True
    start_seconds: float = 0.0
    why_no_kernels: str | None = None

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        """Why this case cannot run on this target, in plain words; None when it can."""
        if reason := reason_against(self.name, self.backends, MAX_THREADS, case):
            return reason
        if reason := app.why_not(target, case):
            return reason
        return libraries.missing_reason(self.name, target.runner, case.backend) if self.format else None

    def prepare(self, target: Target, block: PlannedBlock, files: ModelFiles) -> PreparedRunner:
        """Place runner, libraries and model, and check once for each target and context that the libraries load.

        Raises:
            BlockFailed: one of them is missing here or cannot be pushed.
            Unsupported: there is no library for this target, it cannot be loaded there, or the model lacks this
                engine's format.
        """
        started = time.monotonic()
        on_target = self._push(target, block.case, files)
        return PreparedRunner(target, block, files, {"push": (time.monotonic() - started) * 1e3}, on_target)

    def measure(
        self,
        prepared: PreparedRunner,
        *,
        cancel: Event,
        samples: int = SAMPLES,
        traces: Path | None = None,  # noqa: ARG002
    ) -> BlockResult:
        """Measure one block in a fresh process of the runner.

        Raises:
            Unsupported: this engine cannot run this model on this target, or not within the rule's time limit.
            BlockFailed: the runner printed no measurement, or one that cannot be right.
            TargetLost: the target went away.
        """
        target, block = prepared.target, prepared.block
        process = prepared.on_target.process
        with self._scratch(process, block) as scratch:
            started = time.monotonic()
            with (
                too_slow_is_unsupported(),
                machine.with_kill_reason() if target.info.kind == "host" else nullcontext(),
                waiting(block.rule, patience_s(block.rule)) as seconds,
            ):
                ran = process.run(self._arguments(prepared, samples, scratch), timeout=seconds, cancel=cancel)
                ended = time.monotonic()
                measurement = read_answer(ran.result, engine=self.name, target=target.info.id)
        self._check(measurement, block, prepared.files, target.info.id)
        proven = _with_checksums(measurement, prepared.on_target, target.info.id, ran.app)
        return BlockResult(proven, {"launch": max(0.0, (ended - started) * 1e3 - measurement.measured_ms)})

    def _scratch(self, process: RunnerProcess, block: PlannedBlock) -> AbstractContextManager[TargetPath | None]:
        """A scratch folder where the block needs one: only profilers and delegates write files."""
        if self.format is None or (
            block.case.backend == "cpu" and not registry.of_pass(block.pass_).runner_writes_files
        ):
            return nullcontext()
        return process.scratch()

    def _push(self, target: Target, case: Case, files: ModelFiles) -> RunnerFiles:
        """Place the runner, and then libraries and model where the engine loads any."""
        process: RunnerProcess = AppProcess.on(target, case.context) if case.in_app else ShellProcess.on(target)
        if self.format is None:
            return RunnerFiles(process)
        found = self._libraries(target.info, case)
        model, sha256 = self._model(files, self.format)
        library = _placed_library(process, found.core)
        delegate = _placed_library(process, found.delegate) if found.delegate else None
        self._require_loadable(target, case, RunnerFiles(process, library, delegate))
        return RunnerFiles(
            process,
            library=library,
            delegate=delegate,
            model=Loaded(model, process.place(model, sha256=sha256)),
            notes=found.notes,
        )

    def _require_loadable(self, target: Target, case: Case, on_target: RunnerFiles) -> None:
        """Check the core library first: a defect there concerns every backend."""
        assert on_target.library is not None, "called for engines that load one"
        core = (self.name, on_target.process.context, on_target.library.pushed.sha256)
        require_loadable(target, core, lambda: self._try_loading(target, case, on_target, "library"))
        delegate = on_target.delegate.pushed.sha256 if on_target.delegate else ""
        whole = (*core, delegate, *_backend_arguments(case))
        require_loadable(target, whole, lambda: self._try_loading(target, case, on_target, "delegate"))

    def _try_loading(
        self, target: Target, case: Case, on_target: RunnerFiles, what: Literal["library", "delegate"]
    ) -> None:
        arguments = ["--engine", self.name, "--check", what, "--threads", "1"]
        if what == "library":
            arguments += _library_arguments(replace(on_target, delegate=None))
        else:
            arguments += [*_backend_arguments(case), "--allow-fp16", "1"]
            arguments += _library_arguments(on_target)
        try:
            ran = on_target.process.run(arguments, timeout=_LOADING_SECONDS)
        except NotStarted as error:
            raise Unsupported(error.message) from error
        read_check(ran.result, engine=self.name, target=target.info.id)

    def _libraries(self, target: TargetInfo, case: Case) -> libraries.EngineLibraries:
        try:
            return libraries.libraries_for(self.name, case.backend, target.runner)
        except BadInput as error:
            raise BlockFailed(error.message, hint=error.hint) from error

    def _model(self, files: ModelFiles, model_format: Format) -> tuple[Path, str]:
        entry = files.manifest.formats.get(model_format)
        path = files.file(model_format)
        if entry is None or path is None:
            raise Unsupported(f"{files.missing(model_format)}.")
        if entry.parts:
            raise Unsupported(f"{path.name} keeps its weights in further files, which the native runner does not read.")
        if not path.is_file():
            raise BlockFailed(
                f"The model file {path} is missing.", hint=f"Run `mobilebench models build {files.manifest.model}`."
            )
        return path, entry.sha256

    def _arguments(self, prepared: PreparedRunner, samples: int, scratch: TargetPath | None) -> list[str]:
        block, files, on_target = prepared.block, prepared.files, prepared.on_target
        case, rule = block.case, block.rule
        command = ["--engine", self.name]
        command += [*_backend_arguments(case), *registry.of_pass(block.pass_).runner_arguments()]
        command += ["--threads", str(case.threads)]
        command += ["--min-predictions", str(min(rule.min_predictions, rule.max_predictions))]
        command += ["--max-predictions", str(rule.max_predictions), "--max-seconds", repr(rule.max_seconds)]
        command += ["--samples", str(samples), *_condition_arguments(block)]
        if scratch is not None:
            command += ["--scratch", str(scratch)]
        if self.format is None or on_target.library is None or on_target.model is None:
            return command
        command += _library_arguments(on_target)
        command += ["--model", str(on_target.model.pushed.path)]
        if case.batch != files.manifest.batch:
            command += ["--batch", str(case.batch)]
        return [*command, *answer_arguments(files), *tensor_arguments(files, self.format)]

    def _check(self, measurement: Measurement, block: PlannedBlock, files: ModelFiles, target: str) -> None:
        """Refuse a well-formed answer that is not what was asked for."""
        require_block(measurement, block, target)
        missing = sorted(self.setup_parts - set(measurement.setup_ms))
        if missing:
            raise not_usable(target, f"it lacks the setup part {missing[0]}")
        expected = files.manifest.outputs if self.format else []
        if [summary.name for summary in measurement.output] != expected:
            raise not_usable(target, "it does not hold the model's outputs")


def _placed_library(process: RunnerProcess, library: libraries.Library) -> Loaded:
    return Loaded(library.path, process.place(library.path, sha256=library.sha256))


def _library_arguments(on_target: RunnerFiles) -> list[str]:
    arguments = []
    for option, one in (("--library", on_target.library), ("--delegate-library", on_target.delegate)):
        if one is not None:
            arguments += [option, str(one.pushed.path)]
    return arguments


def _backend_arguments(case: Case) -> list[str]:
    """Arguments for the backend and the axes that it offers."""
    arguments = ["--backend", case.backend]
    if case.delegate is not None:
        arguments += ["--delegate", case.delegate]
    if case.arithmetic is not None:
        arguments += ["--arithmetic", case.arithmetic]
    return arguments


def _condition_arguments(block: PlannedBlock) -> list[str]:
    """Arguments for the conditions that differ from the defaults of a process."""
    case, conditions, usual = block.case, block.conditions, Conditions()
    arguments = []
    if case.arithmetic == "fp16":
        arguments += ["--allow-fp16", "1"]
    if case.affinity != "none":
        arguments += ["--affinity", case.affinity]
    if conditions.priority != usual.priority:
        arguments += ["--priority", str(conditions.priority)]
    if conditions.model_access != usual.model_access:
        arguments += ["--model-access", conditions.model_access]
    if case.caches != "as found":
        arguments += ["--page-cache", case.caches]
    return arguments


def answer_arguments(files: ModelFiles) -> list[str]:
    """Argument that makes a model with state report its first inference instead of its last one."""
    return ["--answer", "first"] if behaviour.of(files.manifest).stateful else []


def tensor_arguments(files: ModelFiles, model_format: Format) -> list[str]:
    """The runner's `--input` and `--output` arguments, in canonical order."""
    manifest = files.manifest
    entry = manifest.formats[model_format]
    arguments = []
    for spec in manifest.inputs:
        dtype = entry.input_dtypes.get(spec.name, spec.dtype)
        shape = "x".join(str(size) for size in spec.shape) or "scalar"
        shape = f"open:{shape}" if spec.name in entry.open_inputs else shape
        fill = f"{spec.fill.kind}:{spec.fill.low!r}:{spec.fill.high!r}"
        arguments += ["--input", f"{entry.inputs[spec.name]},{dtype},{shape},{fill}"]
    for name in manifest.outputs:
        arguments += ["--output", f"{name}={entry.outputs[name]}"]
    return arguments


def patience_s(rule: BlockRule) -> float:
    """Seconds after which a block counts as stuck: setup, the rule's time, and its minimum of slow predictions."""
    return _SETUP_SECONDS + 2 * rule.max_seconds + _SLOWEST_PREDICTION_SECONDS * (1 + rule.min_predictions)


def _with_checksums(
    measurement: Measurement, on_target: RunnerFiles, target: str, app_proof: AppProof | None
) -> Measurement:
    """Add SHA-256 and origin to the files that the runner loaded, from what was pushed; the sizes have to agree. Add
    what Android says of the app's process, too.
    """
    sizes = {proof.name: proof.bytes for proof in measurement.proof.files}
    files = [_file_proof(on_target.process.program)]
    for one in on_target.loaded:
        size = sizes.get(str(one.pushed.path))
        if size != one.local.stat().st_size:
            found = "did not load it" if size is None else f"found {size} bytes"
            raise BlockFailed(
                f"{one.local.name} on {target} is not the file that was pushed: the runner {found}.",
                hint="Is the storage full? Free some, and run again.",
            )
        files.append(_file_proof(one))
    notes = [*measurement.proof.notes, *on_target.notes]
    proof = measurement.proof.model_copy(update={"files": files, "notes": notes, "app": app_proof})
    return measurement.model_copy(update={"proof": proof})


def _file_proof(one: Loaded) -> FileProof:
    return FileProof(name=one.local.name, sha256=one.pushed.sha256, bytes=one.local.stat().st_size)


LoadKey = tuple[str, ...]
"""What was tried: engine, checksums of its libraries, and backend and setting where these matter."""

_tried: WeakKeyDictionary[Target, dict[LoadKey, Unsupported | None]] = WeakKeyDictionary()


def require_loadable(target: Target, key: LoadKey, try_it: Callable[[], None]) -> None:
    """Require that `try_it` succeeds on this target; it is called only the first time that a key is required.

    Raises:
        Unsupported: `try_it` raised it, now or the first time.
        MobilebenchError: `try_it` raised another error; it is called again the next time.
    """
    if not known_loadable(target, key):
        try:
            try_it()
        except Unsupported as error:
            remember_unloadable(target, key, error)
            raise
        _tried.setdefault(target, {})[key] = None


def known_loadable(target: Target, key: LoadKey) -> bool:
    """Whether this was tried and found to be possible.

    Raises:
        Unsupported: it was tried and found to be impossible.
    """
    found = _tried.get(target, {})
    if error := found.get(key):
        raise Unsupported(error.message, hint=error.hint)
    return key in found


def remember_unloadable(target: Target, key: LoadKey, why: Unsupported) -> None:
    """Remember, as long as the target is open, that something is impossible."""
    _tried.setdefault(target, {})[key] = why
