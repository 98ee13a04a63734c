"""The operators of a model's file: counts and costs by type, which kernels compute them, and which an engine lacks.

What engines lack comes from the tables in `operators/` beside this file. A table lists operators by name and opset,
without dtypes or attributes, so an engine may still refuse a listed operator when it loads the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from pydantic import Field

from mobilebench.core.operators import OperatorType, intensity, operator_type
from mobilebench.core.records import GraphOperators, Kernel, Measurement, Record
from mobilebench.models.inspection import signatures
from mobilebench.models.inspection.inspecting import Description, OperatorCount, inspect
from mobilebench.models.manifest import Format, ModelFiles

_IN_FILE_ORDER = frozenset({"tflite"})
"""Engines that run a model's operators in the order of its file."""
_MAY_COMPUTE: dict[OperatorType, frozenset[OperatorType]] = {
    "matmul": frozenset({"matmul", "convolution"}),
    "convolution": frozenset({"convolution", "depthwise convolution", "matmul"}),
}
"""Further operator types that a kernel of a type may compute: a pointwise convolution is a matrix product, and the
reverse.
"""

_TABLES = Path(__file__).resolve().parent / "operators"
_STANDARD = "ai.onnx"
_KNOWN_DOMAINS = ("", "com.microsoft", "ai.onnx.ml")


@dataclass(frozen=True)
class FileOperators:
    """The operators of one model file."""

    operators: tuple[GraphOperators, ...]
    """One entry per type, the most frequent first."""
    computing: tuple[str, ...]
    """The compute-intensive ones, in the order of the file."""


def with_graph(measurement: Measurement, files: ModelFiles, format: Format) -> Measurement:  # noqa: A002
    """The result of a kernels pass, with the file's operator types and the operator that each kernel computes.

    Raises:
        BadInput: the model's file cannot be read.
        KeyError: the model lacks this format.
    """
    found = file_operators(files, format)
    kernels = measurement.kernels
    if measurement.engine in _IN_FILE_ORDER:
        kernels = matched(kernels, found.computing, measurement.engine)
    return measurement.model_copy(update={"graph": list(found.operators), "kernels": kernels})


def file_operators(files: ModelFiles, format: Format) -> FileOperators:  # noqa: A002 - the word of the domain
    """Count, parameters and multiply-accumulates of every operator type of a model's file.

    Another process reads the file, in half a second; the result is cached per file.

    Raises:
        BadInput: the file cannot be read.
        KeyError: the model lacks this format.
    """
    entry = files.manifest.formats[format]
    shapes = tuple(
        (entry.inputs[spec.name], tuple(spec.shape)) for spec in files.manifest.inputs if spec.name in entry.open_inputs
    )
    return _read(files.folder / entry.path, entry.sha256, format, shapes, signatures.to_read(files.manifest, format))


def matched(kernels: Sequence[Kernel], computing: Sequence[str], engine: str) -> list[Kernel]:
    """The kernels, each compute-intensive one with the operator that it computes.

    Kernels are in the order in which they ran, and `computing` in the order of the file. They are matched one to one if
    their numbers are equal and every pair fits; otherwise no kernel is matched.
    """
    places = [place for place, kernel in enumerate(kernels) if intensity(_type(kernel, engine)) == "compute"]
    if len(places) != len(computing):
        return list(kernels)
    pairs = dict(zip(places, computing, strict=True))
    if not all(_fits(_type(kernels[place], engine), operator_type(name, engine)) for place, name in pairs.items()):
        return list(kernels)
    return [kernel.model_copy(update={"operator": pairs.get(place)}) for place, kernel in enumerate(kernels)]


def _type(kernel: Kernel, engine: str) -> OperatorType:
    return "delegated part" if kernel.collapsed else operator_type(kernel.name, engine)


def _fits(kernel: OperatorType, operator: OperatorType) -> bool:
    return operator in _MAY_COMPUTE.get(kernel, frozenset({kernel}))


@lru_cache(maxsize=256)
def _read(
    path: Path,
    sha256: str,
    format: Format,  # noqa: A002
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
    signature: str | None,
) -> FileOperators:
    """Read the file's operators; `sha256` (from the manifest) is only the cache key, and is not checked again."""
    sizes = {name: list(shape) for name, shape in shapes}
    described = inspect(path, format, shapes=sizes, digest=lambda _: sha256, signature=signature)
    operators = tuple(
        GraphOperators(operator=one.label, count=one.count, parameters=one.parameters, macs=one.macs)
        for one in described.operators
    )
    return FileOperators(operators, tuple(described.computing))


class Table(Record):
    """The operators of one engine on one backend."""

    engine: str
    backend: str
    version: str
    """The engine's version."""
    format: Format
    how: str
    """How the list was obtained."""
    complete: bool = True
    """Whether operators that are not listed are absent; otherwise it is not known."""
    opset: int | None = None
    """ONNX: the newest opset that the engine knows."""
    operators: list[str] | dict[str, str]
    """Names; ONNX: `domain:name` to the domain's opsets, such as `7-12,13+`."""
    absent: dict[str, str] = Field(default={})
    """For an incomplete table: the operators that are known to be absent."""


def tables() -> list[Table]:
    """Every table, in the order of engine and backend."""
    return list(_tables())


def missing(description: Description, engine: str, backend: str) -> list[str] | None:
    """The operators of a model that an engine lacks on a backend, named as in the model.

    None if this is not known: the engine does not take the format, has no table, or its table is incomplete.
    """
    table = next((one for one in _tables() if (one.engine, one.backend) == (engine, backend)), None)
    if table is None or table.format != description.format:
        return None
    answers = {_name(operator): _has(table, operator, description.opset) for operator in description.operators}
    lacking = [name for name, there in answers.items() if there is False]
    return None if not lacking and None in answers.values() else lacking


@cache
def _tables() -> tuple[Table, ...]:
    import yaml

    files = sorted(_TABLES.glob("*.yaml"))
    return tuple(Table.model_validate(yaml.safe_load(file.read_text())) for file in files)


def _name(operator: OperatorCount) -> str:
    return f"{operator.domain}:{operator.type}" if operator.domain else operator.type


def _has(table: Table, operator: OperatorCount, opsets: dict[str, int]) -> bool | None:
    """Whether the engine has the operator; None if that is not known."""
    if table.format != "onnx":
        if operator.domain:
            return False
        return True if operator.type in table.operators else (False if table.complete else None)
    if operator.domain not in _KNOWN_DOMAINS:
        return False
    key, opset = f"{operator.domain or _STANDARD}:{operator.type}", opsets.get(operator.domain, 1)
    if table.opset is not None and not operator.domain and opset > table.opset:
        return False
    if isinstance(table.operators, dict) and _spans(table.operators.get(key, ""), opset):
        return True
    return False if table.complete or _spans(table.absent.get(key, ""), opset) else None


def _spans(spans: str, opset: int) -> bool:
    """Whether the opset is in ranges such as `7-9,11+`."""
    for span in filter(None, spans.split(",")):
        first, _, last = span.removesuffix("+").partition("-")
        end = float("inf") if span.endswith("+") else int(last or first)
        if int(first) <= opset <= end:
            return True
    return False
