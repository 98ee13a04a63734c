"""Writes the table of facts that must agree for a comparison into `docs/method.md`.

It comes from `mobilebench/analysis/comparability.py`. `python scripts/comparability_table.py`, from the repository's
root; `--check` only says whether the table is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mobilebench.analysis.comparability import markdown
from scripts import marked_part

DOCUMENT = Path("docs/method.md")
BEGIN = "<!-- Made by scripts/comparability_table.py. Do not edit. -->"
END = "<!-- End of the table of facts. -->"


def with_table(text: str) -> str:
    """The document with the table between its two marks."""
    return marked_part.replaced(text, BEGIN, markdown(), END)


def main() -> int:
    """Write or check the table."""
    return marked_part.write_or_check(DOCUMENT, with_table)


if __name__ == "__main__":
    sys.exit(main())
