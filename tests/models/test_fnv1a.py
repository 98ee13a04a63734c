"""FNV-1a at the speed of numpy, held against its definition."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobilebench.models import fnv1a

VECTORS = json.loads((Path(__file__).parent / "input_vectors.json").read_text())["digest"]


def plain(content: bytes) -> int:
    """The definition, one byte at a time."""
    state = 0x811C9DC5
    for byte in content:
        state = (state ^ byte) * 0x01000193 % 2**32
    return state


def of(content: bytes) -> int:
    return fnv1a.fnv1a(np.frombuffer(content, dtype=np.uint8))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["digest"])
def test_the_published_vectors(vector: dict[str, str]) -> None:
    assert f"{of(bytes.fromhex(vector['bytes_hex'])):08x}" == vector["digest"]


@given(st.binary(max_size=3000))
def test_it_is_the_definition(content: bytes) -> None:
    assert of(content) == plain(content)


@pytest.mark.parametrize("size", [2**16 - 1, 2**16, 2**16 + 1, 3 * 2**16 + 5])
def test_it_goes_on_over_its_chunks(size: int) -> None:
    content = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8).tobytes()
    assert of(content) == plain(content)


@pytest.mark.slow
def test_a_large_output_takes_seconds_at_most() -> None:
    values = np.random.default_rng(1).standard_normal(7_077_888).astype("<f4")
    began = time.process_time()
    fnv1a.fnv1a(values)
    assert time.process_time() - began < 5
