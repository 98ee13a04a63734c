"""Lists the cells of a model: every format on every engine that reads it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

from mobilebench.core.records import Case, TargetInfo
from mobilebench.engines import registry
from mobilebench.models.manifest import Format, Manifest
from mobilebench.verification.records import Cell

PYTHON = "python"
"""The value of `choice` for engines that run in a separate Python process."""


class PythonEngine(NamedTuple):
    """An engine that runs through its own Python package."""

    name: str
    module: str
    package: str


PYTHON_ENGINES: dict[Format, PythonEngine] = {
    "saved_model": PythonEngine("tensorflow", "tensorflow", "tensorflow"),
    "tflite": PythonEngine("litert", "ai_edge_litert", "ai-edge-litert"),
    "onnx": PythonEngine("onnxruntime", "onnxruntime", "onnxruntime"),
}

_FORMATS: tuple[Format, ...] = ("saved_model", "tflite", "onnx", "tfjs")
_RUN_BY: tuple[tuple[Format, str, str, tuple[str | None, ...]], ...] = (
    ("tflite", "tflite", "cpu", ("xnnpack",)),
    ("tflite", "litertjs", "wasm", ("simd",)),
    ("tflite", "litertjs", "webgpu", ()),
    ("onnx", "onnxruntime", "cpu", (None,)),
    ("onnx", "ortjs", "wasm", ("simd-threads",)),
    ("onnx", "ortjs", "webgpu", ()),
    ("tfjs", "tfjs", "wasm", ("simd",)),
    ("tfjs", "tfjs", "webgl", ()),
)
"""Format, engine, backend and its choice; for a GPU backend, the GPU of this computer. Only the simplest build of each
engine is listed, since all builds compute the same.
"""

ENGINES = tuple(
    dict.fromkeys([*(one.name for one in PYTHON_ENGINES.values()), *(engine for _, engine, _, _ in _RUN_BY)])
)
BACKENDS = tuple(dict.fromkeys(["cpu", *(backend for _, _, backend, _ in _RUN_BY)]))
SLOW_IN_SOFTWARE = "webgpu"
"""Without a GPU, Chrome takes a minute and more to prepare this backend: it is tried there only if it is named."""


def cells(
    manifest: Manifest, here: TargetInfo, engines: Collection[str] = (), backends: Collection[str] = ()
) -> list[Cell]:
    """The cells of a model in one precision, including those that cannot run here.

    Args:
        manifest: the model's manifest.
        here: this computer; without a GPU of its own, the CPU imitates one.
        engines: only these engines; empty: all.
        backends: only these backends; empty: all, but without a GPU not `webgpu`.
    """
    return [
        cell
        for cell in _all(manifest, here)
        if (not engines or cell.engine in engines)
        and (cell.backend in backends if backends else not left_out(cell, here))
    ]


def left_out(cell: Cell, here: TargetInfo) -> bool:
    """Whether a cell is tried only when its backend is named."""
    return cell.backend == SLOW_IN_SOFTWARE and gpu(here) == "software"


def why_not(cell: Cell, manifest: Manifest, here: TargetInfo) -> str | None:
    """Why a cell cannot be tried here, in plain words; None if it can."""
    if cell.format not in manifest.formats:
        return manifest.unsupported.get(cell.format, f"{cell.model} {cell.precision} has no {cell.format} file")
    if cell.choice == PYTHON:
        return missing(PYTHON_ENGINES[cell.format])
    return registry.engines()[cell.engine].supports(here, case(cell, manifest.batch))


def missing(engine: PythonEngine) -> str | None:
    """Why a Python engine cannot run, or None."""
    if find_spec(engine.module) is not None:
        return None
    return f"the package {engine.package} is not installed (`pip install 'mobilebench[models]'`)"


def case(cell: Cell, batch: int) -> Case:
    """The cell as a case on this computer, on one thread."""
    return Case(
        target="host",
        engine=cell.engine,
        backend=cell.backend,
        threads=1,
        browser="chrome" if registry.engines()[cell.engine].kind == "web" else None,
        model=cell.model,
        precision=cell.precision,
        batch=batch,
        **_axes(cell),
    )


def _axes(cell: Cell) -> dict[str, Any]:
    """The axes of the cell's backend: the axis with the cell's choice, and the others at their default."""
    backend = next(one for one in registry.engines()[cell.engine].backends if one.name == cell.backend)
    return {name: cell.choice if cell.choice in values else values[0] for name, values in backend.axes.items()}


def _all(manifest: Manifest, here: TargetInfo) -> Iterator[Cell]:
    for format_name in _FORMATS:
        if python := PYTHON_ENGINES.get(format_name):
            yield _cell(manifest, format_name, python.name, "cpu", PYTHON)
        for readable, engine, backend, choices in _RUN_BY:
            if readable == format_name:
                yield from (_cell(manifest, format_name, engine, backend, one) for one in choices or (gpu(here),))


def _cell(manifest: Manifest, format_name: Format, engine: str, backend: str, choice: str | None) -> Cell:
    return Cell(
        model=manifest.model,
        precision=manifest.precision,
        format=format_name,
        engine=engine,
        backend=backend,
        choice=choice,
    )


def gpu(here: TargetInfo) -> str:
    """For backends that use a GPU: this computer's own, or one in software on the CPU."""
    return "software" if here.gpu_software else "hardware"
