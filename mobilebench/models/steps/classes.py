"""Turns raw scores into the best classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.models.steps.answers import Classes


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Softmax over the last axis."""
    raised = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True), dtype=np.float64)


def sigmoid(logits: NDArray[Any]) -> NDArray[np.float64]:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits.astype(np.float64))), dtype=np.float64)


def best(logits: NDArray[Any], count: int = 5) -> Classes:
    """The `count` classes with the highest scores in each row of [b, n]; of equal scores the first."""
    score = softmax(logits)
    index = np.argsort(-score, axis=-1, kind="stable")[:, :count]
    return Classes(index=index, score=np.take_along_axis(score, index, axis=-1))
