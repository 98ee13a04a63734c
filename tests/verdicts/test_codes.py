"""Codes of reasons: stable, explained, and in the documentation."""

from __future__ import annotations

import re
from pathlib import Path

from mobilebench.verdicts.codes import LEVELS, Code, level_of, status_of
from scripts import verdict_codes

ROOT = Path(__file__).parents[2]


def test_every_code_is_a_word_with_a_level_and_a_meaning() -> None:
    for code in Code:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", code.value)
        assert code.level in LEVELS
        assert code.meaning.endswith(".")


def test_every_code_is_given_by_some_rule() -> None:
    rules = "".join(file.read_text() for file in (ROOT / "mobilebench" / "verdicts").glob("*.py"))
    assert [code.name for code in Code if f"Code.{code.name}" not in rules] == []


def test_the_documentation_has_the_table_of_this_version() -> None:
    text = (ROOT / verdict_codes.DOCUMENT).read_text(encoding="utf-8")
    assert verdict_codes.with_table(text) == text, "run `python scripts/verdict_codes.py`"
    assert text.count(verdict_codes.BEGIN) == text.count(verdict_codes.END) == 1


def test_the_worst_reason_decides() -> None:
    assert status_of([]) == "valid"
    assert status_of([Code.STATEFUL_MODEL]) == "valid"
    assert status_of([Code.STATEFUL_MODEL, Code.CLOCK_TOO_COARSE]) == "suspect"
    assert status_of([Code.CLOCK_TOO_COARSE, Code.WRONG_ANSWER, Code.STATEFUL_MODEL]) == "invalid"


def test_a_code_of_another_version_makes_a_block_suspect() -> None:
    assert level_of("of-some-later-version") == "suspect"
