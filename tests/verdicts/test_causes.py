"""Every reason has a test that provokes it; where its cause is not real, the table says why."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from mobilebench.verdicts.codes import Code
from tests.verdicts.causes import MADE_UP, REAL

ROOT = Path(__file__).parents[2]


@cache
def names_in(file: str) -> frozenset[str]:
    """The tests of a file, with their classes, as pytest names them."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    found = {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}
    for group in tree.body:
        if isinstance(group, ast.ClassDef):
            found |= {f"{group.name}::{one.name}" for one in group.body if isinstance(one, ast.FunctionDef)}
    return frozenset(found)


def test_every_code_has_a_test_that_provokes_it() -> None:
    missing = [code.value for code in Code if code not in REAL and code not in MADE_UP]
    assert missing == [], "name the test that provokes each of these in tests/verdicts/causes.py"
    assert set(REAL) & set(MADE_UP) == set()


@pytest.mark.parametrize("code", [*REAL, *MADE_UP], ids=lambda code: code.value)
def test_the_test_of_a_code_exists(code: Code) -> None:
    file, _, name = (REAL[code] if code in REAL else MADE_UP[code][0]).partition("::")
    assert name in names_in(file)


def test_what_is_made_up_says_why_in_a_clause() -> None:
    for _, why in MADE_UP.values():
        assert why
        assert why[0].islower()
        assert not why.endswith(".")
