"""Live runs as they are stored: raw times and answers, with the proof of what ran. Accuracy is computed on read.

A live run is an event of its run in the store. So it travels with the run, and a store needs no table for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, ValidationError

from mobilebench.core.errors import BadInput, first_problem
from mobilebench.core.page_quality import Ms
from mobilebench.core.records import Case, Measurement, Record, StoredEvent
from mobilebench.reuse.answers import Answer
from mobilebench.reuse.frames import MOST_FRAMES, FrameSet, Name
from mobilebench.reuse.live import LiveClip, LiveRepetition
from mobilebench.reuse.simulation import Answered

SUITE = "accuracy"
"""The suite's name in runs that hold only a live run."""


class WatchedInference(Record):
    """One inference on a frame; times are since the clip began, by the page's clock."""

    frame: int = Field(ge=0, lt=MOST_FRAMES)
    started_ms: Ms
    answered_ms: Ms


class WatchedClip(Record):
    """What a page did with the frames of one clip."""

    clip: Name
    shown_ms: list[Ms | None] = Field(max_length=MOST_FRAMES)
    """When the page drew each frame, since the clip began; None for a frame that it did not draw."""
    answered: list[WatchedInference] = Field(max_length=MOST_FRAMES)


class WatchedRepetition(Record):
    """One pass over all clips."""

    clips: list[WatchedClip] = Field(max_length=MOST_FRAMES)
    answers: dict[Name, Answer]
    """Image to what the model answered to it in the page."""


class WatchRemark(Record):
    """Something that a reader has to know about a live run."""

    code: str
    status: Literal["valid", "suspect", "invalid"]
    """What it makes of the live run."""
    sentence: str
    next_step: str | None = None


class WatchedFrames(Record):
    """A live run: the frames of a set were shown in a page, and a model answered to them there."""

    KIND: ClassVar[str] = "FramesWatched"
    """The kind of the event that holds it."""

    case: Case
    place: Literal["main", "worker"]
    """Thread of the page that called the engine."""
    browser: str
    browser_version: str
    frames: Name
    """The set's name."""
    set_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of frames, times and truth (`digest`)."""
    repetitions: list[WatchedRepetition] = Field(min_length=1, max_length=1000)
    answers_here: dict[Name, Answer]
    """Image to the same model's answer on the computer that ran this, for every frame of the set."""
    measurement: Measurement
    """Setup, first inference and answer to the model's usual input in the page, with the proof."""
    remarks: tuple[WatchRemark, ...] = ()

    @property
    def raw(self) -> tuple[LiveRepetition, ...]:
        """The repetitions as `reuse.live.compare` takes them."""
        return tuple(
            LiveRepetition(tuple(_live(clip) for clip in one.clips), dict(one.answers)) for one in self.repetitions
        )

    @property
    def unlike(self) -> int:
        """Answers of the page that have another class, or other boxes of which the model is sure, than those here."""
        return sum(
            _told(answer) != _told(self.answers_here.get(image, Answer()))
            for one in self.repetitions
            for image, answer in one.answers.items()
        )


_SURE = 0.3
"""Boxes of a lower score are not compared between engines."""


def _told(answer: Answer) -> tuple[str | None, list[str]]:
    return answer.label, sorted(box.label for box in answer.boxes if box.score > _SURE)


def _live(clip: WatchedClip) -> LiveClip:
    answered = (Answered(one.frame, one.started_ms, one.answered_ms) for one in clip.answered)
    return LiveClip(clip.clip, tuple(clip.shown_ms), tuple(answered))


def as_stored(repetition: LiveRepetition) -> WatchedRepetition:
    """A repetition as a record."""
    return WatchedRepetition(
        clips=[
            WatchedClip(
                clip=clip.clip,
                shown_ms=list(clip.shown_ms),
                answered=[
                    WatchedInference(frame=one.frame, started_ms=one.started_ms, answered_ms=one.answered_ms)
                    for one in clip.answered
                ],
            )
            for clip in repetition.clips
        ],
        answers=dict(repetition.answers),
    )


def digest(frames: FrameSet) -> str:
    """SHA-256 of a set's frames, times and truth, which says whether two sets are the same one."""
    lines = [
        [
            one.clip,
            one.time_ms,
            one.image,
            truth.model_dump(mode="json") if (truth := frames.truth.get(one.image)) else None,
        ]
        for one in frames.frames
    ]
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()


def of_events(events: Sequence[StoredEvent]) -> list[WatchedFrames]:
    """The live runs among the events of a run, oldest first.

    Raises:
        BadInput: one of them cannot be read.
    """
    try:
        return [WatchedFrames.model_validate(one.data) for one in events if one.kind == WatchedFrames.KIND]
    except ValidationError as error:
        raise BadInput(
            f"The live run that is stored cannot be read: {first_problem(error).sentence('it')}.",
            hint="A newer mobilebench may have written it: upgrade this one.",
        ) from error
