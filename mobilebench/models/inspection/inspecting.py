"""Inspects an untrusted model file: a separate process reads it while this one hashes it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from mobilebench.core.errors import BadInput
from mobilebench.core.hashing import sha256_of, sha256_of_all
from mobilebench.core.records import Record
from mobilebench.core.worker_process import Worker, WorkerFailed, signal_name
from mobilebench.models.inspection import worker
from mobilebench.models.inspection.graph import operator_label
from mobilebench.models.inspection.recognise import recognise
from mobilebench.models.manifest import Format

_DAMAGED = "The file may be damaged or malicious."


class Tensor(Record):
    """An input or output of a graph, under the file's own name."""

    name: str
    dtype: str
    """numpy's name: `float32`, `int32`, `int64`, `uint8`, `int8`, `float16`, `bool` …"""
    shape: list[int | None]
    """None where the file leaves a size open (a dynamic axis)."""
    rank_known: bool = True
    """False where the file leaves even the number of sizes open; `shape` is empty then."""


class OperatorCount(Record):
    """One operator type of a graph, in the format's own vocabulary (`CONV_2D`, `Conv`, `Conv2D`)."""

    type: str
    domain: str = ""
    """The domain of ONNX operators outside the standard. TFLite: `custom` for custom operators, `flex` for Flex."""
    depthwise: bool = False
    """ONNX: convolutions that have one filter for each channel; other formats have their own name for these."""
    count: int
    parameters: int = 0
    """Elements of the weights that these operators are the first to use."""
    macs: int | None = None
    """Multiply-accumulates of all these operators in one inference; None if a shape is not known."""

    @property
    def label(self) -> str:
        return operator_label(self.type, self.domain, depthwise=self.depthwise)


class Description(Record):
    """One model file."""

    format: Format
    sha256: str
    """sha256 of the file; for a folder, of the lines `<sha256> <path>` of its files, sorted by path."""
    bytes: int
    """Size of all its files together."""
    files: dict[str, str]
    """Path relative to the model's folder to sha256, of every file of the model; the file to open comes first."""
    inputs: list[Tensor]
    outputs: list[Tensor]
    operators: list[OperatorCount]
    """Most frequent first."""
    computing: list[str] = Field(default=[])
    """Labels of the compute-intensive operators (`mobilebench.core.operators`), in the order of the file."""
    parameters: int
    """Elements of the constants that hold weights (floating point, or quantised)."""
    weight_dtypes: dict[str, int]
    """dtype to number of parameters that are stored in it."""
    macs: int | None
    """Multiply-accumulates of one inference; None where shapes are not known."""
    traffic_bytes: int | None
    """Estimate of the memory traffic of one inference: every operator reads its inputs and weights and writes its
    outputs once."""
    opset: dict[str, int] = Field(default={})
    """ONNX: domain to version ("" is the standard)."""
    producer: str = ""
    lookups: dict[str, int] = Field(default={})
    """Integer input to the number of rows of the table that it indexes, if that can be determined."""
    signature: str | None = None
    """The signature that was read, for a SavedModel or a TensorFlow Lite file with signatures."""
    signatures: list[str] = Field(default=[])
    """All signatures; for a SavedModel, only those with inputs and outputs."""
    signature_graphs: int = 0
    """The number of different graphs behind `signatures`."""
    shared_names: list[str] = Field(default=[])
    """One clause for each name that several inputs or several outputs share."""


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
    job = {
        "task": "describe",
        "path": str(file.absolute()),
        "format": found,
        "shapes": dict(shapes or {}),
        "signature": signature,
        "memory_bytes": memory_bytes,
        "cpu_seconds": max(1, round(timeout_s)),
    }
    with ThreadPoolExecutor(1) as hasher:
        hashed = hasher.submit(digest, file)
        facts: dict[str, Any] = _ask(path, job, timeout_s)["facts"]
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
        raise BadInput(
            f"{path} could not be described: its reader gave an answer that is not valid.", hint=_DAMAGED
        ) from error


def keep_signature(file: Path, signature: str, *, timeout_s: float = 120.0, memory_bytes: int = 4 * 2**30) -> None:
    """Change a .tflite file in place so that this signature's graph is the first one, and no other is listed.

    Raises:
        BadInput: the file is damaged, or needs a change that cannot be made; it may be half done.
    """
    job = {
        "task": "keep signature",
        "path": str(file.absolute()),
        "signature": signature,
        "memory_bytes": memory_bytes,
        "cpu_seconds": max(1, round(timeout_s)),
    }
    _ask(file, job, timeout_s)


def _ask(path: Path, job: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    """The answer to a job; a file that cannot be read is an error."""
    answer = _run(path, job, timeout_s)
    if "problem" in answer:
        raise BadInput(f"{path} {answer['problem']}.", hint=answer["hint"])
    return answer


def _run(path: Path, job: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
    """Give a job to a process with limits and return its answer."""
    with Worker(worker.__name__) as process:
        try:
            return process.answer(job, timeout_s=timeout_s)
        except WorkerFailed as error:
            raise _failed(path, error, job["memory_bytes"], timeout_s) from None


def _failed(path: Path, error: WorkerFailed, memory_bytes: int, timeout_s: float) -> BadInput:
    if error.exit_code in (None, -signal.SIGXCPU):
        return BadInput(f"{path} could not be read within {timeout_s:g} s.", hint=_DAMAGED)
    if error.exit_code == worker.OUT_OF_MEMORY:
        return BadInput(f"{path} needs more than {memory_bytes / 2**30:g} GiB of memory to be read.", hint=_DAMAGED)
    if error.crashed:
        return BadInput(f"{path} made its reader crash ({signal_name(-(error.exit_code or 0))}).", hint=_DAMAGED)
    if "MemoryError" in error.reason:
        return BadInput(f"{path} needs too much memory to be read.", hint=_DAMAGED)
    return BadInput(f"{path} cannot be read ({error.reason[:300]}).", hint=_DAMAGED)
