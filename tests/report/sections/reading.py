"""Reads a section of the report as data, before any renderer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from markupsafe import Markup

from mobilebench.analysis.summary import RunSummary
from mobilebench.report import document as doc
from mobilebench.report.compose import MODEL_SECTIONS, document
from mobilebench.report.views import ModelSection, ModelView, RunView, view


def run_view(summary: RunSummary) -> RunView:
    return view(summary, MODEL_SECTIONS)


def model_view(summary: RunSummary, target: int = 0, model: str = "mobilenet_v2") -> ModelView:
    """One model on the target with this number."""
    return next(one for one in run_view(summary).targets[target].models if one.group.model == model)


def model_sections(build: ModelSection, summary: RunSummary) -> list[doc.Section]:
    """The section of every model that has one."""
    models = (model for target in run_view(summary).targets for model in target.models)
    return [section for model in models if (section := build(model))]


def only(build: ModelSection, summary: RunSummary, **which: Any) -> doc.Section:
    """The section of one model, which has to have one."""
    section = build(model_view(summary, **which))
    assert section is not None
    return section


def blocks(section: doc.Section, kind: type, form: doc.Form = "html") -> list[Any]:
    """The blocks of one kind, also those within folds and groups."""
    return [block for block in doc.all_blocks((section,), form) if isinstance(block, kind)]


def rows(section: doc.Section, name: str, form: doc.Form = "html") -> list[dict[str, str]]:
    """The rows of the section's first table of this name: column titles to texts, with the details in brackets."""
    table = next(block for block in blocks(section, doc.Table, form) if block.name == name)
    return [
        {column.title: cell_text(cell) for column, cell in doc.cells(table, row, form)} for row in doc.rows(table, form)
    ]


def cell_text(cell: doc.Cell) -> str:
    details = "; ".join(map(doc.plain, cell.details))
    return (doc.plain(cell.text) + (f" ({details})" if details else "")).replace("\u202f", " ")


def csv_rows(build: Callable[[RunView], doc.Section | None], summary: RunSummary) -> list[dict[str, Any]]:
    """The rows of a CSV file of the report: column titles to raw values."""
    section = build(run_view(summary))
    assert section is not None
    (table,) = blocks(section, doc.Table, "csv")
    titles = [column.title for column in table.columns]
    return [dict(zip(titles, row.cells, strict=True)) for row in table.rows]


def words(part: Any) -> str:
    """Every text in a section or block, without pictures."""
    return " ".join(_texts(part)).replace("\u202f", " ")


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, Markup):
        return
    if isinstance(part, str):
        yield part
    elif isinstance(part, tuple):
        for inner in part:
            yield from _texts(inner)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _texts(getattr(part, field.name))


def whole(summary: RunSummary) -> str:
    """Every text of the whole report."""
    return words(document(summary))
