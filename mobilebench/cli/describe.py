"""`mobilebench describe …`: what this version can do, generated from the code's own registries."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mobilebench.cli.output import Json, print_json, print_table, say

if TYPE_CHECKING:
    from mobilebench.engines.base import Backend


class Topic(StrEnum):
    """The topics that can be described."""

    ENGINES = "engines"
    BACKENDS = "backends"
    RECORDERS = "recorders"
    PROBES = "probes"
    """The old name of recorders."""
    SUITES = "suites"
    AXES = "axes"
    VERDICTS = "verdicts"
    COLUMNS = "columns"
    REFERENCES = "references"


def describe(
    topic: Annotated[Topic, typer.Argument(help="What to describe.")],
    json: Json = False,
) -> None:
    """Describe what this version can do: its engines, backends, recorders and suites, the axes of a case, the reasons
    of verdicts with their codes, the columns of exports, and the published results that are shipped.
    """
    if topic is Topic.PROBES:
        say("`describe probes` is called `describe recorders` now.", err=True)
    columns, rows = {
        Topic.ENGINES: _engines,
        Topic.BACKENDS: _backends,
        Topic.RECORDERS: _recorders,
        Topic.PROBES: _recorders,
        Topic.SUITES: _suites,
        Topic.AXES: _axes,
        Topic.VERDICTS: _verdicts,
        Topic.COLUMNS: _columns,
        Topic.REFERENCES: _references,
    }[topic]()
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(columns, [[_plain(cell) for cell in row] for row in rows])


def _plain(cell: Any) -> Any:
    return ", ".join(map(str, cell)) if isinstance(cell, list) else cell


Described = tuple[list[str], list[tuple[Any, ...]]]


def _engines() -> Described:
    from mobilebench.engines.registry import engines
    from mobilebench.recorders import registry

    rows = [
        (
            engine.name,
            engine.kind,
            [backend.name for backend in engine.backends],
            registry.passes_of(engine),
            engine.description,
        )
        for engine in engines().values()
    ]
    return ["engine", "kind", "backends", "passes", "description"], rows


def _backends() -> Described:
    from mobilebench.engines.registry import engines

    rows = [
        (
            engine.name,
            backend.name,
            _choices(backend),
            _threads(backend),
            list(backend.lacks) or ([backend.name] if backend.missing else []),
            backend.description,
        )
        for engine in engines().values()
        for backend in engine.backends
    ]
    return ["engine", "backend", "choices", "one thread only", "lacks", "description"], rows


def _choices(backend: Backend) -> list[str]:
    """The options of a backend, such as `wasm build: simd plain`."""
    from mobilebench.core.axes import AXES

    return [f"{AXES[name].title}: {' '.join(backend.available(name))}" for name in backend.axes if not backend.missing]


def _threads(backend: Backend) -> list[str]:
    """Which options of a backend run on one thread."""
    if backend.single_threaded:
        return ["always"]
    return [build for build in backend.single_threaded_builds if build not in backend.lacks]


def _recorders() -> Described:
    from mobilebench.recorders.registry import declarations

    rows = [
        (one.name, one.title, one.stores, one.cost, "yes" if one.sampled else "no", one.description)
        for one in declarations().values()
    ]
    return ["recorder", "title", "stores", "costs time", "at an interval", "description"], rows


def _suites() -> Described:
    from mobilebench import suite
    from mobilebench.core.axes import AXES
    from mobilebench.recorders import registry

    rows = [
        (
            one.name,
            *(one.stated(AXES[name]) for name in ("model", "precision", "batch", "threads")),
            one.rule.describe(),
            one.blocks,
            registry.ordered({*one.passes, *(name for group in one.groups for name in group.passes or ())}),
            one.description,
        )
        for one in suite.shipped()
    ]
    limits = ["batch", "threads", "predictions per block", "blocks", "passes"]
    return ["suite", "models", "precisions", *limits, "description"], rows


def _axes() -> Described:
    from mobilebench.core.axes import AXES, SELECTED

    options = {name: axis.option for name, axis in SELECTED.items()} | {"target": "--serial"}
    rows = [(axis.title, options[name], axis.column, axis.scope, axis.help) for name, axis in AXES.items()]
    return ["axis", "option of run", "column", "applies to", "description"], rows


def _verdicts() -> Described:
    from mobilebench.verdicts.codes import Code
    from mobilebench.verdicts.next_steps import next_step

    rows = [(code.value, code.level, code.meaning, next_step(code)) for code in Code]
    return ["code", "verdict", "meaning", "what to do"], rows


def _columns() -> Described:
    from mobilebench.results.columns import COLUMNS

    rows = [
        (table, name, column.kind.__name__, column.unit or None, column.meaning)
        for table, columns in COLUMNS.items()
        for name, column in columns.items()
    ]
    return ["table", "column", "type", "unit", "meaning"], rows


def _references() -> Described:
    from mobilebench.reference import published

    rows = [
        (name, file.name, found.rows[file.name], file.holds, found.declared.citation)
        for name in published.names()
        for found in [published.load(name)]
        for file in found.declared.files
    ]
    return ["reference", "file", "rows", "holds", "source"], rows
