"""Composes the report of a run from its sections, and gives it to the renderers.

A new section is one file under `sections/` and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mobilebench.analysis.page_advice import KEEP
from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Run
from mobilebench.reference.published import Reference
from mobilebench.report import document as doc
from mobilebench.report import terminal
from mobilebench.report.sections import (
    against,
    attempts,
    contexts,
    energy,
    explain,
    figures,
    findings,
    gaps,
    glance,
    head,
    kernels,
    live_accuracy,
    measurements,
    memory,
    method,
    page_memory,
    page_quality,
    pages,
    repeat,
    results,
    socs,
    study,
    sustained,
    targets,
    traces,
    wall_time,
)
from mobilebench.report.views import ModelSection, RunSection, view

if TYPE_CHECKING:
    from rich.console import Group

SECTIONS: tuple[RunSection, ...] = (
    findings.section,
    glance.section,
    figures.section,
    page_quality.section,
    live_accuracy.section,
    sustained.section,
    targets.section,
    socs.section,
    measurements.section,
    study.section,
    against.section,
    method.section,
    attempts.section,
    wall_time.section,
    repeat.section,
    head.closing,
    results.data,
    attempts.data,
    gaps.data,
    contexts.data,
    kernels.data,
    memory.data,
    page_quality.data,
    live_accuracy.data,
    against.data,
)
"""Sections of the whole run. `measurements` holds the sections of the models; `data` are tables only for CSV."""

TABLE_SECTIONS: tuple[RunSection, ...] = (
    study.tables,
    page_quality.tables,
    against.section,
    study.data,
    page_quality.data,
    against.data,
)
"""Sections of the tables of the study, for files of their own."""

TERMINAL_SECTIONS: tuple[RunSection, ...] = (
    findings.section,
    measurements.section,
    page_quality.terminal,
    live_accuracy.section,
    head.closing,
)
"""Sections that the terminal shows. The others are not made for it, because some take long."""

MODEL_SECTIONS: tuple[ModelSection, ...] = (
    results.section,
    gaps.section,
    contexts.section,
    explain.section,
    pages.section,
    kernels.section,
    memory.section,
    page_memory.section,
    energy.section,
    traces.section,
)
"""Sections of each model on each target."""


def document(
    summary: RunSummary,
    sections: Sequence[RunSection] = SECTIONS,
    model_sections: Sequence[ModelSection] = MODEL_SECTIONS,
    reference: Reference | None = None,
    group_by: str | None = None,
    keep: float = KEEP,
) -> doc.Document:
    """The report of a run as a document, for the renderers.

    Args:
        reference: published numbers to set beside it.
        group_by: a fact of `analysis.grouping`; without it, a run on several targets is grouped by their SoCs.
        keep: the share of a page's frames and runs per minute that has to be left beside inference.

    Raises:
        BadInput: there is no such grouping.
    """
    of_run = view(summary, model_sections, reference, group_by, keep=keep)
    made: list[doc.Section] = [found for build in sections if (found := build(of_run))]
    return head.document(of_run, tuple(made))


@dataclass(frozen=True)
class ReportFiles:
    """Paths of the written files."""

    html: Path
    markdown: Path
    tables: dict[str, Path]
    """CSV files by name: `results.csv`, and further ones if the run has data for them."""
    study: Path | None = None
    """Folder of the tables of the study, if they were asked for."""


def write(
    run: Run,
    folder: Path,
    summary: RunSummary | None = None,
    *,
    tables: bool = False,
    reference: Reference | None = None,
    group_by: str | None = None,
    keep: float = KEEP,
) -> ReportFiles:
    """Write the report into `folder`, which is made if it is missing. Each file is written atomically.

    There are `report.html` for viewing, `report.md` for pull requests, and CSV files for other programs.

    Args:
        summary: the run's summary, if the caller has it already.
        tables: also write the tables of the study, as HTML, Markdown, LaTeX and CSV, into the folder `tables`.
        reference: published numbers to set beside those of the run.
        group_by: the fact by which targets are grouped (`document`).
        keep: the share of a page that has to be left beside inference (`document`).

    Raises:
        BadInput: the folder cannot be written, or there is no such grouping.
    """
    from mobilebench.report import csv_files, html, markdown

    found = summary or summarise(run)
    made = document(found, reference=reference, group_by=group_by, keep=keep)
    csv = csv_files.render(made)
    _write(folder, {"report.html": html.render(made), "report.md": markdown.render(made), **csv})
    study_folder = folder / "tables" if tables else None
    if study_folder:
        _write(study_folder, table_files(found, reference))
    paths = {name: folder / name for name in csv}
    return ReportFiles(folder / "report.html", folder / "report.md", paths, study_folder)


def table_files(summary: RunSummary, reference: Reference | None = None) -> dict[str, str]:
    """The tables of the study, and the comparison with a reference, as texts of files by name."""
    from mobilebench.report import csv_files, html, latex, markdown

    made = replace(document(summary, TABLE_SECTIONS, (), reference), title="Tables", head=())
    return {
        "tables.html": html.render(made),
        "tables.md": markdown.render(made),
        "tables.tex": latex.render(made),
        **csv_files.render(made),
    }


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            atomic_files.write_text(folder / name, text)
    except OSError as error:
        raise BadInput(
            f"The report could not be written to {folder}: {error.strerror or error}.",
            hint="Choose a folder that you may write to with `--out DIR`; the results themselves are stored.",
        ) from error


def result_table(summary: RunSummary) -> Group:
    """The terminal's report of a run: one table per target, with the reasons below it."""
    of_run = view(summary, MODEL_SECTIONS, proofs=False)
    made = (found for build in TERMINAL_SECTIONS if (found := build(of_run)))
    return terminal.render(head.document(of_run, tuple(made)))
