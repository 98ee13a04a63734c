"""The results that postprocessing steps give to an application, and the best classes among raw scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Classes:
    """The best classes of each of b answers, best first."""

    index: NDArray[Any]
    """Integer class indices, [b, k]."""
    score: NDArray[Any]
    """Softmax probabilities, [b, k], from 0 to 1."""


@dataclass(frozen=True)
class Boxes:
    """The objects found in one image, best first."""

    corners: NDArray[Any]
    """Top, left, bottom and right, [n, 4], as shares of the image's height and width."""
    index: NDArray[Any]
    """The class of each, integers from 0, [n]."""
    score: NDArray[Any]
    """From 0 to 1, [n]."""


@dataclass(frozen=True)
class Images:
    """Images to be shown."""

    pixels: NDArray[Any]
    """Unsigned 8-bit integers, [b, height, width, 3]."""


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
