"""A run's report in each of its forms, as text."""

from __future__ import annotations

import io

from rich.console import Console

from mobilebench.analysis.summary import RunSummary
from mobilebench.report import csv_files
from mobilebench.report import html as html_renderer
from mobilebench.report import markdown as markdown_renderer
from mobilebench.report.compose import document, result_table


def html(summary: RunSummary) -> str:
    return html_renderer.render(document(summary))


def markdown(summary: RunSummary) -> str:
    return markdown_renderer.render(document(summary))


def table(summary: RunSummary, name: str) -> str | None:
    """The text of a CSV file; None when the report has no such file."""
    return csv_files.render(document(summary)).get(name)


def results(summary: RunSummary) -> str:
    """The text of `results.csv`, which every report has."""
    text = table(summary, "results.csv")
    assert text is not None
    return text


def terminal(summary: RunSummary, width: int = 80, *, colour: bool = False) -> str:
    console = Console(
        width=width, file=io.StringIO(), force_terminal=colour, color_system="standard" if colour else None
    )
    console.print(result_table(summary))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
