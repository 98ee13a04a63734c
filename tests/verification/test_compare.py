"""How far answers are apart: arrays element by element, summaries by samples and norms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.core import agreement
from mobilebench.models.synthetic_inputs import summarise
from mobilebench.verification import compare
from tests.pinning import Pinned
from tests.verification.answers import summaries, values

REFERENCE = values("published")
SCALE = float(np.abs(REFERENCE).max())


def test_equal_answers_differ_by_nothing() -> None:
    for distance in (
        agreement.of_arrays(REFERENCE, REFERENCE),
        agreement.of_summaries(summarise("y", REFERENCE), summarise("y", REFERENCE)),
    ):
        assert (distance.absolute, distance.relative, distance.problem) == (0, 0, None)


def test_a_single_element_is_found_and_put_beside_the_scale() -> None:
    given = REFERENCE.copy()
    given[0, 17] += 0.5
    distance = agreement.of_arrays(REFERENCE, given)
    assert distance.absolute == pytest.approx(0.5, rel=1e-6)
    assert distance.relative == pytest.approx(0.5 / SCALE, rel=1e-6)
    assert distance.compared == distance.elements == 1000


@pytest.mark.slow
def test_what_samples_miss_is_seen_by_the_norms() -> None:
    given = REFERENCE * np.float32(1.5)
    kept = [one for one in range(1000) if one not in set(summarise("y", REFERENCE, 10).sample.index)]
    mixed = given.copy()
    mixed[0, summarise("y", REFERENCE, 10).sample.index] = REFERENCE[0, summarise("y", REFERENCE, 10).sample.index]
    assert len(kept) == 990
    distance = agreement.of_summaries(summarise("y", REFERENCE, 10), summarise("y", mixed, 10))
    assert distance.compared == 10
    assert distance.relative is not None
    assert distance.relative > 0.05


@given(st.integers(1, 300), st.integers(1, 50), st.floats(0, 2), st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_summaries_never_differ_by_more_than_the_arrays_do(size: int, samples: int, far: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    one = random.normal(size=size).astype("float32")
    other = (one + far * random.uniform(-1, 1, size)).astype("float32")
    whole = agreement.of_arrays(one, other)
    told = agreement.of_summaries(summarise("y", one, samples), summarise("y", other, samples))
    assert whole.relative is not None and told.relative is not None
    assert told.relative <= whole.relative * (1 + 1e-6) + 1e-9


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (REFERENCE.reshape(10, 100), "shape"),
        (np.full_like(REFERENCE, np.nan), "has 1000 values that are not finite"),
        (np.where(np.arange(1000) == 3, np.inf, REFERENCE), "has 1 values that are not finite"),
    ],
)
def test_what_cannot_be_compared_says_why(
    given: np.ndarray[tuple[int, ...], np.dtype[np.float32]], problem: str
) -> None:
    for distance in (
        agreement.of_arrays(REFERENCE, given),
        agreement.of_summaries(summarise("y", REFERENCE), summarise("y", given)),
    ):
        assert distance.relative is None
        assert problem in (distance.problem or "")


def test_a_reference_of_zeros_has_no_scale() -> None:
    zeros = np.zeros((1, 8), "float32")
    for distance in (
        agreement.of_arrays(zeros, zeros),
        agreement.of_summaries(summarise("y", zeros), summarise("y", zeros)),
    ):
        assert distance.relative is None
        problem = compare.to_record(distance, "y", "published").problem
        assert problem == "cannot be compared: the reference is zero everywhere"


def test_samples_of_other_places_are_refused(pinned: Pinned) -> None:
    distance = agreement.of_summaries(summarise("y", REFERENCE, 64), summarise("y", REFERENCE, 32))
    pinned(distance.problem or "")


def test_a_missing_output_is_a_problem_of_its_own() -> None:
    (found,) = compare.differences("published", [summarise("y", REFERENCE)], [summarise("z", REFERENCE)])
    assert (found.output, found.problem) == ("y", "is missing")


def test_every_answer_is_held_against_the_reference_to_every_other_input() -> None:
    apart = compare.told_apart(summaries(), summaries())
    least = min(
        float(np.abs(values(one) - values(other)).max() / np.abs(values(one)).max())
        for one in ("published", "upper", "lower")
        for other in ("published", "upper", "lower")
        if one != other
    )
    assert apart == {"logits": pytest.approx(least, rel=1e-5)}
    assert compare.told_apart({"published": summaries()["published"]}, summaries())["logits"] >= least * (1 - 1e-5)


def test_one_input_alone_tells_nothing_apart() -> None:
    alone = {"published": summaries()["published"]}
    assert compare.told_apart(alone, alone) == {}
