"""The reference outputs for all comparisons, and how much agreement with them proves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import Event

from mobilebench.core.errors import BadInput
from mobilebench.core.records import OutputSummary
from mobilebench.models import signatures
from mobilebench.models.inspection.inspecting import inspect
from mobilebench.models.manifest import Format, Manifest, ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES, SEEDED
from mobilebench.verification import cells, worker_client
from mobilebench.verification.records import Activations, OutputFacts, ReferenceFacts

MORE_SAMPLES = 4096
"""Number of elements of each output to compare if a process or page reports only a part of them."""

Summaries = Mapping[str, Sequence[OutputSummary]]
"""Seeded input to the outputs' summaries."""


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


def format_of(manifest: Manifest) -> Format | None:
    """The format that the reference engine runs; for models of the zoo, TensorFlow's."""
    wanted = manifest.reference_engine
    found = [name for name, engine in cells.PYTHON_ENGINES.items() if engine.name == wanted]
    return next((name for name in (*found, "tfjs") if name in manifest.formats), None) if found else None


def why_not_asked(manifest: Manifest) -> str | None:
    """Why the reference engine cannot be run again, in plain words; None if it can."""
    engine = next((one for one in cells.PYTHON_ENGINES.values() if one.name == manifest.reference_engine), None)
    if engine is None or format_of(manifest) is None:
        return f"{manifest.model} has no reference answer"
    return cells.missing(engine)


def ask(base: ModelFiles, keep: Path, cancel: Event) -> Reference:
    """The reference engine's outputs for every seeded input; complete outputs are written to `keep`.

    Raises:
        Unsupported: the engine does not run the model.
        BlockFailed: it crashed, took too long, or `cancel` was set.
    """
    job = worker_client.job("reference", base, _format(base.manifest), SEEDED, keep=str(keep), samples=MORE_SAMPLES)
    said = worker_client.ask(job, cancel)
    return Reference(
        summaries={name: summaries(found) for name, found in said["summaries"].items()},
        published=summaries(said["published"]),
        outputs=tuple(OutputFacts.model_validate(one) for one in said["outputs"]),
        samples=MORE_SAMPLES,
        folder=keep,
    )


def stored(manifest: Manifest) -> Reference:
    """The summaries for the published input that were stored when the model was made."""
    return Reference({"published": manifest.reference}, manifest.reference, (), SAMPLES, None)


def facts(base: ModelFiles, answers: Reference, stamp: str, cancel: Event) -> ReferenceFacts:
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
    return Activations.model_validate(
        worker_client.ask(worker_client.job("activations", base, "saved_model", ["published"]), cancel)
    )


def _macs(base: ModelFiles) -> int | None:
    for format_name in ("onnx", "tflite", "saved_model", "tfjs"):
        if file := base.file(format_name):
            try:
                return inspect(file, format_name, signature=signatures.to_read(base.manifest, format_name)).macs
            except BadInput:
                continue
    return None


def _format(manifest: Manifest) -> Format:
    found = format_of(manifest)
    assert found is not None
    return found


def summaries(found: Sequence[object]) -> list[OutputSummary]:
    return [OutputSummary.model_validate(one) for one in found]
