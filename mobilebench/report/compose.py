"""Composes the report of a run from its sections, and gives it to the renderers.

A new section is one file under `sections/` and one line here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Run
from mobilebench.report import document as doc
from mobilebench.report import terminal
from mobilebench.report.sections import (
    gaps,
    glance,
    head,
    kernels,
    measurements,
    memory,
    method,
    page_memory,
    pages,
    repeat,
    results,
    targets,
    traces,
    wall_time,
)
from mobilebench.report.views import ModelSection, RunSection, view

if TYPE_CHECKING:
    from rich.console import Group

SECTIONS: tuple[RunSection, ...] = (
    glance.section,
    targets.section,
    measurements.section,
    method.section,
    wall_time.section,
    repeat.section,
    head.closing,
    results.data,
    gaps.data,
    kernels.data,
    memory.data,
)
"""Sections of the whole run. `measurements` holds the sections of the models; `data` are tables only for CSV."""

MODEL_SECTIONS: tuple[ModelSection, ...] = (
    results.section,
    gaps.section,
    pages.section,
    kernels.section,
    memory.section,
    page_memory.section,
    traces.section,
)
"""Sections of each model on each target."""


def document(
    summary: RunSummary,
    sections: Sequence[RunSection] = SECTIONS,
    model_sections: Sequence[ModelSection] = MODEL_SECTIONS,
) -> doc.Document:
    """The report of a run as a document, for the renderers."""
    of_run = view(summary, model_sections)
    made: list[doc.Section] = [found for build in sections if (found := build(of_run))]
    return head.document(of_run, tuple(made))


@dataclass(frozen=True)
class ReportFiles:
    """Paths of the written files."""

    html: Path
    markdown: Path
    tables: dict[str, Path]
    """CSV files by name: `results.csv`, and further ones if the run has data for them."""


def write(run: Run, folder: Path, summary: RunSummary | None = None) -> ReportFiles:
    """Write the report into `folder`, which is made if it is missing. Each file is written atomically.

    There are `report.html` for viewing, `report.md` for pull requests, and CSV files for other programs. `summary` is
    the run's summary, if the caller has it already.

    Raises:
        BadInput: the folder cannot be written.
    """
    from mobilebench.report import csv_files, html, markdown

    made = document(summary or summarise(run))
    tables = csv_files.render(made)
    texts = {"report.html": html.render(made), "report.md": markdown.render(made), **tables}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            atomic_files.write_text(folder / name, text)
    except OSError as error:
        raise BadInput(
            f"The report could not be written to {folder}: {error.strerror or error}.",
            hint="Choose a folder that you may write to with `--out DIR`; the results themselves are stored.",
        ) from error
    return ReportFiles(folder / "report.html", folder / "report.md", {name: folder / name for name in tables})


def result_table(summary: RunSummary) -> Group:
    """The terminal's report of a run: one table per target, with the reasons below it."""
    return terminal.render(document(summary))
