"""From raw scores to the best classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.models.steps.answers import Classes


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Shares over the last axis, which add up to 1."""
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float64)


def sigmoid(logits: NDArray[Any]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64))), dtype=np.float64)


def best(logits: NDArray[Any], count: int = 5) -> Classes:
    """The `count` classes with the highest scores of each row of [b, n]; of equal ones the first."""
    score = softmax(logits)
    index = np.argsort(-score, axis=-1, kind="stable")[:, :count]
    return Classes(index=index, score=np.take_along_axis(score, index, axis=-1))
