"""A live run: a page shows the frames of the generated set at their times, and the detector really answers to them.

The page draws each frame on a canvas when its time has come, and the model gets the pixels of the canvas. When it is
free again, it takes the frame that is due then; the page compares the pixels with the clip's, so it is known to which
frame each answer belongs. All times are those of the page's clock.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from mobilebench.core.errors import BlockFailed, Unsupported, first_problem
from mobilebench.core.records import Case, ModelFacts
from mobilebench.engines import web
from mobilebench.models.manifest import ModelFiles
from mobilebench.reuse.answers import Answer
from mobilebench.reuse.frames import Frame
from mobilebench.reuse.live import LiveClip, LiveRepetition
from mobilebench.reuse.shapes import CLASSES, SIDE, Shapes
from mobilebench.reuse.simulation import Answered
from mobilebench.scenarios.accuracy import detector
from mobilebench.scenarios.accuracy.messages import WatchAnswer, WatchJob
from mobilebench.scenarios.base import ScenarioFailed, name_kept
from mobilebench.scenarios.injection import loads
from mobilebench.scenarios.injection.inference import InjectedInference, Load, injected
from mobilebench.scenarios.injection.messages import InjectedAnswer, Place
from mobilebench.scenarios.injection.opening import foreign_page
from mobilebench.scenarios.injection.remarks import remarks_on_engine
from mobilebench.scenarios.injection.results import Remark
from mobilebench.scenarios.measuring import cleared
from mobilebench.targets.base import Target

PAGE = "scenarios/frames.html"
_LOAD_SECONDS = 60.0
_PATIENCE_S = 60.0
"""How long a clip may take beyond its own length."""
_STAYS_MS = 1000.0
_OUTPUTS: Mapping[str, tuple[int, int]] = {
    "box_encodings": (detector.PLACES, 4),
    "class_logits": (detector.PLACES, len(CLASSES)),
}

Tell = Callable[[str], None]


@dataclass(frozen=True)
class LiveRun:
    """What a page did with the frames, and the proof of what ran in it."""

    repetitions: tuple[LiveRepetition, ...]
    proof: InjectedAnswer
    """Engine, setup and first inference, with what shows that they were what was asked for."""
    remarks: tuple[Remark, ...]
    browser: str
    browser_version: str


def watch(
    target: Target,
    case: Case,
    files: ModelFiles,
    shown: Shapes,
    *,
    place: Place = "main",
    repetitions: int = 1,
    cancel: Event | None = None,
    tell: Tell = lambda _: None,
) -> LiveRun:
    """Let the detector watch the set in a browser of the target.

    Args:
        target: an opened target.
        case: engine, backend, threads and browser; every value that has a choice is chosen (`loads.completed`).
        files: the detector.
        shown: the set.
        place: the thread of the page that calls the engine.
        repetitions: how often the whole set is shown.
        cancel: ends it early.
        tell: called with what is done now.

    Raises:
        Unsupported: the browser or the engine cannot do this.
        ScenarioFailed: the page went away, or did not answer in time.
        BlockFailed: the engine failed, or the answer is not valid.
    """
    load, flags = loads.load_of(case, target.info, files)
    _require_tensors(load)
    server = web.page_server()
    with (
        name_kept(),
        server.visit({}) as visit,
        target.browser(case.browser or web.DEFAULT_BROWSER, flags) as browser,
        target.reverse(server.port) as origin,
        foreign_page(browser.address, cancel=cancel) as foreign,
        cleared(foreign.page, origin, enabled=target.info.kind == "android"),
    ):
        foreign.open(f"{origin.rstrip('/')}{visit.path}{PAGE}", timeout=_LOAD_SECONDS)
        with injected(foreign, load, place, tell=tell) as inference:
            found = []
            for number in range(repetitions):
                tell(f"showing {len(shown.frames.frames)} frames, {number + 1} of {repetitions}")
                found.append(_repetition(inference, shown, load.patience))
            proof = inference.finish()
        foreign.check()
        if foreign.dialogs:
            raise ScenarioFailed("dialog", f"The page showed a dialog during the measurement ({foreign.dialogs[-1]}).")
        return LiveRun(tuple(found), proof, tuple(_remarks(proof, case, load.facts)), browser.name, browser.version)


def _require_tensors(load: Load) -> None:
    """Refuse a file of the model with other tensors than the detector's."""
    model = load.job.model
    shapes = [one.shape for one in model.inputs]
    if shapes != [detector.INPUT.shape] or sorted(one.name for one in model.outputs) != sorted(_OUTPUTS):
        raise Unsupported(f"In the format of {load.job.engine}, {detector.NAME} has other inputs or outputs.")


def _remarks(proof: InjectedAnswer, case: Case, facts: ModelFacts) -> Iterator[Remark]:
    yield from remarks_on_engine(proof, case, facts)
    if any(not state.visible for state in proof.states):
        yield Remark(
            code="background",
            status="invalid",
            sentence="the page was in the background for a time, where browsers delay timers and draw nothing",
            next_step="Keep the tab in front and the screen on, and measure again.",
        )


def _repetition(inference: InjectedInference, shown: Shapes, patience: float) -> LiveRepetition:
    clips = []
    answers: dict[str, Answer] = {}
    for clip, frames in shown.frames.clips.items():
        name = f"clip/{clip}"
        inference.put(name, b"".join(_rgba(shown.images[frame.image]) for frame in frames))
        job = WatchJob(
            pixels=name,
            width=SIDE,
            height=SIDE,
            times_ms=[frame.time_ms - frames[0].time_ms for frame in frames],
        )
        seconds = (frames[-1].time_ms - frames[0].time_ms + _STAYS_MS) / 1000
        text = inference.world.call_function(
            "(job) => mobilebenchInference.watch(job)", job.model_dump(), timeout=seconds + _PATIENCE_S * patience
        )
        found = _parsed(text, len(frames))
        if found.failed:
            inference.finish()
            raise BlockFailed("The engine failed in the page, and gave no reason.", fault="page error")
        if found.unlike:
            raise BlockFailed(
                f"{found.unlike} frames of {clip} had other pixels on the page's canvas than in the clip."
            )
        clips.append(_clip(clip, found))
        answers |= _answers(found, frames, [one.name for one in inference.job.job.model.outputs])
    return LiveRepetition(tuple(clips), answers)


def _rgba(image: NDArray[np.uint8]) -> bytes:
    alpha = np.full((*image.shape[:2], 1), 255, np.uint8)
    return np.concatenate([image, alpha], axis=2).tobytes()


def _parsed(text: Any, frames: int) -> WatchAnswer:
    if not isinstance(text, str):
        raise BlockFailed("The page answered something other than a live run.", fault="bad answer")
    try:
        found = WatchAnswer.model_validate_json(text)
    except ValidationError as error:
        words = f"The page answered with an invalid live run: {first_problem(error).sentence()}."
        raise BlockFailed(words, fault="bad answer") from error
    processed = [one.frame for one in found.answered]
    drawn = [time for time in found.shown_ms if time is not None]
    if (
        len(found.shown_ms) != frames
        or processed != sorted(set(processed))
        or any(frame >= frames or found.shown_ms[frame] is None for frame in processed)
        or any(one.answered_ms < one.started_ms for one in found.answered)
        or drawn != sorted(drawn)
    ):
        raise BlockFailed("The page answered with a live run that cannot have been.", fault="bad answer")
    return found


def _clip(clip: str, found: WatchAnswer) -> LiveClip:
    answered = (Answered(one.frame, one.started_ms, one.answered_ms) for one in found.answered)
    return LiveClip(clip, tuple(found.shown_ms), tuple(answered))


def _answers(found: WatchAnswer, frames: tuple[Frame, ...], names: list[str]) -> dict[str, Answer]:
    """Image to what the model answered to it."""
    sizes = [rows * columns for rows, columns in (_OUTPUTS[name] for name in names)]
    try:
        values = np.frombuffer(base64.b64decode(found.outputs, validate=True), "<f4")
        of_each = values.reshape(len(found.answered), sum(sizes))
    except (binascii.Error, ValueError) as error:
        raise BlockFailed("The page's outputs have not the size of the model's.", fault="bad answer") from error
    if not np.isfinite(of_each).all():
        raise BlockFailed("The model answered with numbers that are not finite.", fault="bad answer")
    answers = {}
    for one, row in zip(found.answered, of_each, strict=True):
        parts = dict(zip(names, np.split(row, np.cumsum(sizes)[:-1]), strict=True))
        tensors = {name: part.reshape(1, *_OUTPUTS[name]) for name, part in parts.items()}
        answers[frames[one.frame].image] = detector.decoded(tensors["box_encodings"], tensors["class_logits"])
    return answers
