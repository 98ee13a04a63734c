"""Writes the table of facts that must agree for a comparison into `docs/method.md`.

It comes from `mobilebench/analysis/comparability.py`. `python scripts/comparability_table.py`, from the repository's
root; `--check` only says whether the table is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mobilebench.analysis.comparability import markdown

DOCUMENT = Path("docs/method.md")
BEGIN = "<!-- Made by scripts/comparability_table.py. Do not edit. -->"
END = "<!-- End of the table of facts. -->"


def with_table(text: str) -> str:
    """The document with the table between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{markdown()}\n\n{END}{after}"


def main() -> int:
    """Write or check the table."""
    text = DOCUMENT.read_text(encoding="utf-8")
    new = with_table(text)
    if "--check" in sys.argv[1:]:
        return int(new != text)
    DOCUMENT.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
