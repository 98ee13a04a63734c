"""What the native engines share: push the runner, its library and the model, run one block, read its one JSON."""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Literal

from pydantic import ValidationError

from mobilebench import paths
from mobilebench.engines import libraries
from mobilebench.engines.base import EVERY_PASS, Backend, BlockResult
from mobilebench.errors import BadInput, BlockFailed, MobilebenchError, Unsupported
from mobilebench.models.inputs import SAMPLES
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.results.records import BlockRule, Case, FileProof, Measurement, Pass, PlannedBlock, SpentOn, TargetInfo
from mobilebench.targets.base import Pushed, ShellResult, Target

ENVIRONMENT = {"ORT_DISABLE_TELEMETRY": "1"}
MAX_THREADS = 256

_LARGEST_ANSWER = 64 * 2**20
_SETUP_SECONDS = 60.0
_SLOWEST_PREDICTION_SECONDS = 10.0
_EXIT_CODES = {"ok": 0, "error": 1, "unsupported": 3}
_BAD_ARGUMENT = 2
_SIGNAL_MEANINGS = {
    signal.SIGKILL: "out of memory?",
    signal.SIGILL: "the processor lacks an instruction that the library uses",
    signal.SIGBUS: "a file was cut short while it was used?",
    signal.SIGSEGV: "the engine's library crashed",
    signal.SIGABRT: "the engine's library gave up",
}


@dataclass(frozen=True)
class Loaded:
    """A file on this computer and where it was put on the target."""

    local: Path
    pushed: Pushed


class NativeEngine:
    """An engine of the C runner. Subclasses say its name, backends, model format and library."""

    name: str
    description: str
    backends: tuple[Backend, ...]
    format: Format | None
    """None for an engine that loads neither model nor library."""
    setup_parts: frozenset[str]
    """Parts of setup that every measured block has."""
    kind: Literal["native"] = "native"
    claims_machine: bool = True
    passes: frozenset[Pass] = EVERY_PASS

    def supports(self, target: TargetInfo, case: Case) -> str | None:
        """Why this case cannot run on this target, in plain words; None when it can."""
        backend = next((one for one in self.backends if one.name == case.backend), None)
        if backend is None:
            return f"engine `{self.name}` has no backend `{case.backend}`"
        if case.setting not in backend.settings:
            return f"backend `{case.backend}` of `{self.name}` has no setting `{case.setting}`"
        if case.threads > MAX_THREADS:
            return f"the native runner takes at most {MAX_THREADS} threads"
        if case.browser is not None:
            return f"engine `{self.name}` runs without a browser"
        return libraries.missing_reason(self.name, target.runner) if self.format else None

    def prepare(self, target: Target, case: Case, files: ModelFiles) -> dict[SpentOn, float]:  # noqa: ARG002
        """Push runner, library and model; milliseconds by what they went to.

        Raises:
            BlockFailed: one of them is missing here or cannot be brought there.
            Unsupported: there is no library for this target, or the model lacks this engine's format.
        """
        started = time.monotonic()
        self._push(target, files)
        return {"push": (time.monotonic() - started) * 1e3}

    def measure(
        self, target: Target, block: PlannedBlock, files: ModelFiles, *, cancel: Event, samples: int = SAMPLES
    ) -> BlockResult:
        """Measure one block in a fresh process of the runner.

        Raises:
            Unsupported: this engine cannot run this model on this target.
            BlockFailed: the runner did not answer, or its answer does not hold.
            TargetLost: the target went away.
        """
        began = time.monotonic()
        loaded = self._push(target, files)
        started = time.monotonic()
        result = target.shell(
            self._command(block, files, loaded, samples),
            timeout=time_limit(block.rule),
            environment=ENVIRONMENT,
            cancel=cancel,
        )
        ended = time.monotonic()
        measurement = read_answer(result, engine=self.name, target=target.info.id)
        self._check(measurement, block, files, target.info.id)
        proven = _with_checksums(measurement, loaded, target.info.id)
        launch = max(0.0, (ended - started) * 1e3 - measurement.measured_ms)
        return BlockResult(proven, {"push": (started - began) * 1e3, "launch": launch})

    def _push(self, target: Target, files: ModelFiles) -> list[Loaded]:
        """Runner, and then library and model where the engine loads any."""
        runner = paths.runner(target.info.runner)
        if not runner.is_file():
            raise BlockFailed(
                f"The native runner for {target.info.runner} ({target.info.id}) is not built.",
                hint="Run `make native`.",
            )
        loaded = [Loaded(runner, target.push(runner, executable=True))]
        if self.format is None:
            return loaded
        library = self._library(target.info)
        model, sha256 = self._model(files, self.format)
        loaded.append(Loaded(library.path, target.push(library.path, sha256=library.sha256)))
        loaded.append(Loaded(model, target.push(model, sha256=sha256)))
        return loaded

    def _library(self, target: TargetInfo) -> libraries.Library:
        try:
            return libraries.library(self.name, target.runner)
        except BadInput as error:
            raise BlockFailed(error.message, hint=error.hint) from error

    def _model(self, files: ModelFiles, wanted: Format) -> tuple[Path, str]:
        entry = files.manifest.formats.get(wanted)
        path = files.file(wanted)
        if entry is None or path is None:
            raise Unsupported(f"{files.missing(wanted)}.")
        if entry.parts:
            raise Unsupported(f"{path.name} keeps its weights in further files, which the native runner does not read.")
        if not path.is_file():
            raise BlockFailed(
                f"The model file {path} is missing.", hint=f"Run `mobilebench models build {files.manifest.model}`."
            )
        return path, entry.sha256

    def _command(self, block: PlannedBlock, files: ModelFiles, loaded: list[Loaded], samples: int) -> list[str]:
        runner, *others = [str(one.pushed.path) for one in loaded]
        case, rule = block.case, block.rule
        command = [runner, "--engine", self.name, "--setting", case.setting, "--threads", str(case.threads)]
        command += ["--min-predictions", str(min(rule.min_predictions, rule.max_predictions))]
        command += ["--max-predictions", str(rule.max_predictions), "--max-seconds", repr(rule.max_seconds)]
        command += ["--samples", str(samples)]
        if self.format is None:
            return command
        library, model = others
        return [*command, "--library", library, "--model", model, *tensor_arguments(files, self.format)]

    def _check(self, measurement: Measurement, block: PlannedBlock, files: ModelFiles, target: str) -> None:
        """An answer that is well-formed and yet not what was asked for is refused."""
        rule = block.rule
        fewest = min(rule.min_predictions, rule.max_predictions)
        if not fewest <= len(measurement.prediction_ms) <= rule.max_predictions or len(measurement.warmup_ms) != 1:
            raise _not_usable(
                target, f"it holds {len(measurement.prediction_ms)} predictions, asked were {rule.describe()}"
            )
        missing = sorted(self.setup_parts - set(measurement.setup_ms))
        if missing:
            raise _not_usable(target, f"it lacks the setup part {missing[0]}")
        expected = files.manifest.outputs if self.format else []
        if [summary.name for summary in measurement.output] != expected:
            raise _not_usable(target, "it does not hold the model's outputs")


def tensor_arguments(files: ModelFiles, wanted: Format) -> list[str]:
    """The runner's `--input` and `--output` arguments, in canonical order."""
    manifest = files.manifest
    entry = manifest.formats[wanted]
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


def time_limit(rule: BlockRule) -> float:
    """Seconds after which a block counts as stuck: setup, the rule's time, and slow predictions up to its minimum."""
    return _SETUP_SECONDS + 2 * rule.max_seconds + _SLOWEST_PREDICTION_SECONDS * (1 + rule.min_predictions)


def read_answer(result: ShellResult, *, engine: str, target: str) -> Measurement:
    """The runner's answer, checked.

    Raises:
        Unsupported: the runner says that the engine cannot run this model here.
        BlockFailed: it says what went wrong, was killed, or its answer is not whole.
    """
    measurement = _parse(result, target)
    if measurement.engine not in {engine, "unknown"}:
        raise _not_usable(target, f"it is from engine `{measurement.engine}`, asked was `{engine}`")
    agreed = result.exit_code == _EXIT_CODES[measurement.status] or (
        measurement.status == "error" and result.exit_code == _BAD_ARGUMENT
    )
    if not agreed:
        raise _not_usable(target, f"it says {measurement.status}, but the exit code is {result.exit_code}")
    reason = measurement.reason or "the runner gave no reason"
    if measurement.status == "unsupported":
        raise Unsupported(f"{engine}: {reason}")
    if measurement.status == "error":
        raise BlockFailed(f"{engine} on {target}: {reason}")
    return measurement


def _parse(result: ShellResult, target: str) -> Measurement:
    if ended := _how_it_ended(result.exit_code):
        raise BlockFailed(f"The native runner on {target} {ended}.{_last_words(result.stderr)}")
    if len(result.stdout) > _LARGEST_ANSWER:
        raise _not_usable(target, f"it is {len(result.stdout)} bytes long")
    if not result.stdout.endswith(b"}\n"):
        raise BlockFailed(
            f"The native runner on {target} gave no whole answer (exit code {result.exit_code})."
            + _last_words(result.stderr)
        )
    try:
        return Measurement.model_validate_json(result.stdout)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "its start"
        raise _not_usable(target, f"at {place}: {first['msg']}") from error


def _how_it_ended(exit_code: int) -> str | None:
    """Words for an end that leaves no answer; a shell tells a signal as 128 + its number, a subprocess as negative."""
    if exit_code in {126, 127}:
        return f"could not be started (exit code {exit_code}): is it built for this target?"
    number = -exit_code if exit_code < 0 else exit_code - 128
    if not 0 < number < 65:
        return None
    try:
        meaning = _SIGNAL_MEANINGS.get(signal.Signals(number))
    except ValueError:
        meaning = None
    return f"was killed by signal {number}" + (f": {meaning}" if meaning else "")


def _last_words(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr[-4096:].decode("utf-8", "replace").splitlines() if line.strip()]
    if not lines:
        return ""
    words = "".join(character if character.isprintable() else "?" for character in lines[-1])
    return f" It last said: {words[:300]}"


def _with_checksums(measurement: Measurement, loaded: list[Loaded], target: str) -> Measurement:
    """Name the files that the runner says it loaded, by what was pushed; their sizes have to agree."""
    sizes = {proof.name: proof.bytes for proof in measurement.proof.files}
    runner, *others = loaded
    files = [_file_proof(runner)]
    for one in others:
        size = sizes.get(str(one.pushed.path))
        if size != one.local.stat().st_size:
            found = "did not load it" if size is None else f"found {size} bytes"
            raise BlockFailed(
                f"{one.local.name} on {target} is not the file that was pushed: the runner {found}.",
                hint="Is the storage full? Free some, and run again.",
            )
        files.append(_file_proof(one))
    return measurement.model_copy(update={"proof": measurement.proof.model_copy(update={"files": files})})


def _file_proof(one: Loaded) -> FileProof:
    return FileProof(name=one.local.name, sha256=one.pushed.sha256, bytes=one.local.stat().st_size)


def _not_usable(target: str, why: str) -> MobilebenchError:
    return BlockFailed(f"The native runner's answer on {target} cannot be used: {why}.")
