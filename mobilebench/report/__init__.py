"""HTML, Markdown, CSV and the terminal's table. Reads analysis, nothing else."""

from mobilebench.report.files import ReportFiles, write

__all__ = ["ReportFiles", "write"]
