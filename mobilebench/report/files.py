"""Writes a run's report: HTML for viewing, Markdown for pull requests, CSV for other programs, and a terminal table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mobilebench.analysis.summary import RunSummary, summarise
from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Run

if TYPE_CHECKING:
    from rich.console import Group


@dataclass(frozen=True)
class ReportFiles:
    """Paths of the written files."""

    html: Path
    markdown: Path
    tables: dict[str, Path]
    """CSV files by name: `results.csv`, and further ones if the run has data for them."""


def write(run: Run, folder: Path, summary: RunSummary | None = None) -> ReportFiles:
    """Write `report.html`, `report.md` and the CSV files into `folder`, which is made if it is missing.

    Each file is written atomically. `summary` is the run's summary, if the caller has it already. Raises BadInput if
    the folder cannot be written.
    """
    from mobilebench.report import csv_files, html, markdown
    from mobilebench.report.contents import document

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
    from mobilebench.report import terminal
    from mobilebench.report.contents import document

    return terminal.render(document(summary))
