"""Counts and costs of the operator types in a model's file, and which operator each profiled kernel computes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from mobilebench.core.operators import OperatorType, intensity, operator_type
from mobilebench.core.records import GraphOperators, Kernel, Measurement
from mobilebench.models import signatures
from mobilebench.models.inspection.inspecting import inspect
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
