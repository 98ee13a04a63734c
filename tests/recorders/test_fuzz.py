"""A short run of `scripts/fuzz_recorders.py`, always with the same texts, and any text at all."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.recorders.energy import recorder as energy
from mobilebench.recorders.registry import READERS
from scripts import fuzz_recorders, mutation
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
@settings(max_examples=40, deadline=None)
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


@pytest.mark.parametrize("change", [*mutation.OF_TEXTS, mutation.varint, mutation.json_value])
def test_every_change_breaks_a_text(change: mutation.Change) -> None:
    text = b'{"level": 83,\n"scale": 100,\n"temperature": 287}'
    rng = random.Random(7)
    broken = {bytes(change(bytearray(text), rng.randrange(len(text)), rng)) for _ in range(50)}
    assert len(broken - {text}) > 3


def test_inputs_stay_as_short_as_asked() -> None:
    data = b"level: 83\n" * 30
    found = [mutation.mutated(data, [data], random.Random(n), mutation.OF_TEXTS, longest=400) for n in range(300)]
    assert max(map(len, found)) == 400
    assert len(set(found)) > 250
