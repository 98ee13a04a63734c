"""The published formula and summary, held against vectors computed with plain integers (`input_vectors.json`), and the
seeded inputs that follow from the formula."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mobilebench.models import synthetic_inputs
from mobilebench.models.manifest import Fill, InputSpec

VECTORS = json.loads((Path(__file__).parent / "input_vectors.json").read_text())


def plain_hash(index: int, position: int) -> int:
    """The formula as it is published, one integer at a time."""
    h = (index + position * 0x9E3779B9) % 2**32
    h = (h ^ (h >> 16)) * 0x7FEB352D % 2**32
    h = (h ^ (h >> 15)) * 0x846CA68B % 2**32
    return h ^ (h >> 16)


def floats(bits: list[str]) -> NDArray[np.float32]:
    return np.array([int(one, 16) for one in bits], dtype="<u4").view("<f4")


def test_hash_by_hand() -> None:
    """Index 1: folds to 1, times 7FEB352D, folds to 7FEBCAFB, times 846CA68B gives 6889F849, folds to 688990C0."""
    assert synthetic_inputs.hashed(2, 0).tolist() == [0, 0x688990C0]


@pytest.mark.parametrize("vector", VECTORS["hash"], ids=lambda v: f"{v['position']}-{v['index']}")
def test_hash_of_the_vectors(vector: dict[str, int]) -> None:
    assert int(synthetic_inputs.hashed(vector["index"] + 1, vector["position"])[-1]) == vector["hash"]


@given(st.integers(0, 5000), st.integers(0, 200))
def test_hash_is_the_published_one(index: int, position: int) -> None:
    assert int(synthetic_inputs.hashed(index + 1, position)[index]) == plain_hash(index, position)


@pytest.mark.parametrize("vector", VECTORS["fill"], ids=lambda v: f"{v['kind']}-{v['position']}-{v['low']}-{v['high']}")
def test_fill(vector: dict[str, object]) -> None:
    uniform = "float32_bits" in vector
    expected = floats(vector["float32_bits"]) if uniform else np.array(vector["integers"], dtype=np.int32)  # type: ignore[arg-type]
    fill = Fill.model_validate({name: vector[name] for name in ("kind", "low", "high")})
    spec = InputSpec(name="x", dtype="float32" if uniform else "int32", shape=[2, len(expected) // 2], fill=fill)
    filled = synthetic_inputs.fill(spec, vector["position"])  # type: ignore[arg-type]
    assert filled.shape == (2, len(expected) // 2)
    assert filled.dtype == expected.dtype
    assert filled.reshape(-1).tobytes() == expected.tobytes()


@given(st.integers(-1000, 1000), st.integers(1, 100_000), st.integers(0, 9))
def test_integers_stay_within_their_bounds(low: int, span: int, position: int) -> None:
    fill = Fill(kind="integers", low=low, high=low + span)
    values = synthetic_inputs.fill(InputSpec(name="x", dtype="int32", shape=[500], fill=fill), position)
    assert low <= values.min() <= values.max() < low + span


@pytest.mark.parametrize("vector", VECTORS["sample_indices"], ids=lambda v: str(v["size"]))
def test_sample_indices(vector: dict[str, object]) -> None:
    assert synthetic_inputs.sample_indices(vector["size"]).tolist() == vector["index"]  # type: ignore[arg-type]


@pytest.mark.parametrize("samples", [1, 64, 4096, 65536])
@pytest.mark.parametrize("size", [1, 5000, 7_077_888])
def test_more_or_fewer_samples(size: int, samples: int) -> None:
    count = min(size, samples)
    assert synthetic_inputs.sample_indices(size, samples).tolist() == [k * size // count for k in range(count)]


def test_a_summary_shows_as_many_elements_as_are_asked_for() -> None:
    values = np.arange(5000, dtype=np.float32).reshape(50, 100)
    sample = synthetic_inputs.summarise("y", values, 4096).sample
    assert len(sample.index) == 4096
    assert sample.value == sample.index
    assert synthetic_inputs.summarise("y", values, 9999).sample.index == list(range(5000))


@pytest.mark.parametrize("vector", VECTORS["summary"], ids=["small", "not-finite", "long"])
def test_summary(vector: dict[str, object]) -> None:
    summary = synthetic_inputs.summarise("y", floats(vector["float32_bits"]))  # type: ignore[arg-type]
    assert summary.digest == vector["digest"]
    assert summary.non_finite == vector["non_finite"]
    assert summary.max == vector["max"]
    assert summary.sample.model_dump() == vector["sample"]
    for norm in ("l1", "l2"):
        assert math.isclose(getattr(summary, norm), vector[norm], rel_tol=1e-14)  # type: ignore[arg-type]


def test_digest_is_fnv_1a() -> None:
    """The published check value of FNV-1a for `foobar`, here as vectors file and as bytes of float32."""
    known = {vector["bytes_hex"]: vector["digest"] for vector in VECTORS["digest"]}
    assert known[b"foobar".hex()] == "bf9cf968"
    floats_hex, digest = list(known.items())[-1]
    assert synthetic_inputs.summarise("y", np.frombuffer(bytes.fromhex(floats_hex), "<f4")).digest == digest


def test_summary_sees_one_changed_bit() -> None:
    values = np.arange(2000, dtype=np.float32)
    changed = values.copy()
    changed.view(np.uint32)[1999] ^= 1
    assert synthetic_inputs.summarise("y", values).digest != synthetic_inputs.summarise("y", changed).digest


IMAGE = InputSpec(name="image", dtype="float32", shape=[1, 50, 3], fill=Fill(kind="uniform", low=-1, high=1))
TOKENS = InputSpec(name="ids", dtype="int32", shape=[1, 40], fill=Fill(kind="integers", low=0, high=101))
MASK = InputSpec(name="mask", dtype="int32", shape=[1, 40], fill=Fill(kind="integers", low=0, high=2))
MODEL = [IMAGE, TOKENS, MASK]


def test_the_published_one_is_the_formula() -> None:
    feed = synthetic_inputs.seeded_feed(MODEL, "published")
    for position, spec in enumerate(MODEL):
        assert np.array_equal(feed[spec.name], synthetic_inputs.fill(spec, position))


def test_the_others_take_half_of_each_range() -> None:
    upper, lower = synthetic_inputs.seeded_feed(MODEL, "upper"), synthetic_inputs.seeded_feed(MODEL, "lower")
    assert upper["image"].min() >= 0 and upper["image"].max() < 1
    assert lower["image"].min() >= -1 and lower["image"].max() < 0
    assert upper["ids"].min() >= 50 and upper["ids"].max() < 101
    assert lower["ids"].min() >= 0 and lower["ids"].max() < 50
    assert upper["ids"].dtype == np.int32


def test_two_integers_stay_two() -> None:
    for name in synthetic_inputs.SEEDED:
        assert set(np.unique(synthetic_inputs.seeded_feed(MODEL, name)["mask"])) == {0, 1}
