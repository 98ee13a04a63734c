"""Boxes: known overlaps, suppression held against its definition, and decoding as the inverse of encoding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilebench.models.steps import detection
from mobilebench.models.steps.detection import Floats

from .yolo import yolov5_encoded

SQUARE = np.array([0.0, 0.0, 2.0, 2.0])


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ([0.0, 0.0, 2.0, 2.0], 1.0),
        ([1.0, 1.0, 3.0, 3.0], 1 / 7),
        ([0.0, 0.0, 1.0, 1.0], 1 / 4),
        ([0.0, 1.0, 2.0, 2.0], 1 / 2),
        ([2.0, 0.0, 4.0, 2.0], 0.0),
        ([5.0, 5.0, 6.0, 6.0], 0.0),
        ([1.0, 1.0, 1.0, 1.0], 0.0),
        ([3.0, 3.0, 1.0, 1.0], 0.0),
    ],
)
def test_known_overlaps(other: list[float], expected: float) -> None:
    assert detection.overlap(SQUARE, np.array([other])) == pytest.approx([expected])


def test_two_boxes_without_area_do_not_overlap() -> None:
    assert detection.overlap(np.ones(4), np.ones((1, 4))) == [0.0]


def test_suppression_by_hand() -> None:
    found = np.array([[0, 0, 2, 2], [0, 0, 2, 1.8], [0, 0, 2, 1], [4, 4, 5, 5]], dtype=np.float64)
    score = np.array([0.6, 0.9, 0.8, 0.1])
    kept = detection.not_maximal_suppressed(found, score, most_overlap=0.55, most=9)
    assert kept.tolist() == [1, 3], "1 overlaps 0 by 0.9 and 2 by 0.556"
    assert detection.not_maximal_suppressed(found, score, most_overlap=0.56, most=9).tolist() == [1, 2, 3]
    assert detection.not_maximal_suppressed(found, score, most_overlap=0.55, most=1).tolist() == [1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 40), st.floats(0.05, 0.95))
@pytest.mark.slow
def test_suppression_is_what_its_definition_says(seed: int, count: int, limit: float) -> None:
    random = np.random.default_rng(seed)
    first = random.uniform(0, 1, (count, 2))
    found = np.concatenate([first, first + random.uniform(0, 0.7, (count, 2))], axis=1)
    score = random.permutation(count).astype(np.float64)
    kept = set(detection.not_maximal_suppressed(found, score, most_overlap=limit, most=count).tolist())
    for box in range(count):
        better = [other for other in kept if score[other] > score[box]]
        suppressed = any(detection.overlap(found[box], found[[other]])[0] > limit for other in better)
        assert (box in kept) == (not suppressed)


def test_boxes_of_other_classes_do_not_suppress_each_other() -> None:
    found = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]], dtype=np.float64)
    score, index = np.array([0.5, 0.9, 0.7]), np.array([3, 3, 8])
    best = detection.best_of_each_class(found, score, index, most_overlap=0.5, most=10)
    assert (best.index.tolist(), best.score.tolist()) == ([3, 8], [0.9, 0.7])
    assert detection.best_of_each_class(found, score, index, most_overlap=0.5, most=1).score.tolist() == [0.9]
    none = detection.best_of_each_class(found[:0], score[:0], index[:0], most_overlap=0.5, most=1)
    assert none.corners.shape == (0, 4)


def test_decoding_by_hand() -> None:
    anchor = np.array([[0.5, 0.5, 0.2, 0.4]])
    encoding = np.array([[10.0, -5.0, 5 * np.log(2), 0.0]])
    centred = detection.decoded(encoding, anchor, detection.SSD_SCALES)
    assert centred == pytest.approx(np.array([[0.7, 0.3, 0.4, 0.4]]))
    assert detection.to_corners(centred) == pytest.approx(np.array([[0.5, 0.1, 0.9, 0.5]]))


def drawn(seed: int, count: int, smallest: float, largest: float) -> Floats:
    random = np.random.default_rng(seed)
    return np.concatenate([random.uniform(0, 1, (count, 2)), random.uniform(smallest, largest, (count, 2))], axis=1)


@given(st.integers(0, 2**32 - 1), st.sampled_from([detection.SSD_SCALES, detection.PLAIN_SCALES]))
@pytest.mark.slow
def test_decoding_is_the_inverse_of_encoding(seed: int, scales: tuple[float, float, float, float]) -> None:
    places, found = drawn(seed, 20, 0.01, 1.0), drawn(seed + 1, 20, 0.01, 1.0)
    assert detection.decoded(detection.encoded(found, places, scales), places, scales) == pytest.approx(found)
    assert detection.encoded(detection.decoded(found, places, scales), places, scales) == pytest.approx(found)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_grid_of_yolo_decodes_what_it_encodes(seed: int) -> None:
    raw = np.random.default_rng(seed).uniform(-4, 4, (25200, 4))
    assert np.allclose(yolov5_encoded(detection.yolov5_decoded(raw)), raw, atol=1e-6)


def test_yolo_by_hand() -> None:
    """A raw 0 is the middle of its place and the anchor's own size."""
    centred = detection.yolov5_decoded(np.zeros((25200, 4)))
    assert centred[0] * 640 == pytest.approx([4, 4, 13, 10])
    assert centred[3 * 81 + 1] * 640 == pytest.approx([12, 12, 30, 16]), "second row and column, second shape"
    assert centred[-1] * 640 == pytest.approx([624, 624, 326, 373])


def test_there_are_as_many_anchors_as_the_networks_have_places() -> None:
    assert detection.ssd_anchors().shape == (1917, 4)
    assert detection.efficientdet_anchors().shape == (76_725, 4)
    assert len(detection.yolov5_decoded(np.zeros((25_200, 4)))) == 25_200


def test_ssds_anchors_by_hand() -> None:
    """Scales 0.2, 0.35, 0.5 …: the first map has 0.1 and 0.2, the second 0.35 and the mean of 0.35 and 0.5."""
    found = detection.ssd_anchors()
    half = 0.5 / 19
    assert found[:3] == pytest.approx(
        np.array(
            [[half, half, 0.1, 0.1], [half, half, 0.2 / 2**0.5, 0.2 * 2**0.5], [half, half, 0.2 * 2**0.5, 0.2 / 2**0.5]]
        )
    )
    assert found[3, :2] == pytest.approx([half, 3 * half]), "columns before rows"
    second = found[3 * 19 * 19 :]
    assert second[0] == pytest.approx([0.05, 0.05, 0.35, 0.35])
    assert second[5, 2:] == pytest.approx([(0.35 * 0.5) ** 0.5] * 2)
    assert found[-6] == pytest.approx([0.5, 0.5, 0.95, 0.95])
    assert found[-1, 2:] == pytest.approx([0.95**0.5] * 2)


def test_efficientdets_anchors_by_hand() -> None:
    found = detection.efficientdet_anchors() * 640
    assert found[0] == pytest.approx([4, 4, 32, 32])
    assert found[1] == pytest.approx([4, 4, 32 / 2**0.5, 32 * 2**0.5])
    assert found[3, 2:] == pytest.approx([32 * 2 ** (1 / 3)] * 2)
    assert found[9, :2] == pytest.approx([4, 12])
    assert found[-9] == pytest.approx([576, 576, 512, 512])
