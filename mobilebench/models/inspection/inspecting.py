"""Inspects an untrusted model file: a separate process reads it while this one hashes it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.hashing import sha256_of, sha256_of_all
from mobilebench.models.inspection import reader
from mobilebench.models.inspection.description import Description
from mobilebench.models.inspection.recognise import recognise
from mobilebench.models.inspection.tflite import signature as tflite_signature
from mobilebench.models.manifest import Format

_DAMAGED = "It is damaged, or made to do harm."
_MAX_ANSWER = 64 * 2**20


def inspect(
    path: Path,
    format: Format | None = None,  # noqa: A002 - the word of the domain
    *,
    shapes: Mapping[str, list[int]] | None = None,
    digest: Callable[[Path], str] | None = None,
    signature: str | None = None,
    timeout_s: float = 120.0,
    memory_bytes: int = 4 * 2**30,
) -> Description:
    """Inspect a model file.

    Args:
        path: an .onnx or .tflite file, a SavedModel's folder (or its saved_model.pb), or a TF.js model.json.
        format: the required format; None: as the content shows.
        shapes: input name to the shape to use for its dynamic axes.
        digest: returns the sha256 of a file of the model; files that the model names are checked first. A caller that
            copies the files can hash them on the way. It may run while the other process reads.
        signature: the signature to read; None: a SavedModel's default one, a .tflite file's first graph.
        timeout_s: how long reading may take.
        memory_bytes: how much address space the reading process may use.

    Raises:
        BadInput: it is no model, is damaged, misnamed, too large, or names files that are missing or lie outside its
            folder; or reading it took too long or too much memory, or crashed.
    """
    file, found = recognise(path, format)
    digest = digest or sha256_of
    request = {
        "path": str(file.absolute()),
        "format": found,
        "shapes": dict(shapes or {}),
        "signature": signature,
        "memory_bytes": memory_bytes,
        "cpu_seconds": max(1, round(timeout_s)),
    }
    with ThreadPoolExecutor(1) as hasher:
        hashed = hasher.submit(digest, file)
        facts: dict[str, Any] = _ask(path, reader.__name__, request, timeout_s)["facts"]
        first = hashed.result()
    names = facts.pop("files")
    try:
        files = {file.name: first} | {name: digest(file.parent / name) for name in names}
        size = sum((file.parent / name).stat().st_size for name in files)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}).", hint="Check its permissions.") from error
    try:
        return Description(format=found, sha256=sha256_of_all(files), bytes=size, files=files, **facts)
    except (ValidationError, TypeError) as error:
        raise BadInput(f"{path} could not be described: its reader answered nonsense.", hint=_DAMAGED) from error


def keep_signature(file: Path, signature: str, *, timeout_s: float = 120.0, memory_bytes: int = 4 * 2**30) -> None:
    """Change a .tflite file in place so that this signature's graph is the first one, and no other is listed.

    Raises:
        BadInput: the file is damaged, or needs a change that cannot be made; it may be half done.
    """
    request = {
        "path": str(file.absolute()),
        "signature": signature,
        "memory_bytes": memory_bytes,
        "cpu_seconds": max(1, round(timeout_s)),
    }
    _ask(file, tflite_signature.__name__, request, timeout_s)


def _ask(path: Path, module: str, request: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    """Run a process with limits and return its answer."""
    memory_bytes = request["memory_bytes"]
    command = [sys.executable, "-P", "-m", module, json.dumps(request)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise BadInput(f"{path} could not be read within {timeout_s:g} s.", hint=_DAMAGED) from error
    if done.returncode == reader.OUT_OF_MEMORY:
        raise BadInput(f"{path} needs more than {memory_bytes / 2**30:g} GiB of memory to be read.", hint=_DAMAGED)
    if done.returncode == -signal.SIGXCPU:
        raise BadInput(f"{path} could not be read within {timeout_s:g} s.", hint=_DAMAGED)
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        raise BadInput(f"{path} made its reader crash ({name}).", hint=_DAMAGED)
    if done.returncode or len(done.stdout) > _MAX_ANSWER:
        raise _defect(path, done.stderr)
    answer: dict[str, Any] = json.loads(done.stdout)
    if "problem" in answer:
        raise BadInput(f"{path} {answer['problem']}.", hint=answer["hint"])
    return answer


def _defect(path: Path, complaint: bytes) -> MobilebenchError:
    lines = complaint.decode(errors="replace").strip().splitlines()
    if lines and "MemoryError" in lines[-1]:
        return BadInput(f"{path} needs too much memory to be read.", hint=_DAMAGED)
    return BadInput(f"{path} cannot be read ({(lines or ['no reason was given'])[-1][:300]}).", hint=_DAMAGED)
