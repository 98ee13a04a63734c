"""A generated part of a document, between two marks; the scripts that generate such parts use it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path


def replaced(text: str, begin: str, part: str, end: str) -> str:
    """The text with this part between the two marks."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{part}\n\n{end}{after}"


def write_or_check(document: Path, new: Callable[[str], str]) -> int:
    """Write the new text of a document, or with `--check` return 1 if it differs from the present one."""
    text = document.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        return int(new(text) != text)
    document.write_text(new(text), encoding="utf-8")
    return 0
