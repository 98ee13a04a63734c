"""Turns the raw outputs of detectors into boxes with classes and scores."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mobilebench.models.steps import anchors, boxes
from mobilebench.models.steps.answers import Boxes
from mobilebench.models.steps.boxes import Floats
from mobilebench.models.steps.classes import sigmoid

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
        corners = boxes.corners(boxes.decoded(encodings, anchors.ssd(), SSD_SCALES))
        score = sigmoid(logits[:, 1:])
        place, index = np.nonzero(score >= 0.01)
        found.append(boxes.best_of_each_class(corners[place], score[place, index], index, most_overlap=0.6, most=100))
    return found


def efficientdet(box_encodings: NDArray[Any], class_logits: NDArray[Any]) -> list[Boxes]:
    """The objects in each image, from encodings [b, 76725, 4] and logits [b, 76725, 90].

    The 5000 best pairs of anchor and class take part; boxes of a class that overlap by more than 0.5 are suppressed and
    100 are kept, as in the authors' program without soft suppression.
    """
    found = []
    for encodings, logits in zip(box_encodings, class_logits, strict=True):
        corners = boxes.corners(boxes.decoded(encodings, anchors.efficientdet(), PLAIN_SCALES))
        place, index = np.unravel_index(_highest(logits.reshape(-1), 5000), logits.shape)
        score = sigmoid(logits[place, index])
        found.append(boxes.best_of_each_class(corners[place], score, index, most_overlap=0.5, most=100))
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
        corners = boxes.corners(yolov5_decoded(raw)[kept])
        found.append(boxes.best_of_each_class(corners, score[kept], index[kept], most_overlap=0.45, most=300))
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
