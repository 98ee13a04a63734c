"""Accuracy of answers: top-1, and mean average precision by the evaluation of COCO (`faster-coco-eval`).

Sources: equation 3 of Q. Wang et al., TOSEM 34 (2025): the share of frames that are classified correctly, and the mean
over classes of the area below the curve of precision over recall. T.-Y. Lin et al., "Microsoft COCO: Common Objects in
Context", ECCV 2014: `mAP@0.5` counts a box as found if it overlaps the true one by half of their union, `mAP@[.5:.95]`
is the mean over overlaps from 0.5 to 0.95.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mobilebench.reuse.answers import Answer
from mobilebench.reuse.frames import Box, Truth

Metric = Literal["top-1", "mAP@0.5", "mAP@[.5:.95]"]
Judged = tuple[Truth, Answer | None]
"""What is true of a frame, and the answer that counts for it; None if there was no answer yet."""


@dataclass(frozen=True)
class Scores:
    """Accuracy as shares from 0 to 1, of the metrics that the truth allows."""

    values: dict[Metric, float]


def score(judged: Sequence[Judged]) -> Scores:
    """The accuracy over these frames. A metric is missing if no frame has truth for it."""
    classified = [(truth.label, answer) for truth, answer in judged if truth.label is not None]
    values: dict[Metric, float] = {}
    if classified:
        right = sum(answer is not None and answer.label == label for label, answer in classified)
        values["top-1"] = right / len(classified)
    if any(truth.boxes for truth, _ in judged):
        half, mean = _mean_average_precision(
            [(truth.boxes, answer.boxes if answer else ()) for truth, answer in judged if truth.boxes is not None]
        )
        values |= {"mAP@0.5": half, "mAP@[.5:.95]": mean}
    return Scores(values)


def coco(judged: Sequence[tuple[Sequence[Box], Sequence[Any]]]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """True and found boxes of each image in COCO's format; classes that are nowhere true take no part."""
    labels = sorted({box.label for boxes, _ in judged for box in boxes})
    number = {label: place for place, label in enumerate(labels, start=1)}
    annotations: list[dict[str, Any]] = []
    detections = []
    for image, (true, found) in enumerate(judged, start=1):
        for box in true:
            annotations.append(
                {**_coco_box(image, box, number), "id": len(annotations) + 1, "area": box.area, "iscrowd": 0}
            )
        detections += [{**_coco_box(image, box, number), "score": box.score} for box in found if box.label in number]
    truth = {
        "info": {},
        "images": [{"id": image, "width": 1, "height": 1} for image in range(1, len(judged) + 1)],
        "annotations": annotations,
        "categories": [{"id": place, "name": label} for label, place in number.items()],
    }
    return truth, detections


def _coco_box(image: int, box: Box, number: dict[str, int]) -> dict[str, Any]:
    sides = [box.left, box.top, box.right - box.left, box.bottom - box.top]
    return {"image_id": image, "category_id": number[box.label], "bbox": sides}


def _mean_average_precision(judged: Sequence[tuple[Sequence[Box], Sequence[Any]]]) -> tuple[float, float]:
    from faster_coco_eval import COCO, COCOeval_faster

    truth, detections = coco(judged)
    if not detections:
        return 0.0, 0.0
    known = COCO(truth)
    evaluation = COCOeval_faster(known, known.loadRes(detections), iouType="bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return float(evaluation.stats[1]), float(evaluation.stats[0])
