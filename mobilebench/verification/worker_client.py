"""Giving a job to `verification.worker`, and waiting for its answer."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from tempfile import TemporaryFile
from threading import Event
from typing import Any

from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.models import behaviour, signatures
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.models.user_models.reference_client import environment, last_words, signal_name

PATIENCE_S = 900.0

_LOOK_SECONDS = 0.1


def job(kind: str, files: ModelFiles, format_name: Format, seeded: Sequence[str], **more: Any) -> dict[str, Any]:
    """What the worker is given for one file of a model."""
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
    """The worker's answer.

    Raises:
        Unsupported: the engine does not run the file; its own words.
        BlockFailed: it crashed, took too long, or `cancel` was set.
    """
    with TemporaryFile() as request, TemporaryFile() as noise, TemporaryFile() as said:
        request.write(json.dumps(job).encode())
        request.seek(0)
        worker = subprocess.Popen(
            [sys.executable, "-P", "-m", "mobilebench.verification.worker"],
            stdin=request,
            stdout=said,
            stderr=noise,
            env=environment(),
            start_new_session=True,
        )
        try:
            code = _wait(worker, cancel, patience_s)
        finally:
            if worker.poll() is None:
                worker.kill()
            worker.wait()
        if code < 0:
            raise BlockFailed(f"The process crashed ({signal_name(-code)}).")
        if code:
            raise BlockFailed(last_words(noise) or f"The process ended with exit code {code}.")
        said.seek(0)
        answer: dict[str, Any] = json.loads(said.read())
    if "refusal" in answer:
        raise Unsupported(str(answer["refusal"]))
    return answer


def _wait(worker: subprocess.Popen[bytes], cancel: Event, patience_s: float) -> int:
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return worker.wait(timeout=_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if cancel.is_set():
                raise BlockFailed("It was cancelled.") from None
            if time.monotonic() > deadline:
                raise BlockFailed(f"It took longer than {patience_s:g} s.") from None
