"""HTML, Markdown and CSV; reads analysis, nothing else."""
