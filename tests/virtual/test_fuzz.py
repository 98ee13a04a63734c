"""A short run of `scripts/fuzz_adb.py`, always with the same inputs."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts import fuzz_adb


@pytest.mark.parametrize("part", fuzz_adb.PARTS)
def test_broken_messages_are_refused(part: str) -> None:
    for data in itertools.islice(fuzz_adb.inputs(part, random.Random(7)), 300):
        assert fuzz_adb.try_one(part, data) is None, data


@pytest.mark.parametrize("part", fuzz_adb.PARTS)
@settings(max_examples=40)
@given(st.binary(max_size=600))
def test_any_bytes_are_refused_or_answered(part: str, data: bytes) -> None:
    assert fuzz_adb.try_one(part, data) is None


def test_a_part_that_fails_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(data: bytes) -> None:
        raise KeyError(data)

    monkeypatch.setitem(fuzz_adb.PARTS, "packets", fails)
    assert "KeyError" in (fuzz_adb.try_one("packets", b"x") or "")
