"""Nothing that a phone says breaks what reads it: short runs of `scripts/fuzz_phone_output.py`, and hypothesis."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.core.errors import BadInput
from scripts import fuzz_phone_output as fuzz
from scripts.mutation import NUMBER

_LINES = st.lists(
    st.one_of(
        st.sampled_from(sorted({line for text in fuzz.seeds() for line in text.splitlines()})),
        st.text(max_size=60),
        st.binary(max_size=60).map(lambda data: data.decode(errors="replace")),
    ),
    max_size=12,
).map("\n".join)


@pytest.mark.parametrize("part", fuzz.PARTS)
def test_the_fuzzers_first_inputs(part: str) -> None:
    for text in itertools.islice(fuzz.inputs(random.Random(7)), 400):
        assert fuzz.try_one(part, text) is None, text[:300]


@pytest.mark.parametrize("part", fuzz.PARTS)
@given(text=st.one_of(st.text(), _LINES))
def test_any_text_and_any_lines_of_phones(part: str, text: str) -> None:
    assert fuzz.try_one(part, text) is None


@pytest.mark.parametrize("part", fuzz.PARTS)
@pytest.mark.parametrize("number", ["9" * 5000, "-" + "9" * 5000, "1e999", "NaN", "-1", "\u0663", "\u00b2"])
def test_true_answers_with_impossible_numbers(part: str, number: str) -> None:
    for text in fuzz.seeds():
        assert fuzz.try_one(part, NUMBER.sub(number, text)[: fuzz.LONGEST]) is None, text[:300]


def test_a_find_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(text: str) -> None:
        raise KeyError(text)

    def refuses(text: str) -> None:
        raise BadInput(text)

    monkeypatch.setitem(fuzz.PARTS, "apps", fails)
    assert "KeyError" in (fuzz.try_one("apps", "x") or "")
    monkeypatch.setitem(fuzz.PARTS, "apps", refuses)
    assert fuzz.try_one("apps", "x") is None
