"""Agreement must be able to fail: every kind of wrong answer is told, and rounding is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mobilebench.core.agreement import disagreements
from mobilebench.core.records import OutputSummary
from mobilebench.models.synthetic_inputs import summarise
from tests.pinning import Pinned

TOLERANCE = 1e-4
Values = NDArray[Any]


def answer(seed: int = 1, shape: tuple[int, ...] = (1, 16, 16)) -> Values:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * 3


def compare(reference: Values, given: Values, tolerance: float = TOLERANCE) -> list[str]:
    return disagreements([summarise("y", reference)], [summarise("y", given)], tolerance)


def test_the_same_answer_agrees() -> None:
    assert compare(answer(), answer()) == []


@given(st.integers(0, 1000), st.integers(1, 300), st.floats(1e-3, 1e5))
def test_differences_within_tolerance_agree(seed: int, size: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    reference = (random.standard_normal(size) * scale).astype(np.float32)
    noise = random.uniform(-1, 1, size) * 0.99 * TOLERANCE * float(np.abs(reference).max())
    assert compare(reference, (reference + noise).astype(np.float32)) == []


@given(st.integers(0, 1000), st.integers(1, 300), st.floats(1.01, 1e4), st.sampled_from([-1, 1]))
@pytest.mark.slow
def test_a_shift_above_tolerance_is_seen(seed: int, size: int, factor: float, sign: int) -> None:
    reference = np.random.default_rng(seed).standard_normal(size).astype(np.float32)
    shifted = reference + sign * factor * TOLERANCE * np.abs(reference).max() * np.float32(1.001)
    assert compare(reference, shifted.astype(np.float32))


@given(st.integers(0, 500), st.floats(3e-4, 10))
def test_a_rescaled_answer_is_seen(seed: int, by: float) -> None:
    reference = answer(seed)
    assert compare(reference, reference * np.float32(1 + by))


@given(st.integers(0, 500))
def test_another_answer_of_the_same_kind_is_seen(seed: int) -> None:
    assert compare(answer(seed), answer(seed + 1))


def test_a_constant_answer_is_seen() -> None:
    reference = answer()
    for constant in (0.0, float(reference.mean()), float(reference.max())):
        assert compare(reference, np.full_like(reference, constant))


def test_swapped_layout_is_seen_though_the_norms_are_the_same(pinned: Pinned) -> None:
    reference = answer(shape=(1, 16, 16))
    found = compare(reference, np.ascontiguousarray(reference.transpose(0, 2, 1)))
    assert len(found) == 1
    pinned(found[0])


def test_the_largest_difference_is_named() -> None:
    reference = np.ones(10, dtype=np.float32)
    wrong = reference.copy()
    wrong[3], wrong[7] = 1.01, 1.5
    found = compare(reference, wrong)
    assert found[0].startswith("Output `y` differs by 0.5 of its scale at element 7 (1.5 instead of 1)")


def test_one_wrong_value_between_the_samples_shows_in_the_norms() -> None:
    reference = np.full(1000, 0.5, dtype=np.float32)
    wrong = reference.copy()
    wrong[1] = 5
    found = compare(reference, wrong)
    assert any("has max 5 instead of 0.5" in sentence for sentence in found)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_told(bad: float) -> None:
    wrong = answer()
    wrong[0, 0, 1] = bad
    assert compare(answer(), wrong) == ["Output `y` has 1 values that are not finite."]


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_a_norm_that_is_not_a_number_never_agrees(norm: str) -> None:
    reference = summarise("y", answer())
    assert disagreements([reference], [reference.model_copy(update={norm: float("nan")})], TOLERANCE)


def test_a_sample_that_is_not_a_number_never_agrees() -> None:
    reference = summarise("y", answer())
    values = [*reference.sample.value[:-1], float("nan")]
    sample = reference.sample.model_copy(update={"value": values})
    assert disagreements([reference], [reference.model_copy(update={"sample": sample})], TOLERANCE)


def test_missing_foreign_and_repeated_outputs_are_told() -> None:
    one, two = summarise("one", answer(1)), summarise("two", answer(2))
    assert disagreements([one, two], [one], TOLERANCE) == ["Output `two` is missing."]
    assert disagreements([one], [one, two], TOLERANCE) == ["Output `two` is not one of the model's."]
    assert disagreements([one], [one, one], TOLERANCE) == ["Output `one` was reported 2 times."]
    assert disagreements([one], [], TOLERANCE) == ["Output `one` is missing."]


def test_outputs_are_matched_by_name_not_by_place() -> None:
    one, two = summarise("one", answer(1)), summarise("two", answer(2))
    assert disagreements([one, two], [two, one], TOLERANCE) == []
    swapped = [one.model_copy(update={"name": "two"}), two.model_copy(update={"name": "one"})]
    assert len({sentence.split("`")[1] for sentence in disagreements([one, two], swapped, TOLERANCE)}) == 2


def test_another_shape_is_told() -> None:
    found = compare(answer(shape=(1, 16, 16)), answer(shape=(16, 16)))
    assert found == ["Output `y` has shape [16, 16] instead of [1, 16, 16]."]


def test_samples_at_other_places_are_told() -> None:
    reference = summarise("y", answer())
    moved = reference.sample.model_copy(update={"index": [i + 1 for i in reference.sample.index]})
    short = reference.sample.model_copy(update={"value": reference.sample.value[:-1]})
    for sample in (moved, short):
        given: list[OutputSummary] = [reference.model_copy(update={"sample": sample})]
        assert disagreements([reference], given, TOLERANCE) == [
            "Output `y` was sampled at other places than the published ones."
        ]


def test_an_all_zero_reference_asks_for_zeros(pinned: Pinned) -> None:
    zeros = np.zeros(5, dtype=np.float32)
    assert compare(zeros, zeros) == []
    pinned(compare(zeros, zeros + np.float32(1e-09))[0])
