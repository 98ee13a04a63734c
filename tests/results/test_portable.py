"""SQL that only SQLite knows stands in its adapter alone: the store is to run on other databases too."""

from __future__ import annotations

import re

import pytest

from mobilebench.core import paths

ADAPTER = "results/databases/sqlite.py"
ONLY_SQLITE = re.compile(
    r"\bPRAGMA\b|\bjson_(set|type|extract|each|insert|replace|remove)\b|sqlite_(master|schema)|\bBEGIN IMMEDIATE\b"
    r"|INSERT OR (REPLACE|IGNORE)|\bAUTOINCREMENT\b|sqlalchemy\.dialects|\browid\b|sqlite:///",
    re.IGNORECASE,
)


def found_in(text: str) -> list[str]:
    return [match[0] for match in ONLY_SQLITE.finditer(text)]


@pytest.mark.slow
def test_it_stands_in_the_adapter_alone() -> None:
    files = {path.relative_to(paths.PACKAGE).as_posix(): path.read_text() for path in paths.PACKAGE.rglob("*.py")}
    assert {name: found for name, text in files.items() if name != ADAPTER and (found := found_in(text))} == {}
    assert "PRAGMA" in found_in(files[ADAPTER])
