"""A definition whose answer proves nothing is refused, and so is a converted file that answers differently."""

from __future__ import annotations

import numpy as np
import pytest

from mobilebench.core.errors import MobilebenchError
from mobilebench.models.build.checks import same_answer, telling_outputs
from tests.pinning import Pinned

GOOD = np.random.default_rng(0).standard_normal((1, 50)).astype(np.float32)
OTHER = np.random.default_rng(1).standard_normal((1, 50)).astype(np.float32)
TOLERANCE = 1e-4


def test_a_telling_answer_passes() -> None:
    telling_outputs({"y": GOOD}, {"y": OTHER}, 0.2)
    same_answer("LiteRT", {"y": GOOD + np.float32(5e-5)}, {"y": GOOD}, TOLERANCE)


@pytest.mark.parametrize(
    ("reference", "other"),
    [
        pytest.param(GOOD * 0.01, OTHER, id="tiny"),
        pytest.param(np.ones_like(GOOD), OTHER, id="constant"),
        pytest.param(100 + GOOD, OTHER, id="nearly constant"),
        pytest.param(GOOD, GOOD + np.float32(1e-3), id="nearly the same for another input"),
        pytest.param(np.where(GOOD > 1, np.nan, GOOD), OTHER, id="not finite"),
    ],
)
def test_an_answer_that_proves_nothing_is_refused(reference: np.ndarray, other: np.ndarray, pinned: Pinned) -> None:
    with pinned.raises(MobilebenchError):
        telling_outputs({"y": reference}, {"y": other}, 0.01)


@pytest.mark.parametrize(
    "given", [GOOD + np.float32(2e-3), np.zeros_like(GOOD), GOOD[:, ::-1]], ids=["shifted", "zeros", "turned"]
)
def test_a_different_answer_is_refused(given: np.ndarray, pinned: Pinned) -> None:
    with pinned.raises(MobilebenchError):
        same_answer("LiteRT", {"y": given}, {"y": GOOD}, TOLERANCE)


def test_the_refusal_says_by_how_much(pinned: Pinned) -> None:
    wrong = GOOD + np.float32(0.01) * np.abs(GOOD).max()
    with pinned.raises(MobilebenchError):
        same_answer("ONNX Runtime", {"y": wrong}, {"y": GOOD}, TOLERANCE)


def test_another_shape_is_refused(pinned: Pinned) -> None:
    with pinned.raises(MobilebenchError):
        same_answer("LiteRT", {"y": GOOD[0]}, {"y": GOOD}, TOLERANCE)


def test_values_that_are_not_finite_are_refused(pinned: Pinned) -> None:
    with pinned.raises(MobilebenchError):
        same_answer("LiteRT", {"y": np.full_like(GOOD, np.nan)}, {"y": GOOD}, TOLERANCE)
