"""The results that postprocessing steps give to an application."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
