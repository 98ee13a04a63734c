"""A run's report as files: HTML to look at, Markdown for pull requests, CSV for everything else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mobilebench.analysis.summary import summarise
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Run


@dataclass(frozen=True)
class ReportFiles:
    """Where the files were written."""

    html: Path
    markdown: Path
    csv: Path
    kernels: Path | None = None
    """None when no kernels pass was planned."""
    memory: Path | None = None
    """None when no memory pass was planned."""
    gaps: Path | None = None
    """None when no web case met a native one."""


def write(run: Run, folder: Path) -> ReportFiles:
    """Write `report.html`, `report.md` and `results.csv` into `folder`, which is made when it is missing.

    A run that watched kernels or memory has `kernels.csv` or `memory.csv`, too, and one with web and native cases has
    `gaps.csv`. Each file appears whole or not at all.
    Raises BadInput when the folder cannot be written.
    """
    from mobilebench.report import gap_table, html, markdown, results_csv, watched_tables

    summary = summarise(run)
    kernels, memory = watched_tables.kernels_csv(summary), watched_tables.memory_csv(summary)
    pairs = gap_table.gaps_csv(summary)
    files = ReportFiles(
        html=folder / "report.html",
        markdown=folder / "report.md",
        csv=folder / "results.csv",
        kernels=folder / "kernels.csv" if kernels else None,
        memory=folder / "memory.csv" if memory else None,
        gaps=folder / "gaps.csv" if pairs else None,
    )
    texts = {
        files.html: html.render(summary),
        files.markdown: markdown.render(summary),
        files.csv: results_csv.csv(summary),
    }
    more = ((files.kernels, kernels), (files.memory, memory), (files.gaps, pairs))
    texts |= {path: text for path, text in more if path and text}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            _replace(path, text)
    except OSError as error:
        raise BadInput(
            f"The report could not be written to {folder}: {error.strerror or error}.",
            hint="Choose a folder that you may write to with `--out DIR`; the results themselves are stored.",
        ) from error
    return files


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
