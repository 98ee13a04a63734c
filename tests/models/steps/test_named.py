"""Steps by name: small cases by hand, and every model's steps with inputs and outputs of its own shapes."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mobilebench.core.errors import BadInput
from mobilebench.models import registry
from mobilebench.models.steps import detection, inputs, named
from mobilebench.models.steps.answers import Boxes, Classes, Images, best, sigmoid, softmax
from tests.pinning import Pinned

from .yolo import yolov5_encoded

IMAGE = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(7, 5, 3)
VALUES: dict[str, Any] = {
    "image_to_unit": IMAGE,
    "digit_to_unit": IMAGE[:, :, 0],
    "bert_tokens": ([7, 8], [9]),
    "one_hot_characters": [3, 1, 4],
    "random_latent": 1,
}


@pytest.mark.parametrize("name", registry.names())
def test_the_step_before_a_model_gives_its_inputs(name: str) -> None:
    entry = registry.get(name)
    prepared = named.prepare(name, VALUES[entry.preprocessing])
    expected = {spec.name: (spec.dtype, tuple(spec.shape)) for spec in entry.input_specs(1)}
    assert {one: (str(values.dtype), values.shape) for one, values in prepared.items()} == expected


@pytest.mark.parametrize("name", registry.names())
def test_what_stands_behind_a_model_fits_its_task(name: str) -> None:
    entry = registry.get(name)
    expected = {
        "image classification": "softmax_top_5",
        "digit recognition": "softmax_top_5",
        "text generation": "softmax_top_5",
        "object detection": f"{name.split('_')[0].removesuffix('m')}_boxes",
        "language understanding": "",
    }.get(entry.task, "image_from_unit")
    assert entry.postprocessing == expected
    assert expected in {"", *named.POSTPROCESSING}


def test_every_step_says_what_it_does_and_is_used() -> None:
    entries = [registry.get(name) for name in registry.names()]
    assert {entry.preprocessing for entry in entries} == set(named.PREPROCESSING)
    assert {entry.postprocessing for entry in entries} - {""} == set(named.POSTPROCESSING)
    for step in (*named.PREPROCESSING.values(), *named.POSTPROCESSING.values()):
        assert step.takes and step.gives and step.source


@pytest.mark.slow
def test_naming_steps_costs_no_numpy() -> None:
    code = "import sys, mobilebench.models.registry; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_enlarging_interpolates_between_the_centres_of_pixels() -> None:
    row = np.array([[[0], [100]]], dtype=np.uint8)
    assert inputs.resized(row, 1, 4).reshape(-1).tolist() == [0, 25, 75, 100]
    assert inputs.resized(row, 1, 2).reshape(-1).tolist() == [0, 100]
    assert inputs.resized(row.transpose(1, 0, 2), 4, 1).reshape(-1).tolist() == [0, 25, 75, 100]
    assert inputs.resized(row, 1, 1).reshape(-1).tolist() == [50]


def test_pixels_become_numbers_from_minus_one_to_below_one() -> None:
    black_and_white = np.array([[0, 128, 255]], dtype=np.uint8)
    assert inputs.to_unit(black_and_white, (1, 3, 1)).reshape(-1).tolist() == [-1, 0, 127 / 128]


@given(st.binary(min_size=12, max_size=12))
def test_an_image_survives_the_way_there_and_back(pixels: bytes) -> None:
    image = np.frombuffer(pixels, dtype=np.uint8).reshape(2, 2, 3)
    assert (inputs.to_8_bit(inputs.to_unit(image, (2, 2, 3)))[0] == image).all()


def test_what_is_too_bright_or_too_dark_is_clipped() -> None:
    assert inputs.to_8_bit(np.array([-9.0, -1.0, 0.0, 1.0, 9.0])).tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize(
    "wrong",
    [IMAGE.astype(np.float32), IMAGE[None], IMAGE[:0], np.zeros((3, 3), np.uint8), np.zeros((3, 3, 4), np.uint8)],
)
def test_what_is_no_image_is_bad_input(wrong: NDArray[Any], pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        named.prepare("mobilenet_v2", wrong)


def test_tokens_by_hand() -> None:
    found = inputs.bert_tokens([7, 8], [9], sequence=8, vocabulary=200)
    assert found["input_ids"].tolist() == [[101, 7, 8, 102, 9, 102, 0, 0]]
    assert found["attention_mask"].tolist() == [[1, 1, 1, 1, 1, 1, 0, 0]]
    assert found["token_type_ids"].tolist() == [[0, 0, 0, 0, 1, 1, 0, 0]]
    alone = inputs.bert_tokens([7], [], sequence=4, vocabulary=200)
    assert alone["input_ids"].tolist() == [[101, 7, 102, 0]]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(([1] * 127, []), id="one text too long"),
        pytest.param(([1] * 100, [1] * 26), id="two texts too long"),
        pytest.param(([30522], []), id="beyond the vocabulary"),
        pytest.param(([-1], []), id="negative"),
    ],
)
def test_tokens_that_do_not_fit_are_bad_input(value: Any, pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        named.prepare("bert_small", value)
    assert named.prepare("bert_small", ([1] * 126, []))["attention_mask"].sum() == 128


def test_characters_by_hand(pinned: Pinned) -> None:
    found = inputs.one_hot([2, 0], sequence=3, alphabet=3)
    assert found.tolist() == [[[0, 0, 0], [0, 0, 1], [1, 0, 0]]]
    assert (inputs.one_hot([0, 1, 2, 0], 3, 3) == inputs.one_hot([1, 2, 0], 3, 3)).all()
    with pinned.raises(BadInput):
        named.prepare("rnn_2x64", [57])


def test_scores_by_hand() -> None:
    logits = np.log(np.array([[1.0, 4.0, 2.0, 1.0]]))
    found = best(logits, 3)
    assert found.index.tolist() == [[1, 2, 0]]
    assert found.score == pytest.approx(np.array([[0.5, 0.25, 0.125]]))
    assert sigmoid(np.array([0.0, 1000.0, -1000.0])).tolist() == [0.5, 1.0, 0.0]
    assert softmax(np.array([[1000.0, 1000.0]])).tolist() == [[0.5, 0.5]]


def test_a_classifier_answers_with_five_classes() -> None:
    logits = np.zeros((2, 1000), np.float32)
    logits[1, [10, 20]] = 5, 9
    found = named.finish("mobilenet_v2", {"logits": logits})
    assert isinstance(found, Classes)
    assert found.index.shape == found.score.shape == (2, 5)
    assert found.index[1, :2].tolist() == [20, 10]


OBJECT = np.array([[0.5, 0.25, 0.3, 0.4]])
CORNERS = np.array([0.35, 0.05, 0.65, 0.45])


def test_ssd_finds_an_object_that_was_encoded() -> None:
    place = 1200
    encodings = np.zeros((2, 1917, 4), np.float32)
    encodings[1, place] = detection.encoded(OBJECT, detection.ssd_anchors()[[place]], detection.SSD_SCALES)
    logits = np.full((2, 1917, 91), -9.0, np.float32)
    logits[:, :, 0] = 9  # the background is no object
    logits[1, place, 18] = 3
    nothing, found = one_by_one("ssd_mobilenet_v2", {"box_encodings": encodings, "class_logits": logits})
    assert nothing.corners.shape == (0, 4)
    assert_found(found, class_number=17, score=1 / (1 + np.exp(-3)))


@pytest.mark.slow
def test_efficientdet_finds_an_object_that_was_encoded() -> None:
    place = 70_000
    encodings = np.zeros((1, 76_725, 4), np.float32)
    encodings[0, place] = detection.encoded(OBJECT, detection.efficientdet_anchors()[[place]], detection.PLAIN_SCALES)
    logits = np.full((1, 76_725, 90), -9.0, np.float32)
    logits[0, place, 17] = 3
    (found,) = one_by_one("efficientdet_d1", {"box_encodings": encodings, "class_logits": logits})
    assert_found(found, class_number=17, score=1 / (1 + np.exp(-3)))
    assert len(found.score) <= 100


def test_yolo_finds_an_object_that_was_encoded() -> None:
    """At stride 32, 256 x 192 pixels is in reach of the anchor 156 x 198; the place is that of the object's centre."""
    place = 3 * (80**2 + 40**2) + 3 * (10 * 20 + 5) + 1
    centred = np.tile(OBJECT, (25_200, 1))
    raw = np.full((1, 25_200, 85), -9.0, np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        raw[0, place, :4] = yolov5_encoded(centred)[place]
    raw[0, place, [4, 5 + 17]] = 3
    (found,) = one_by_one("yolov5m", {"raw_predictions": raw})
    assert_found(found, class_number=17, score=1 / (1 + np.exp(-3)) ** 2)


def one_by_one(model: str, outputs: dict[str, NDArray[Any]]) -> list[Boxes]:
    found = named.finish(model, outputs)
    assert isinstance(found, list)
    return found


def assert_found(found: Boxes, *, class_number: int, score: float) -> None:
    assert found.index[0] == class_number
    assert found.score[0] == pytest.approx(score, rel=1e-5)
    assert found.corners[0] == pytest.approx(CORNERS, abs=1e-5)
    assert (np.diff(found.score) <= 0).all()


def test_a_generators_answer_is_an_image() -> None:
    found = named.finish("cyclegan", {"translated_image": np.zeros((1, 256, 256, 3), np.float32)})
    assert isinstance(found, Images)
    assert (found.pixels.dtype, found.pixels.shape, found.pixels.max()) == (np.uint8, (1, 256, 256, 3), 128)


def test_a_missing_output_or_step_is_bad_input(pinned: Pinned) -> None:
    with pinned.raises(BadInput):
        named.finish("ssd_mobilenet_v2", {"box_encodings": np.zeros((1, 1917, 4))})
    with pinned.raises(BadInput):
        named.finish("bert_small", {})
