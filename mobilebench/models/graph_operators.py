"""What a model's file holds of each operator type: for the FLOPs and parameters beside a kernels pass."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from mobilebench.models.inspection.inspecting import inspect
from mobilebench.models.manifest import Format, ModelFiles
from mobilebench.results.records import GraphOperators


def graph_operators(files: ModelFiles, format: Format) -> list[GraphOperators]:  # noqa: A002 - the word of the domain
    """Count, parameters and multiply-accumulates of every operator type of a model's file, most frequent first.

    Another process reads the file, which takes half a second; each file is read once.

    Raises:
        BadInput: the file cannot be read.
        KeyError: the model lacks this format.
    """
    entry = files.manifest.formats[format]
    shapes = tuple(
        (entry.inputs[spec.name], tuple(spec.shape)) for spec in files.manifest.inputs if spec.name in entry.open_inputs
    )
    return list(_read(files.folder / entry.path, entry.sha256, format, shapes))


@lru_cache(maxsize=256)
def _read(
    path: Path,
    sha256: str,
    format: Format,  # noqa: A002
    shapes: tuple[tuple[str, tuple[int, ...]], ...],
) -> tuple[GraphOperators, ...]:
    """The sum is that of the manifest: it stands for the content, and nothing is hashed again."""
    sizes = {name: list(shape) for name, shape in shapes}
    described = inspect(path, format, shapes=sizes, digest=lambda _: sha256)
    return tuple(
        GraphOperators(operator=one.label, count=one.count, parameters=one.parameters, macs=one.macs)
        for one in described.operators
    )
