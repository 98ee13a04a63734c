"""Sentences and values that several pages have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mobilebench import __version__
from mobilebench.report import document as doc

FOOTER = (
    f"mobilebench {__version__} · a night is one run of the store · times are in milliseconds unless a heading says "
    "otherwise · intervals are of 95 %"
)
METHOD = (
    "A change is a new level that has held for at least 3 nights. Of series in which nothing changed, up to 1 % show "
    "one, or more where nights that follow each other are alike. What else changed in that night is named; that does "
    "not prove that it is the cause."
)
_LONGEST = 240


def virtual_note() -> doc.Note:
    return doc.Note(
        "virtual",
        ("This target is a stand-in on a computer, not a phone: its times are those of that computer's CPU.",),
        (doc.VirtualMark(), " Not a phone"),
    )


def fact(value: Any) -> str:
    """A fact of a proof as people read it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {text}" for name, text in value.items())
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
