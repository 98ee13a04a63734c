"""Top-1 and mAP, held against the reference implementation of COCO's evaluation."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from mobilebench.reuse.answers import Answer, Found
from mobilebench.reuse.frames import Box, Truth
from mobilebench.reuse.scoring import Judged, coco, score


def box(label: str, left: float, top: float, side: float = 10) -> Box:
    return Box(label=label, left=left, top=top, right=left + side, bottom=top + side)


def found(label: str, left: float, top: float, sure: float = 0.9, side: float = 10) -> Found:
    return Found(label=label, left=left, top=top, right=left + side, bottom=top + side, score=sure)


def random_answers(seed: int, frames: int) -> list[Judged]:
    """Boxes of which some are found, some badly, some not, beside others that are not there."""
    random = np.random.default_rng(seed)
    judged: list[Judged] = []
    for _ in range(frames):
        boxes, guesses = [], []
        for _ in range(random.integers(0, 4)):
            label, side = "abc"[random.integers(3)], float(random.uniform(5, 30))
            left, top = map(float, random.uniform(0, 60, 2))
            boxes.append(box(label, left, top, side))
            if random.random() < 0.8:
                moved = left + float(random.normal(0, 3))
                guesses.append(found(label, moved, top, float(random.random()), side))
            if random.random() < 0.3:
                guesses.append(
                    found("abcd"[random.integers(4)], *map(float, random.uniform(0, 60, 2)), float(random.random()))
                )
        judged.append((Truth(boxes=tuple(boxes)), Answer(boxes=tuple(guesses)) if random.random() < 0.9 else None))
    return judged


@pytest.mark.parametrize("seed", range(5))
def test_mean_average_precision_is_that_of_the_reference(seed: int) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    judged = random_answers(seed, 60)
    truth, detections = coco([(known.boxes or (), answer.boxes if answer else ()) for known, answer in judged])
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = truth
        known.createIndex()
        evaluation = COCOeval(known, known.loadRes(detections), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    ours = score(judged).values
    assert 0.05 < ours["mAP@[.5:.95]"] < ours["mAP@0.5"] < 0.95
    assert ours["mAP@[.5:.95]"] == pytest.approx(float(evaluation.stats[0]), abs=1e-10)
    assert ours["mAP@0.5"] == pytest.approx(float(evaluation.stats[1]), abs=1e-10)


def test_right_answers_score_one_and_wrong_ones_nothing() -> None:
    truth = Truth(label="a", boxes=(box("a", 0, 0), box("b", 20, 20)))
    right = Answer(label="a", boxes=(found("a", 0, 0), found("b", 20, 20)))
    wrong = Answer(label="b", boxes=(found("b", 0, 0), found("a", 20, 20)))
    assert score([(truth, right)]).values == pytest.approx({"top-1": 1, "mAP@0.5": 1, "mAP@[.5:.95]": 1})
    for nothing in (wrong, Answer(), None):
        assert score([(truth, nothing)]).values == {"top-1": 0, "mAP@0.5": 0, "mAP@[.5:.95]": 0}


def test_a_metric_without_truth_is_missing() -> None:
    answer = Answer(label="a", boxes=(found("a", 0, 0),))
    assert list(score([(Truth(label="a"), answer)]).values) == ["top-1"]
    assert list(score([(Truth(boxes=(box("a", 0, 0),)), answer)]).values) == ["mAP@0.5", "mAP@[.5:.95]"]
    assert score([(Truth(boxes=()), answer)]).values == {}
    assert score([]).values == {}


def test_a_box_where_nothing_is_costs_precision() -> None:
    there = (Truth(boxes=(box("a", 0, 0),)), Answer(boxes=(found("a", 0, 0, 0.5),)))
    nothing = (Truth(boxes=()), Answer(boxes=(found("a", 50, 50, 0.9),)))
    assert score([there]).values["mAP@0.5"] == pytest.approx(1)
    assert score([there, nothing]).values["mAP@0.5"] == pytest.approx(0.5)


def test_an_image_whose_objects_are_not_known_takes_no_part() -> None:
    there = (Truth(boxes=(box("a", 0, 0),)), Answer(boxes=(found("a", 0, 0, 0.5),)))
    unknown = (Truth(label="a"), Answer(label="a", boxes=(found("a", 50, 50, 0.9),)))
    assert score([there, unknown]).values["mAP@0.5"] == pytest.approx(1)
