"""Writes the table of all reasons of verdicts into `docs/method.md`, from `mobilebench/verdicts/codes.py`.

`python scripts/verdict_codes.py`, from the repository's root; `--check` only says whether the table is up to date.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mobilebench.verdicts.codes import LEVELS, Code
from mobilebench.verdicts.next_steps import next_step
from mobilebench.verdicts.rules import RULES_VERSION
from mobilebench.verdicts.thresholds import TABLE
from scripts import marked_part

DOCUMENT = Path("docs/method.md")
BEGIN = "<!-- Made by scripts/verdict_codes.py. Do not edit. -->"
END = "<!-- End of the table of reasons. -->"


def table() -> str:
    """The reasons in Markdown, worst first, and the thresholds."""
    rows = [
        f"| `{code.value}` | {level} | {code.meaning} | {next_step(code)} |"
        for level in LEVELS
        for code in Code
        if code.level == level
    ]
    limits = [f"| `{code.value}` | {text} |" for code, text in TABLE]
    title = f"Reasons of version {RULES_VERSION} of the rules:"
    return "\n".join(
        [
            title,
            "",
            "| code | makes a block | meaning | what to do |",
            "|---|---|---|---|",
            *rows,
            "",
            "Thresholds of these rules (`mobilebench/verdicts/thresholds.py`):",
            "",
            "| code | is given from |",
            "|---|---|",
            *limits,
        ]
    )


def with_table(text: str) -> str:
    """The document with the table between its two marks."""
    return marked_part.replaced(text, BEGIN, table(), END)


def main() -> int:
    """Write or check the table."""
    return marked_part.write_or_check(DOCUMENT, with_table)


if __name__ == "__main__":
    sys.exit(main())
