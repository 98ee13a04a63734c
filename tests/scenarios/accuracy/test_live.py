"""What a page says of a live run is checked before it counts."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from mobilebench.core.errors import BlockFailed
from mobilebench.models.steps import detection
from mobilebench.reuse import shapes
from mobilebench.reuse.frames import Frame
from mobilebench.scenarios.accuracy import detector, live
from mobilebench.scenarios.accuracy.messages import WatchAnswer, WatchedFrame

FRAMES = tuple(Frame(clip="a", time_ms=40 * number, image=f"{number}.png") for number in range(4))
NAMES = list(detector.OUTPUTS)
SIZE = detector.PLACES * (4 + len(shapes.CLASSES))


def said(*answered: tuple[int, float, float], shown: tuple[float | None, ...] = (0, 40, 80, 120), **more: Any) -> str:
    frames = [WatchedFrame(frame=frame, started_ms=start, answered_ms=end) for frame, start, end in answered]
    fields = {"shown_ms": list(shown), "answered": frames, "failed": False, "unlike": 0, "outputs": "", **more}
    return WatchAnswer(**fields).model_dump_json()


def test_a_live_run_is_read() -> None:
    found = live._parsed(said((0, 0, 70), (2, 81, 150), shown=(0, None, 80, 120)), 4)
    clip = live._clip("a", found)
    assert clip.shown_ms == (0, None, 80, 120)
    assert [(one.frame, one.started_ms, one.answered_ms) for one in clip.answered] == [(0, 0, 70), (2, 81, 150)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="no text"),
        pytest.param("{}", id="another record"),
        pytest.param(said((0, 0, 70), shown=(0, 40, 80)), id="too few frames"),
        pytest.param(said((4, 0, 70)), id="a frame that the clip does not have"),
        pytest.param(said((1, 40, 70), (0, 70, 90)), id="backwards"),
        pytest.param(said((1, 40, 70), (1, 70, 90)), id="twice"),
        pytest.param(said((1, 40, 70), shown=(0, None, 80, 120)), id="a frame that was not drawn"),
        pytest.param(said((0, 70, 40)), id="answered before it began"),
        pytest.param(said(shown=(0, 80, 40, 120)), id="drawn backwards"),
        pytest.param(said().replace("120.0", "1e12"), id="a time beyond all limits"),
    ],
)
def test_a_live_run_that_cannot_have_been_is_refused(text: str | None) -> None:
    with pytest.raises(BlockFailed) as caught:
        live._parsed(text, 4)
    assert caught.value.fault == "bad answer"


def outputs(*labels: str) -> str:
    """Outputs of which each has one object of this class in the middle of the image."""
    rows = []
    place = detector.PLACES // 2
    for label in labels:
        encodings = np.zeros((detector.PLACES, 4), np.float32)
        logits = np.full((detector.PLACES, len(shapes.CLASSES)), -10, np.float32)
        box = np.array([(0.5, 0.5, 0.3, 0.3)])
        encodings[place] = detection.encoded(box, detector.anchors()[place][None], detection.PLAIN_SCALES)[0]
        logits[place, shapes.CLASSES.index(label)] = 3
        rows.append(np.concatenate([encodings.reshape(-1), logits.reshape(-1)]))
    return base64.b64encode(np.concatenate(rows).astype("<f4").tobytes()).decode()


def test_each_output_belongs_to_the_frame_that_was_processed() -> None:
    found = live._parsed(said((0, 0, 70), (3, 121, 190), outputs=outputs("cross", "circle")), 4)
    answers = live._answers(found, FRAMES, NAMES)
    assert {image: answer.label for image, answer in answers.items()} == {"0.png": "cross", "3.png": "circle"}
    assert answers["0.png"].boxes[0].left == pytest.approx(0.35 * shapes.SIDE, abs=1e-3)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("no base64", id="no base64"),
        pytest.param(outputs("cross"), id="of one inference"),
        pytest.param(outputs("cross", "cross")[:-8], id="cut off"),
        pytest.param(base64.b64encode(np.full(2 * SIZE, np.nan, "<f4").tobytes()).decode(), id="not finite"),
    ],
)
def test_outputs_that_are_not_the_models_are_refused(text: str) -> None:
    found = live._parsed(said((0, 0, 70), (3, 121, 190), outputs=text), 4)
    with pytest.raises(BlockFailed) as caught:
        live._answers(found, FRAMES, NAMES)
    assert caught.value.fault == "bad answer"


def test_the_pixels_are_those_of_the_set_and_opaque() -> None:
    image = shapes.generate().images["clip0/0000.png"]
    pixels = np.frombuffer(live._rgba(image), np.uint8).reshape(shapes.SIDE, shapes.SIDE, 4)
    assert (pixels[..., :3] == image).all()
    assert (pixels[..., 3] == 255).all()
