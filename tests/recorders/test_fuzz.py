"""A short run of `scripts/fuzz_recorders.py`, always with the same texts, and any text at all."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.recorders.energy import recorder as energy
from mobilebench.recorders.registry import READERS
from scripts import fuzz_recorders
from tests.recorders.parsers import PARSERS, seeds


def test_every_recorder_has_its_parser_and_every_parser_its_texts() -> None:
    renamed = {"thermal": "thermalservice"}
    assert {renamed.get(name, name) for name in READERS} - {energy.RECORDER} <= set(PARSERS)
    assert set(seeds()) == set(PARSERS)


@pytest.mark.parametrize("name", PARSERS)
def test_broken_texts(name: str) -> None:
    for text in itertools.islice(fuzz_recorders.inputs(name, random.Random(7)), 200):
        assert fuzz_recorders.try_one(name, text) is None, text


@pytest.mark.parametrize("name", PARSERS)
@settings(derandomize=True, max_examples=40, deadline=None)
@given(
    st.one_of(st.text(max_size=600), st.binary(max_size=600).map(lambda data: data.decode(errors="surrogateescape")))
)
def test_any_text(name: str, text: str) -> None:
    assert fuzz_recorders.try_one(name, text) is None


def test_a_parser_that_fails_or_gives_no_number_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PARSERS, "load", lambda text: {"x": float("nan")})
    assert "AssertionError" in (fuzz_recorders.try_one("load", "x") or "")
    monkeypatch.setitem(PARSERS, "load", lambda text: {}[text])
    assert "KeyError" in (fuzz_recorders.try_one("load", "x") or "")
