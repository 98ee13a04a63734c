"""Operations on boxes: overlap, non-maximum suppression, and encoding relative to anchors.

Corners are top, left, bottom and right; anchors and decoded boxes are centre y, centre x, height and width.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.models.steps.answers import Boxes

Floats = NDArray[np.float64]


def corners(centred: NDArray[Any]) -> Floats:
    """Convert [n, 4] from centre y, centre x, height, width to top, left, bottom, right."""
    middle, half = centred[:, :2].astype(np.float64), centred[:, 2:].astype(np.float64) / 2
    return _beside(middle - half, middle + half)


def decoded(encodings: NDArray[Any], anchors: Floats, scales: tuple[float, float, float, float]) -> Floats:
    """Boxes [n, 4] from encodings [n, 4] relative to anchors [n, 4], both centre y, centre x, height, width.

    Offsets count in the anchor's height and width, sizes are logarithms; all are divided by `scales` (Ren et al.,
    Faster R-CNN, NIPS 2015, equation 2, as SSD takes it over in section 2.2).
    """
    values: Floats = encodings.astype(np.float64) / np.array(scales)
    centres: Floats = values[:, :2] * anchors[:, 2:] + anchors[:, :2]
    return _beside(centres, np.exp(values[:, 2:]) * anchors[:, 2:])


def encoded(boxes: Floats, anchors: Floats, scales: tuple[float, float, float, float]) -> Floats:
    """The encodings that `decoded` turns into these boxes."""
    offsets = (boxes[:, :2] - anchors[:, :2]) / anchors[:, 2:]
    relative: Floats = _beside(offsets, np.log(boxes[:, 2:] / anchors[:, 2:])) * np.array(scales)
    return relative


def overlap(one: Floats, others: Floats) -> Floats:
    """Intersection over union of one box [4] with others [n, 4], as corners; 0 if both have no area."""
    height = np.minimum(one[2], others[:, 2]) - np.maximum(one[0], others[:, 0])
    width = np.minimum(one[3], others[:, 3]) - np.maximum(one[1], others[:, 1])
    shared = np.maximum(height, 0) * np.maximum(width, 0)
    union = _area(one[None]) + _area(others) - shared
    share: Floats = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return share


def not_maximal_suppressed(boxes: Floats, score: Floats, *, most_overlap: float, most: int) -> NDArray[np.int64]:
    """Which of the boxes [n, 4] (corners) are kept, best first: each one that overlaps no kept box of a higher score by
    more than `most_overlap`; at most `most`.
    """
    left = np.argsort(-score, kind="stable")
    kept: list[int] = []
    while left.size and len(kept) < most:
        first, rest = left[0], left[1:]
        kept.append(int(first))
        left = rest[overlap(boxes[first], boxes[rest]) <= most_overlap]
    return np.array(kept, dtype=np.int64)


def best_of_each_class(
    boxes: Floats, score: Floats, index: NDArray[np.int64], *, most_overlap: float, most: int
) -> Boxes:
    """Non-maximum suppression of boxes [n, 4] (corners) within each class; returns the `most` best ones left."""
    kept = [
        places[not_maximal_suppressed(boxes[places], score[places], most_overlap=most_overlap, most=most)]
        for places in (np.flatnonzero(index == one) for one in np.unique(index))
    ]
    every = np.concatenate(kept) if kept else np.zeros(0, dtype=np.int64)
    chosen = every[np.argsort(-score[every], kind="stable")][:most]
    return Boxes(corners=boxes[chosen], index=index[chosen], score=score[chosen])


def _beside(left: Floats, right: Floats) -> Floats:
    return np.concatenate([left, right], axis=1)


def _area(boxes: Floats) -> Floats:
    return np.maximum(boxes[:, 2] - boxes[:, 0], 0) * np.maximum(boxes[:, 3] - boxes[:, 1], 0)
