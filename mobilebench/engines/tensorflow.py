"""TensorFlow on this computer: runs a SavedModel in a fresh Python process, on the CPU or on a GPU."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Literal

from mobilebench.core import temporary
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.hashing import known_sha256
from mobilebench.core.records import (
    Case,
    Conditions,
    FileProof,
    Measurement,
    PlannedBlock,
    TargetInfo,
)
from mobilebench.engines import app, cuda, native
from mobilebench.engines.base import Backend, BlockResult, EngineOf, PreparedCase, reason_against
from mobilebench.engines.native import MAX_THREADS, answer_arguments, patience_s, tensor_arguments
from mobilebench.engines.runner_output import not_usable, read_answer, read_import, require_block
from mobilebench.engines.tensorflow_worker import network
from mobilebench.engines.time_limit import too_slow_is_unsupported, waiting
from mobilebench.models.inspection import signatures
from mobilebench.models.manifest import Format, FormatFile, ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.profiles import machine
from mobilebench.recorders import registry
from mobilebench.recorders.sources import Processes
from mobilebench.targets.base import ShellResult, Target

FORMAT: Format = "saved_model"
SETUP_PARTS = frozenset({"library_load", "model_read", "session_creation"})
MENDED_BY = "pip install 'mobilebench[models]'"

_IMPORT: native.LoadKey = ("tensorflow", "import")
_WORKER = "mobilebench.engines.tensorflow_worker"
_IMPORT_SECONDS = 60.0
"""Time for importing TensorFlow, which may read a gigabyte from a slow disk."""


@dataclass(frozen=True)
class ExpectedFile:
    """A file that the process has to report as loaded."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class PreparedSavedModel(PreparedCase):
    """A block of a SavedModel whose files are all present."""

    model: list[ExpectedFile]
    """The graph, then the variables."""


class TensorflowEngine(EngineOf[PreparedSavedModel]):
    """Runs SavedModels by calling the function of their signature."""

    name = "tensorflow"
    kind: Literal["native"] = "native"
    description = "TensorFlow in a fresh Python process on this computer; importing it is part of setup"
    backends = (
        Backend("cpu", "TensorFlow's own kernels and those of oneDNN, with no GPU visible"),
        Backend("gpu", "CUDA kernels on the first GPU; soft placement is off"),
    )
    format: Format = FORMAT
    why_no_kernels: str | None = None
    claims_machine = True
    start_seconds = 6.0

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        """Why this case cannot run on this target, in plain words; None when it can."""
        if reason := reason_against(self.name, self.backends, MAX_THREADS, case):
            return reason
        if target.kind != "host":
            return "TensorFlow runs on this computer only; on phones there is TensorFlow Lite (engine `tflite`)"
        if reason := app.why_not(target, case):
            return reason
        if find_spec("tensorflow") is None:
            return f"the package tensorflow is not installed (`{MENDED_BY}`)"
        if case.backend == "gpu" and (reason := cuda.no_device()):
            return f"TensorFlow sees no GPU here: {reason}"
        return None

    def prepare(self, target: Target, block: PlannedBlock, files: ModelFiles) -> PreparedSavedModel:
        """Hash TensorFlow's libraries, which takes seconds the first time; nothing has to be copied anywhere.

        Raises:
            Unsupported: the model has no SavedModel or is to be mapped, or an earlier block found that TensorFlow
                cannot be imported.
            BlockFailed: a file of the model is missing.
        """
        started = time.monotonic()
        if block.conditions.model_access == "mapped":
            raise Unsupported("TensorFlow has no option to map a SavedModel into memory.")
        model = _model(files)
        native.known_loadable(target, _IMPORT)
        for library in network.installed():
            known_sha256(library)
        return PreparedSavedModel(target, block, files, {"push": (time.monotonic() - started) * 1e3}, model)

    def measure(
        self,
        prepared: PreparedSavedModel,
        *,
        cancel: Event,
        samples: int = SAMPLES,
        traces: Path | None = None,  # noqa: ARG002
    ) -> BlockResult:
        """Measure one block in a fresh process.

        Raises:
            Unsupported: TensorFlow cannot run this model here, not as asked, or not within the rule's time limit.
            BlockFailed: the process printed no measurement, or one that cannot be right.
        """
        target, block, files = prepared.target, prepared.block, prepared.files
        started = time.monotonic()
        with (
            too_slow_is_unsupported(),
            machine.with_kill_reason(),
            temporary.folder("mobilebench-tensorflow-") as scratch,
            waiting(block.rule, _IMPORT_SECONDS + patience_s(block.rule)) as seconds,
        ):
            words = command(block, files, samples, scratch)
            prepared.processes.are(Processes(command=tuple(words)))
            result = target.shell(
                words,
                timeout=seconds,
                environment=environment(block.case, scratch),
                cancel=cancel,
            )
            ended = time.monotonic()
            if (scratch / network.IMPORTING).exists():
                _require_imported(target, result)
            measurement = read_answer(result, engine=self.name, target=target.info.id)
        _check(measurement, block, files, target.info.id)
        proven = _with_checksums(measurement, prepared.model, target.info.id)
        return BlockResult(proven, {"launch": max(0.0, (ended - started) * 1e3 - measurement.measured_ms)})


def _require_imported(target: Target, result: ShellResult) -> None:
    """Remember an import that ended the process, since it would end the process of every later block too."""
    try:
        read_import(result, engine=TensorflowEngine.name, target=target.info.id)
    except Unsupported as error:
        native.remember_unloadable(target, _IMPORT, error)
        raise


def command(block: PlannedBlock, files: ModelFiles, samples: int, scratch: Path) -> list[str]:
    """The worker's command line for one block."""
    case, rule, conditions = block.case, block.rule, block.conditions
    graph, *_ = _model(files)
    return [
        *(sys.executable, "-P", "-m", _WORKER, "--engine", "tensorflow"),
        *("--backend", case.backend, *registry.of_pass(block.pass_).runner_arguments()),
        *("--threads", str(case.threads), "--signature", signatures.of_saved_model(files)),
        *("--min-predictions", str(min(rule.min_predictions, rule.max_predictions))),
        *("--max-predictions", str(rule.max_predictions), "--max-seconds", repr(rule.max_seconds)),
        *("--samples", str(samples), "--affinity", case.affinity, "--page-cache", case.caches),
        *(("--priority", str(conditions.priority)) if conditions.priority != Conditions().priority else ()),
        *("--scratch", str(scratch), "--model", str(graph.path)),
        *answer_arguments(files),
        *tensor_arguments(files, FORMAT),
    ]


def environment(case: Case, scratch: Path) -> dict[str, str]:
    """Variables that the process gets in addition to this one's: little output, files only in `scratch`, and no visible
    GPU when it computes on the CPU.
    """
    usual = {"TF_CPP_MIN_LOG_LEVEL": "2", "KERAS_HOME": str(scratch), "TMPDIR": str(scratch)}
    return usual if case.backend == "gpu" else {**usual, "CUDA_VISIBLE_DEVICES": "-1"}


def installed_version() -> str | None:
    """Version of the installed Python package; None when it is not installed."""
    try:
        return version("tensorflow")
    except PackageNotFoundError:
        return None


def _model(files: ModelFiles) -> list[ExpectedFile]:
    """The graph, then the variables. The process reports no other files of a SavedModel."""
    entry: FormatFile | None = files.manifest.formats.get(FORMAT)
    if entry is None:
        raise Unsupported(f"{files.missing(FORMAT)}.")
    folder = PurePosixPath(entry.path).parent / "variables"
    variables = sorted(part for part in entry.parts.items() if PurePosixPath(part[0]).is_relative_to(folder))
    asked = [
        ExpectedFile((files.folder / path).resolve(), sha256)
        for path, sha256 in ((entry.path, entry.sha256), *variables)
    ]
    for one in asked:
        if not one.path.is_file():
            raise BlockFailed(
                f"The model file {one.path} is missing.", hint=f"Run `mobilebench models build {files.manifest.model}`."
            )
    return asked


def _check(measurement: Measurement, block: PlannedBlock, files: ModelFiles, target: str) -> None:
    """Refuse a well-formed answer that is not what was asked for."""
    require_block(measurement, block, target)
    if missing := sorted(SETUP_PARTS - set(measurement.setup_ms)):
        raise not_usable(target, f"it lacks the setup part {missing[0]}")
    if [summary.name for summary in measurement.output] != files.manifest.outputs:
        raise not_usable(target, "it does not hold the model's outputs")
    if measurement.version != installed_version():
        raise not_usable(target, f"TensorFlow {measurement.version} answered, installed is {installed_version()}")


def _with_checksums(measurement: Measurement, model: list[ExpectedFile], target: str) -> Measurement:
    """Add SHA-256 sums, computed here, to the files that the process loaded; their sizes have to agree."""
    loaded = {Path(proof.name): proof.bytes for proof in measurement.proof.files}
    libraries = [ExpectedFile(library, known_sha256(library)) for library in network.installed() if library in loaded]
    if not libraries:
        raise not_usable(target, "it names none of TensorFlow's installed libraries")
    for one in [*model, *libraries]:
        if loaded.get(one.path) != one.path.stat().st_size:
            raise BlockFailed(
                f"{one.path.name} on {target} changed while it was measured, or was not loaded.", hint="Run it again."
            )
    files = [FileProof(name=one.path.name, sha256=one.sha256, bytes=loaded[one.path]) for one in [*libraries, *model]]
    return measurement.model_copy(update={"proof": measurement.proof.model_copy(update={"files": files})})
