"""The report of a run: HTML, Markdown, CSV and the terminal's tables, made only from the analysis."""

from mobilebench.report.files import ReportFiles, result_table, write

__all__ = ["ReportFiles", "result_table", "write"]
