"""Gives a job to `verification.worker` and waits for the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Event
from typing import Any

from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.worker_process import ENGINES_ON_CPU, Worker, WorkerFailed
from mobilebench.models import behaviour, signatures
from mobilebench.models.manifest import Format, ModelFiles

PATIENCE_S = 900.0


def job(kind: str, files: ModelFiles, format_name: Format, seeded: Sequence[str], **more: Any) -> dict[str, Any]:
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


def ask(job: Mapping[str, Any], cancel: Event, patience_s: float = PATIENCE_S) -> dict[str, Any]:
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
