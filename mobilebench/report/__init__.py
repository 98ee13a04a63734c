"""The report of a run: HTML, Markdown, CSV and the terminal's tables, made only from the analysis."""
