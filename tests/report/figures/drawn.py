"""The figures of a report as data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mobilebench.analysis.summary import summarise
from mobilebench.core.records import Run
from mobilebench.report import document as doc
from mobilebench.report.compose import document


def figures(run: Run) -> list[doc.Figure]:
    """Every figure of the report of a run."""
    made = document(summarise(run))
    return [block for block in doc.all_blocks(made.sections, "html") if isinstance(block, doc.Figure)]


def titled(run: Run, title: str) -> list[doc.Figure]:
    return [figure for figure in figures(run) if figure.title.startswith(title)]


def rows(figure: doc.Figure, *fields: str) -> list[dict[str, Any]]:
    """The rows of the first layer whose rows have all of these fields."""
    return rows_of(figure.spec, *fields)


def rows_of(spec: Any, *fields: str) -> list[dict[str, Any]]:
    """The same of a part of a specification."""
    for layer in data(spec):
        found = [row for row in layer if set(fields) <= row.keys()]
        if found:
            return found
    return []


def data(spec: Any) -> Iterator[list[dict[str, Any]]]:
    """The rows of each layer."""
    if isinstance(spec, dict):
        for key, of in spec.items():
            if key == "values" and of and isinstance(of[0], dict):
                yield of
            else:
                yield from data(of)
    elif isinstance(spec, list):
        for one in spec:
            yield from data(one)


def texts(spec: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of a specification that is not in its data, with the keys that lead to it."""
    if isinstance(spec, dict):
        for key, of in spec.items():
            if key != "values":
                yield from texts(of, (*path, key))
    elif isinstance(spec, list):
        for one in spec:
            yield from texts(one, path)
    elif isinstance(spec, str):
        yield path, spec
