"""What a model answers to each frame of a set."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from mobilebench.core.records import Record
from mobilebench.reuse.frames import Box, FrameSet, Name


class Found(Box):
    """An object that a model found."""

    score: float = Field(ge=0, le=1, allow_inf_nan=False)


class Answer(Record):
    """A model's answer to one frame."""

    label: Name | None = None
    """The class of the whole image; None if it gave none."""
    boxes: tuple[Found, ...] = ()


Answers = Mapping[str, Answer]
"""Image to the model's answer."""


def perfect(frames: FrameSet) -> dict[str, Answer]:
    """The answers of a model that is always right; to frames without truth, those of the last frame that has it.

    With them, all that is lost is lost by reuse.
    """
    answers: dict[str, Answer] = {}
    for clip in frames.clips.values():
        last = Answer()
        for frame in clip:
            if truth := frames.truth.get(frame.image):
                found = tuple(Found(**box.model_dump(), score=1.0) for box in truth.boxes or ())
                last = Answer(label=truth.label, boxes=found)
            answers[frame.image] = last
    return answers
