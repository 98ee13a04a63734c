"""Verifies models: builds missing ones, runs every cell that is not cached, and caches the results."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from threading import Event

from mobilebench.core import temporary
from mobilebench.core.errors import BadInput, BlockFailed, MobilebenchError, Unsupported, as_sentence
from mobilebench.core.records import TargetInfo
from mobilebench.models import behaviour, obtain, registry, user_store
from mobilebench.models.manifest import ModelFiles
from mobilebench.models.synthetic_inputs import SEEDED
from mobilebench.session.dependencies import in_use
from mobilebench.verification import answer_cache, cells, compare, matrix, outputs
from mobilebench.verification.answer_cache import Verifications
from mobilebench.verification.records import Answered, Cell, Difference, Judged, ModelMatrix, ReferenceFacts

HEAVY_MACS = 5e8
"""With a GPU in software, models with more multiply-accumulates than this run only on the published input."""

_BASE = "fp32"
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Request:
    """A request to verify models."""

    models: tuple[str, ...]
    precisions: tuple[str, ...] = ()
    """Empty: all precisions of a model."""
    engines: tuple[str, ...] = ()
    """Empty: all."""
    backends: tuple[str, ...] = ()
    """Empty: all, but without a GPU not `webgpu`."""
    inputs: tuple[str, ...] = SEEDED
    again: bool = False
    """Also run cells with cached results."""


@dataclass(frozen=True)
class Step:
    """The event that a model is being built, or its reference computed."""

    model: str
    precision: str
    step: str


@dataclass(frozen=True)
class Begun:
    """The event that a cell begins to run a seeded input."""

    cell: Cell
    number: int
    of: int
    seeded: str


@dataclass(frozen=True)
class Ended:
    """The event that a cell was judged."""

    row: Judged
    number: int
    of: int


Tell = Callable[[Step | Begun | Ended], None]


class Stopped(Exception):
    """The verification was cancelled; its results so far are cached."""


def check(request: Request) -> None:
    """Refuse a request that cannot be verified, before anything is built.

    Raises:
        BadInput: a model, precision, engine, backend or input is not known, or a model does not exist in a precision.
    """
    for what, given, known in (
        ("seeded input", request.inputs, SEEDED),
        ("engine to verify", request.engines, cells.ENGINES),
        ("backend to verify", request.backends, cells.BACKENDS),
    ):
        if unknown := sorted(set(given) - set(known)):
            raise BadInput(f"There is no {what} {unknown[0]!r}. Known: {', '.join(known)}.")
    for model in request.models:
        reasons = [registry.why_not(model, precision) for precision in request.precisions or _precisions(model)]
        if reasons and all(reasons):
            raise BadInput(f"{reasons[0]}.")


def everything() -> tuple[str, ...]:
    """The names of all available models."""
    return tuple(name for name in registry.names() if user_store.find(name) or registry.why_not(name) is None)


def verify(request: Request, here: TargetInfo, tell: Tell, cancel: Event) -> Iterator[ModelMatrix]:
    """Verify models one after the other on this computer; yields the matrix of each.

    Raises:
        BadInput: as for `check`.
        Stopped: `cancel` was set.
    """
    check(request)
    for model in request.models:
        with ExitStack() as held:
            yield _Verification(request, model, here, tell, cancel, held).matrix()


class _Verification:
    """The verification of one model."""

    def __init__(
        self, request: Request, model: str, here: TargetInfo, tell: Tell, cancel: Event, held: ExitStack
    ) -> None:
        self._request = request
        self._model = model
        self._here = here
        self._tell = tell
        self._cancel = cancel
        self._held = held
        self._folder = held.enter_context(temporary.folder("mobilebench-verify-"))
        self._files: dict[str, ModelFiles] = {}
        self._notes: list[str] = []

    def matrix(self) -> ModelMatrix:
        """All rows of the model."""
        complaints: list[str] = []
        precisions: dict[str, ModelFiles] = {}
        for precision in self._request.precisions or _precisions(self._model):
            if reason := registry.why_not(self._model, precision):
                self._notes.append(f"{precision} is left out: {reason}.")
                continue
            try:
                precisions[precision] = self._obtained(precision)
            except MobilebenchError as error:
                complaints.append(f"{precision} is not available: {error.message}")
        facts, unknown = self._facts() if precisions else (None, [])
        complaints += unknown
        if clause := behaviour.clause(behaviour.of(self._base.manifest)) if precisions else None:
            self._notes.append(as_sentence(clause))
        rows = [] if unknown else self._rows(precisions, facts)
        if facts:
            complaints += [one for files in precisions.values() for one in matrix.worthless(facts, files.manifest)]
            complaints += self._of_activations(facts)
        return ModelMatrix(
            model=self._model,
            reference=facts,
            complaints=list(dict.fromkeys(complaints)),
            notes=list(dict.fromkeys(self._notes)),
            cells=rows,
        )

    def _obtained(self, precision: str) -> ModelFiles:
        """The model, built and complete; a lock protects it from `models prune` until it is verified."""
        if precision not in self._files:
            added = user_store.find(self._model)
            files = _in_background(
                lambda: obtain.ensure(
                    self._model,
                    precision,
                    added.manifest.batch if added else 1,
                    lambda step: self._tell(Step(self._model, precision, step)),
                ),
                self._cancel,
            )
            self._held.enter_context(in_use(files))
            self._files[precision] = files
        return self._files[precision]

    @cached_property
    def _base(self) -> ModelFiles:
        """The files from which the reference comes."""
        added = user_store.find(self._model)
        return self._obtained(added.manifest.precision if added else _BASE)

    @cached_property
    def _reference(self) -> outputs.Reference:
        if outputs.why_no_reference(self._base.manifest):
            return outputs.stored_reference(self._base.manifest)
        self._say(f"computing the reference with {self._base.manifest.reference_engine}")
        try:
            return outputs.compute_reference(self._base, self._folder, self._cancel)
        except Unsupported as error:
            raise BlockFailed(
                f"It does not run the model for which it computed the reference: {error.message}"
            ) from error

    def _say(self, step: str) -> None:
        self._tell(Step(self._model, self._base.manifest.precision, step))

    def _facts(self) -> tuple[ReferenceFacts | None, list[str]]:
        """The facts about the reference, or why there can be none."""
        manifest = self._base.manifest
        if reason := outputs.why_no_reference(manifest):
            if not manifest.reference:
                return None, [as_sentence(f"{reason}: there is nothing to compare with")]
            self._notes.append(
                f"{manifest.reference_engine} cannot compute the reference again ({reason}). Outputs are compared with "
                "the stored reference for the published input, of which 64 elements per output are known."
            )
            return None, []
        known = Verifications(self._model, manifest.precision, answer_cache.files_key(manifest, manifest))
        stamp = answer_cache.reference_key(manifest)
        facts = None if self._request.again else known.reference(stamp)
        try:
            if facts is None:
                answers = self._reference
                self._say("examining its layers")
                facts = outputs.reference_facts(self._base, answers, stamp, self._cancel)
                known.keep_reference(facts)
        except MobilebenchError as error:
            self._look_for_stop()
            return None, [f"The reference is not known: {manifest.reference_engine}: {error.message}"]
        return facts, []

    def _of_activations(self, facts: ReferenceFacts) -> list[str]:
        """Problems of seeded weights, which we choose, are complaints; for other weights they are only notes."""
        if facts.activations is None:
            return []
        found = [f"Activations: {one}." for one in facts.activations.complaints]
        if self._base.manifest.weights == "seeded":
            return found
        self._notes += found
        return []

    def _rows(self, precisions: dict[str, ModelFiles], facts: ReferenceFacts | None) -> list[Judged]:
        planned = [
            (cell, files)
            for files in precisions.values()
            for cell in cells.cells(files.manifest, self._here, self._request.engines, self._request.backends)
        ]
        if not self._request.backends and cells.gpu(self._here) == "software":
            self._notes.append(
                f"{cells.SLOW_IN_SOFTWARE} was not tried: this computer has no GPU, and preparing the GPU that the CPU "
                f"imitates takes minutes. `--backend {cells.SLOW_IN_SOFTWARE}` tries it."
            )
        rows = []
        for number, (cell, files) in enumerate(planned, start=1):
            self._look_for_stop()
            row = self._row(cell, files, facts, (number, len(planned)))
            self._look_for_stop(row)
            self._tell(Ended(row, number, len(planned)))
            rows.append(row)
        return rows

    def _row(self, cell: Cell, files: ModelFiles, facts: ReferenceFacts | None, place: tuple[int, int]) -> Judged:
        tolerance, model = files.manifest.tolerance, behaviour.of(files.manifest)
        if reason := cells.why_not(cell, files.manifest, self._here):
            return matrix.unsupported(cell, tolerance, reason)
        inputs = self._inputs(cell, facts)
        known = Verifications(cell.model, cell.precision, answer_cache.files_key(files.manifest, self._base.manifest))
        stamp = answer_cache.cell_key(cell, self._here, inputs)
        if not self._request.again and (answered := known.answered(cell.key, stamp)):
            return matrix.judge(answered, tolerance, model, before=True)
        answered = self._answered(cell, files, inputs, stamp, place)
        known.keep(answered)
        return matrix.judge(answered, tolerance, model)

    def _inputs(self, cell: Cell, facts: ReferenceFacts | None) -> tuple[str, ...]:
        heavy = facts is not None and facts.macs is not None and facts.macs > HEAVY_MACS
        if not heavy or cell.choice != "software":
            return self._request.inputs
        self._notes.append(
            f"On the GPU that the CPU imitates, {self._model} ran on one seeded input only: it has more than "
            f"{HEAVY_MACS / 1e9:g} billion multiply-accumulates."
        )
        return self._request.inputs[:1]

    def _answered(
        self, cell: Cell, files: ModelFiles, inputs: tuple[str, ...], stamp: str, place: tuple[int, int]
    ) -> Answered:
        started = time.monotonic()
        outcome: _Found = _Found(None, [], {})
        refusal = failure = None
        try:
            outcome = self._asked(cell, files, inputs, place)
        except Unsupported as error:
            refusal = error.message
        except MobilebenchError as error:
            failure = error.message
        return Answered(
            cell=cell,
            stamp=stamp,
            at=datetime.now(UTC),
            seconds=round(time.monotonic() - started, 3),
            version=outcome.version,
            inputs=list(inputs),
            differences=outcome.differences,
            told_apart=outcome.told_apart,
            refusal=refusal,
            failure=failure,
        )

    def _asked(self, cell: Cell, files: ModelFiles, inputs: Sequence[str], place: tuple[int, int]) -> _Found:
        def begun(name: str) -> None:
            self._tell(Begun(cell, *place, name))

        begun(inputs[0])
        expected = self._reference
        if cell.choice != cells.PYTHON:
            answer = outputs.of_blocks(cell, files, self._here, inputs, expected.samples, self._cancel, begun)
            return _compared(answer.version, expected, answer.summaries)
        package = version(cells.PYTHON_ENGINES[cell.format].package)
        base = self._base.manifest
        if (cell.precision, cell.format) == (base.precision, outputs.reference_format(base)):
            differences = compare.differences("published", base.reference, expected.published)
            return _Found(package, differences, {one.name: one.least_change for one in expected.outputs})
        job = outputs.worker_job(
            "answers",
            files,
            cell.format,
            inputs,
            samples=expected.samples,
            reference=str(expected.folder) if expected.folder else None,
            references=list(expected.summaries),
        )
        compared = outputs.ask_worker(job, self._cancel)
        if "summaries" in compared:
            summaries = {name: outputs.summaries(one) for name, one in compared["summaries"].items()}
            return _compared(package, expected, summaries)
        differences = [Difference.model_validate(one) for one in compared["differences"]]
        return _Found(package, differences, compared["told_apart"])

    def _look_for_stop(self, row: Judged | None = None) -> None:
        """Stop if cancelled: an interrupted cell is dropped, a complete one is kept."""
        if self._cancel.is_set() and (row is None or row.verdict == "failed"):
            raise Stopped


@dataclass(frozen=True)
class _Found:
    version: str | None
    differences: list[Difference]
    told_apart: dict[str, float]


def _compared(engine: str | None, expected: outputs.Reference, answers: outputs.Summaries) -> _Found:
    differences = [
        one
        for name, summaries in answers.items()
        if name in expected.summaries
        for one in compare.differences(name, expected.summaries[name], summaries)
    ]
    return _Found(engine, differences, compare.told_apart(expected.summaries, answers))


def _precisions(model: str) -> tuple[str, ...]:
    """The precisions of a model."""
    if own := user_store.find(model):
        return (own.manifest.precision,)
    return tuple(precision for precision in registry.PRECISIONS if registry.why_not(model, precision) is None)


def _in_background(work: Callable[[], ModelFiles], cancel: Event) -> ModelFiles:
    """Converters do not look at `cancel`: they run in a thread that is abandoned when it is set.

    Raises:
        Stopped: it was set.
    """
    answer: list[ModelFiles] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            answer.append(work())
        except BaseException as error:
            problems.append(error)

    thread = threading.Thread(target=run, name="model", daemon=True)
    thread.start()
    while thread.is_alive() and not cancel.is_set():
        thread.join(_LOOK_SECONDS)
    if problems:
        raise problems[0]
    if not answer:
        raise Stopped
    return answer[0]
