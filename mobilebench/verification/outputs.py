"""The outputs to compare: those of the reference engine, and those of every other engine, for the seeded inputs.

Engines of the native runner and of pages run one ordinary block per seeded input, with more output samples than usual.
Python engines, which include the reference, run in a separate process (`verification.worker`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from mobilebench.core.errors import BadInput, BlockFailed, Unsupported
from mobilebench.core.records import BlockRule, OutputSummary, PlannedBlock, TargetInfo
from mobilebench.core.worker_process import ENGINES_ON_CPU, Worker, WorkerFailed
from mobilebench.engines.registry import engines
from mobilebench.models import behaviour, registry, synthetic_inputs
from mobilebench.models.inspection import signatures
from mobilebench.models.inspection.inspecting import inspect
from mobilebench.models.manifest import Format, Manifest, ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES, SEEDED
from mobilebench.targets import open_target
from mobilebench.targets.locks import machine_turn
from mobilebench.verdicts.rules import judge
from mobilebench.verification import cells
from mobilebench.verification.records import Activations, Cell, OutputFacts, ReferenceFacts

MORE_SAMPLES = 4096
"""Number of elements of each output to compare if a process or page reports only a part of them."""

Summaries = Mapping[str, Sequence[OutputSummary]]
"""Seeded input to the outputs' summaries."""

RULE = BlockRule(min_predictions=1, max_predictions=1, max_seconds=260.0)
"""One prediction. The seconds are only a timeout; engines give up after about ten minutes."""

PATIENCE_S = 900.0


@dataclass(frozen=True)
class Reference:
    """Outputs of the reference engine for the seeded inputs."""

    summaries: Summaries
    published: Sequence[OutputSummary]
    """The output for the published input, with as many samples as in the manifest."""
    outputs: tuple[OutputFacts, ...]
    samples: int
    folder: Path | None
    """Folder of complete outputs, as `<seeded>.npz`; None if only the stored summaries are known."""


def reference_format(manifest: Manifest) -> Format | None:
    """The format that the reference engine runs; for models of the zoo, TensorFlow's."""
    wanted = manifest.reference_engine
    found = [name for name, engine in cells.PYTHON_ENGINES.items() if engine.name == wanted]
    return next((name for name in (*found, "tfjs") if name in manifest.formats), None) if found else None


def why_no_reference(manifest: Manifest) -> str | None:
    """Why the reference engine cannot be run again, in plain words; None if it can."""
    engine = next((one for one in cells.PYTHON_ENGINES.values() if one.name == manifest.reference_engine), None)
    if engine is None or reference_format(manifest) is None:
        return f"{manifest.model} has no reference answer"
    return cells.missing(engine)


def compute_reference(base: ModelFiles, keep: Path, cancel: Event) -> Reference:
    """The reference engine's outputs for every seeded input; complete outputs are written to `keep`.

    Raises:
        Unsupported: the engine does not run the model.
        BlockFailed: it crashed, took too long, or `cancel` was set.
    """
    job = worker_job("reference", base, _format(base.manifest), SEEDED, keep=str(keep), samples=MORE_SAMPLES)
    said = ask_worker(job, cancel)
    return Reference(
        summaries={name: summaries(found) for name, found in said["summaries"].items()},
        published=summaries(said["published"]),
        outputs=tuple(OutputFacts.model_validate(one) for one in said["outputs"]),
        samples=MORE_SAMPLES,
        folder=keep,
    )


def stored_reference(manifest: Manifest) -> Reference:
    """The summaries for the published input that were stored when the model was made."""
    return Reference({"published": manifest.reference}, manifest.reference, (), SAMPLES, None)


def reference_facts(base: ModelFiles, answers: Reference, stamp: str, cancel: Event) -> ReferenceFacts:
    """How much the reference proves, and the activations of the network's layers.

    Raises:
        BlockFailed: TensorFlow crashed, took too long, or `cancel` was set.
    """
    engine = cells.PYTHON_ENGINES.get(_format(base.manifest)) or cells.PYTHON_ENGINES["saved_model"]
    return ReferenceFacts(
        engine=engine.name,
        version=version(engine.package),
        stamp=stamp,
        outputs=list(answers.outputs),
        activations=_activations(base, cancel),
        macs=_macs(base),
    )


def _activations(base: ModelFiles, cancel: Event) -> Activations | None:
    if base.manifest.source != "zoo":
        return None
    return Activations.model_validate(ask_worker(worker_job("activations", base, "saved_model", ["published"]), cancel))


def _macs(base: ModelFiles) -> int | None:
    for format_name in ("onnx", "tflite", "saved_model", "tfjs"):
        if file := base.file(format_name):
            try:
                return inspect(file, format_name, signature=signatures.to_read(base.manifest, format_name)).macs
            except BadInput:
                continue
    return None


def _format(manifest: Manifest) -> Format:
    found = reference_format(manifest)
    assert found is not None
    return found


def summaries(found: Sequence[object]) -> list[OutputSummary]:
    return [OutputSummary.model_validate(one) for one in found]


class BlockOutputs(NamedTuple):
    """An engine's outputs for each seeded input."""

    version: str | None
    summaries: dict[str, Sequence[OutputSummary]]


def of_blocks(
    cell: Cell,
    files: ModelFiles,
    here: TargetInfo,
    inputs: Sequence[str],
    samples: int,
    cancel: Event,
    begun: Callable[[str], None] = lambda _: None,
) -> BlockOutputs:
    """Measure one block for each seeded input.

    Args:
        cell: a cell with an engine of the native runner or of pages.
        files: the model in the cell's precision.
        here: this computer.
        inputs: names of seeded inputs.
        samples: the number of elements to report of each output.
        cancel: stops the measurement when it is set.
        begun: called with every seeded input before it is tried.

    Raises:
        Unsupported: the engine does not run this file; the message is the engine's.
        BlockFailed: it gave no output, took too long, or ran with another configuration than requested.
    """
    engine = engines()[cell.engine]
    case = cells.case(cell, files.manifest.batch)
    planned = PlannedBlock(index=0, round=0, case=case, rule=RULE)
    found: dict[str, Sequence[OutputSummary]] = {}
    version = None
    with open_target(here, cancel=cancel) as target:
        for name in inputs:
            begun(name)
            filled = _filled(files, name)
            with machine_turn(here.machine, cancel):
                prepared = engine.prepare(target, planned, filled)
                measured = engine.measure(prepared, cancel=cancel, samples=samples).measurement
            if measured.status != "ok":
                problem = Unsupported if measured.status == "unsupported" else BlockFailed
                raise problem(measured.reason or f"{cell.engine} gave no reason")
            without_reference = registry.facts(files.manifest).model_copy(update={"reference": []})
            verdict = judge(planned, measured, here, without_reference)
            if verdict.status == "invalid":
                raise BlockFailed("; ".join(verdict.sentences))
            found[name] = measured.output
            version = measured.version
    return BlockOutputs(version, found)


def _filled(files: ModelFiles, name: str) -> ModelFiles:
    """The same files, with inputs filled from other ranges."""
    specs = synthetic_inputs.seeded_specs(files.manifest.inputs, name)
    return ModelFiles(files.folder, files.manifest.model_copy(update={"inputs": specs}))


def worker_job(kind: str, files: ModelFiles, format_name: Format, seeded: Sequence[str], **more: Any) -> dict[str, Any]:
    """The worker's job for one file of a model."""
    manifest = files.manifest
    entry = manifest.formats[format_name]
    return {
        "kind": kind,
        "format": format_name,
        "file": str((files.folder / entry.path).absolute()),
        "inputs": entry.inputs,
        "outputs": {name: entry.outputs[name] for name in manifest.outputs},
        "dtypes": entry.input_dtypes,
        "specs": [spec.model_dump() for spec in manifest.inputs],
        "signature": signatures.of_saved_model(files) if format_name == "saved_model" else None,
        "seeded": list(seeded),
        "stateful": behaviour.of(manifest).stateful,
        **more,
    }


def ask_worker(job: Mapping[str, Any], cancel: Event, patience_s: float = PATIENCE_S) -> dict[str, Any]:
    """Run the job in a worker and return its answer.

    Raises:
        Unsupported: the engine does not run the file; the message is the engine's.
        BlockFailed: it crashed, took too long, or `cancel` was set.
    """
    with Worker("mobilebench.verification.worker", environment=ENGINES_ON_CPU) as worker:
        try:
            answer = worker.answer(job, timeout_s=patience_s, cancel=cancel)
        except WorkerFailed as error:
            raise BlockFailed(error.sentence) from None
    if "refusal" in answer:
        raise Unsupported(str(answer["refusal"]))
    return answer
