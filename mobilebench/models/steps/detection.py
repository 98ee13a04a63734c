"""Turns the raw outputs of detectors into boxes with classes and scores.

First the detectors themselves, then operations on boxes (overlap, non-maximum suppression, encoding relative to
anchors), then the anchors in the order of the outputs, as shares of the image. Corners are top, left, bottom and right;
anchors and decoded boxes are centre y, centre x, height and width.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.models.steps.answers import Boxes, sigmoid

Floats = NDArray[np.float64]

SSD_SCALES = (10.0, 10.0, 5.0, 5.0)
PLAIN_SCALES = (1.0, 1.0, 1.0, 1.0)

YOLO_SIDE = 640
YOLO_SHAPES = {
    8: ((10, 13), (16, 30), (33, 23)),
    16: ((30, 61), (62, 45), (59, 119)),
    32: ((116, 90), (156, 198), (373, 326)),
}
"""YOLOv5's anchors for COCO, width and height in pixels, by stride."""


def ssd(box_encodings: NDArray[Any], class_logits: NDArray[Any]) -> list[Boxes]:
    """The objects in each image, from encodings [b, 1917, 4] and logits [b, 1917, 91], whose first class is background.

    Liu et al., ECCV 2016, section 3: scores below 0.01 are dropped. Boxes of a class that overlap by more than 0.6 are
    suppressed and 100 are kept, as in the public SSD-MobileNetV2, which has a sigmoid for each class.
    """
    found = []
    for encodings, logits in zip(box_encodings, class_logits, strict=True):
        corners = to_corners(decoded(encodings, ssd_anchors(), SSD_SCALES))
        score = sigmoid(logits[:, 1:])
        place, index = np.nonzero(score >= 0.01)
        found.append(best_of_each_class(corners[place], score[place, index], index, most_overlap=0.6, most=100))
    return found


def efficientdet(box_encodings: NDArray[Any], class_logits: NDArray[Any]) -> list[Boxes]:
    """The objects in each image, from encodings [b, 76725, 4] and logits [b, 76725, 90].

    The 5000 best pairs of anchor and class take part; boxes of a class that overlap by more than 0.5 are suppressed and
    100 are kept, as in the authors' program without soft suppression.
    """
    found = []
    for encodings, logits in zip(box_encodings, class_logits, strict=True):
        corners = to_corners(decoded(encodings, efficientdet_anchors(), PLAIN_SCALES))
        place, index = np.unravel_index(_highest(logits.reshape(-1), 5000), logits.shape)
        score = sigmoid(logits[place, index])
        found.append(best_of_each_class(corners[place], score, index, most_overlap=0.5, most=100))
    return found


def yolov5(raw_predictions: NDArray[Any]) -> list[Boxes]:
    """The objects in each image, from [b, 25200, 85]: place, size, objectness, 80 classes.

    The best class of each box counts, its score times objectness; below 0.25 it is dropped, boxes of a class that
    overlap by more than 0.45 are suppressed, and 300 are kept (the defaults of the authors' evaluation).
    """
    found = []
    for raw in raw_predictions:
        shares = sigmoid(raw[:, 4:])
        index = shares[:, 1:].argmax(axis=1)
        score = shares[:, 0] * shares[:, 1:].max(axis=1)
        kept = np.flatnonzero(score >= 0.25)
        corners = to_corners(yolov5_decoded(raw)[kept])
        found.append(best_of_each_class(corners, score[kept], index[kept], most_overlap=0.45, most=300))
    return found


def yolov5_decoded(raw: NDArray[Any]) -> Floats:
    """[n, 4] centre y, centre x, height, width as shares of the image, from raw [n, 4 or more] x, y, width, height.

    A centre is up to half a cell outside its own cell, a size up to four times the anchor's (YOLOv5 release 6).
    """
    grid, stride, shape = yolo_places()
    values = sigmoid(raw[:, :4])
    centre = (values[:, :2] * 2 - 0.5 + grid) * stride
    size = (values[:, 2:] * 2) ** 2 * shape
    return np.concatenate([centre[:, ::-1], size[:, ::-1]], axis=1) / YOLO_SIDE


@cache
def yolo_places() -> tuple[Floats, Floats, Floats]:
    """For each of 25 200 anchors: column and row [n, 2], stride [n, 1], width and height [n, 2]."""
    grids, strides, shapes = [], [], []
    for stride, sizes in YOLO_SHAPES.items():
        side = YOLO_SIDE // stride
        rows, columns, number = np.meshgrid(np.arange(side), np.arange(side), np.arange(len(sizes)), indexing="ij")
        grids.append(np.column_stack([columns.reshape(-1), rows.reshape(-1)]))
        strides.append(np.full((rows.size, 1), stride))
        shapes.append(np.array(sizes)[number.reshape(-1)])
    one = [np.concatenate(part).astype(np.float64) for part in (grids, strides, shapes)]
    return one[0], one[1], one[2]


def _highest(values: NDArray[Any], count: int) -> NDArray[np.int64]:
    """The indices of the `count` highest values, unordered."""
    if values.size <= count:
        return np.arange(values.size)
    return np.asarray(np.argpartition(-values, count)[:count], dtype=np.int64)


def to_corners(centred: NDArray[Any]) -> Floats:
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


@cache
def ssd_anchors() -> Floats:
    """SSD-MobileNetV2's 1917 anchors [1917, 4]: centre y, centre x, height, width.

    Liu et al., ECCV 2016, section 2.2: scales from 0.2 to 0.95 over six maps, aspect ratios 1, 2, 1/2, 3 and 1/3 and a
    square between two scales. The first map has three, as in the first public SSD-MobileNetV2: a square of 0.1, and 2
    and 1/2.
    """
    scales = [*np.linspace(0.2, 0.95, 6), 1.0]
    maps = []
    for number, side in enumerate((19, 10, 5, 3, 2, 1)):
        scale, following = scales[number], scales[number + 1]
        shapes = [(scale, 2.0), (scale, 1 / 2)]
        if number == 0:
            shapes = [(0.1, 1.0), *shapes]
        else:
            between = float(np.sqrt(scale * following))
            shapes = [(scale, 1.0), *shapes, (scale, 3.0), (scale, 1 / 3), (between, 1.0)]
        maps.append(_everywhere(side, [(size / ratio**0.5, size * ratio**0.5) for size, ratio in shapes]))
    return np.concatenate(maps)


@cache
def efficientdet_anchors() -> Floats:
    """EfficientDet-D1's 76 725 anchors [76725, 4]: centre y, centre x, height, width.

    Tan et al., CVPR 2020, section 4, after Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, section 4: at
    each place of strides 8 to 128 squares of 4 strides, enlarged by 2 to the power 0, 1/3 and 2/3, in the aspect ratios
    1, 2 and 1/2.
    """
    levels = []
    for stride in (8, 16, 32, 64, 128):
        sizes = [4 * stride * 2 ** (octave / 3) / 640 for octave in range(3)]
        shapes = [(size / ratio**0.5, size * ratio**0.5) for size in sizes for ratio in (1.0, 2.0, 0.5)]
        levels.append(_everywhere(640 // stride, shapes))
    return np.concatenate(levels)


def _everywhere(side: int, shapes: list[tuple[float, float]]) -> Floats:
    """Each shape (height, width) at each cell of a map, ordered by row, column and shape."""
    centres = (np.arange(side) + 0.5) / side
    rows, columns, number = np.meshgrid(centres, centres, np.arange(len(shapes)), indexing="ij")
    sizes = np.array(shapes)[number.reshape(-1)]
    return np.column_stack([rows.reshape(-1), columns.reshape(-1), sizes])
