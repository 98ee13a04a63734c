"""A timestamped set of frames: clips of images with their times, and the truth about some or all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from mobilebench.core.errors import BadInput
from mobilebench.core.records import Record

Problem = Literal[
    "no such folder",
    "unknown layout",
    "missing file",
    "unreadable file",
    "too large",
    "wrong columns",
    "bad row",
    "no frames",
    "unsorted times",
    "duplicate time",
    "duplicate image",
    "outside the folder",
    "missing image",
    "not an image",
    "unknown image",
    "no truth",
    "bad box",
    "contradiction",
    "missing answer",
]
"""Why a set of frames, or a file of answers, cannot be used:

`no such folder` · `unknown layout`: the folder has the files of none of the known layouts · `missing file`,
`unreadable file`: a table is missing, is no UTF-8 text or breaks off · `too large`: a table, an image or a number of
frames is beyond the limits · `wrong columns`, `bad row`: of a table; the message names the line · `no frames` ·
`unsorted times`: a clip goes back in time · `duplicate time`, `duplicate image`: two frames of a clip at one time, or
of one image · `outside the folder`: an image's path is absolute, has `..`, or is a link that leads out of the folder ·
`missing image`, `not an image` · `unknown image`: truth or answer for an image that is no frame · `no truth`: no frame
has a class or a box · `bad box`: empty, or outside its image · `contradiction`: two classes for one image, or `nothing
is there` beside something · `missing answer`: a file of answers has none for a frame.
"""
PROBLEMS: tuple[Problem, ...] = get_args(Problem)

SIDES = ("left", "top", "right", "bottom")
"""The fields of a box that are its sides."""
MOST_FRAMES = 200_000
MOST_BOXES = 100
"""Boxes of one frame; COCO's evaluation takes the 100 best ones too."""
LONGEST_CLIP_MS = 24 * 3600 * 1000.0
LARGEST_SIDE = 8192
_GAP = 3.0
"""A time between two frames is a gap if it is longer than so many of the clip's median."""
_LEAST_GAP_MS = 100.0


def _without_controls(text: str) -> str:
    if any(ord(one) < 32 or ord(one) == 127 for one in text):
        raise ValueError("should have no control characters, such as tabs")
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_without_controls)]
Pixels = Annotated[float, Field(ge=-LARGEST_SIDE, le=2 * LARGEST_SIDE, allow_inf_nan=False)]


class BadFrames(BadInput):
    """A set of frames or a file of answers that cannot be used.

    Args:
        problem: which kind of problem it is.
    """

    def __init__(self, problem: Problem, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.problem = problem


class Frame(Record):
    """One frame of a clip."""

    clip: Name
    time_ms: float = Field(ge=0, le=LONGEST_CLIP_MS, allow_inf_nan=False)
    """Since the start of the clip, or of the video that it is part of."""
    image: Name
    """The image's path in the folder, with `/`. It is also the name of the frame."""


class Box(Record):
    """An object in an image, in pixels from its top left corner; right and bottom are not part of it."""

    label: Name
    left: Pixels
    top: Pixels
    right: Pixels
    bottom: Pixels

    @model_validator(mode="after")
    def _not_empty(self) -> Box:
        if not (self.left < self.right and self.top < self.bottom):
            raise ValueError("the box is empty: right and bottom should be above left and top")
        return self

    @property
    def area(self) -> float:
        return (self.right - self.left) * (self.bottom - self.top)


class Truth(Record):
    """What is known about one image."""

    label: Name | None = None
    """The class of the whole image; None if it is not known, and then the image does not count for top-1."""
    boxes: tuple[Box, ...] | None = Field(default=None, max_length=MOST_BOXES)
    """Every object in it; empty if nothing is there; None if it is not known, and then it does not count for mAP."""


@dataclass(frozen=True)
class Note:
    """Something about a set that does not prevent its use."""

    kind: Literal["gap", "frames without truth", "single frame"]
    text: str


@dataclass(frozen=True)
class FrameSet:
    """Frames in the order of their clips and times, and the truth about at least one of them."""

    name: str
    frames: tuple[Frame, ...]
    truth: Mapping[str, Truth]
    """Image to what is known of it."""
    source: str = ""
    """Where the frames come from, in a sentence."""
    folder: Path | None = None
    """Where the images lie; None if they are only in memory."""

    @cached_property
    def clips(self) -> dict[str, tuple[Frame, ...]]:
        """Clip to its frames, in the order of their times."""
        found: dict[str, list[Frame]] = {}
        for frame in self.frames:
            found.setdefault(frame.clip, []).append(frame)
        return {clip: tuple(frames) for clip, frames in found.items()}

    @cached_property
    def notes(self) -> tuple[Note, ...]:
        """What should be known before its accuracy is read."""
        return tuple(_notes(self))


def checked(one: FrameSet) -> FrameSet:
    """The set, if its frames can be used, and there is truth about at least one of them and about nothing else.

    Raises:
        BadFrames: it cannot be used.
    """
    check_frames(one)
    images = {frame.image for frame in one.frames}
    if unknown := next((image for image in one.truth if image not in images), None):
        raise BadFrames(
            "unknown image",
            f"{one.name}: there is truth about {unknown}, which is no frame.",
            hint="Name images in the same way in both tables.",
        )
    if not any(truth.label is not None or truth.boxes for truth in one.truth.values()):
        raise BadFrames(
            "no truth",
            f"{one.name}: no frame has a class or a box, so no answer can be right.",
            hint="Give the class or the boxes of at least one frame.",
        )
    return one


def check_frames(one: FrameSet) -> None:
    """Refuse no frames and too many, and images and times that are there twice or out of order. Raises `BadFrames`."""
    if not one.frames:
        raise BadFrames("no frames", f"{one.name} has no frames.", hint="A set needs at least one frame.")
    check_count(len(one.frames), one.name)
    images: set[str] = set()
    for frame in one.frames:
        if frame.image in images:
            raise BadFrames(
                "duplicate image",
                f"{one.name}: the image {frame.image} is two frames.",
                hint="Each frame has an image of its own; copy the file if a frame is repeated.",
            )
        images.add(frame.image)
    for clip, frames in one.clips.items():
        _check_times(one.name, clip, frames)


def check_count(frames: int, name: str) -> None:
    """Refuse more frames than are read. Raises `BadFrames`."""
    if frames > MOST_FRAMES:
        raise BadFrames("too large", f"{name} has more than {MOST_FRAMES} frames.", hint="Split it into several sets.")


def _check_times(name: str, clip: str, frames: tuple[Frame, ...]) -> None:
    for before, after in pairwise(frames):
        if after.time_ms == before.time_ms:
            raise BadFrames(
                "duplicate time",
                f"{name}: {before.image} and {after.image} of clip {clip} are both at {after.time_ms:g} ms.",
                hint="Two frames of a clip have different times.",
            )
        if after.time_ms < before.time_ms:
            raise BadFrames(
                "unsorted times",
                f"{name}: clip {clip} goes back in time, from {before.time_ms:g} ms ({before.image}) to "
                f"{after.time_ms:g} ms ({after.image}).",
                hint="Sort the frames of each clip by their times.",
            )


def _notes(one: FrameSet) -> list[Note]:
    notes = []
    for clip, frames in one.clips.items():
        steps = [after.time_ms - before.time_ms for before, after in pairwise(frames)]
        if not steps:
            notes.append(Note("single frame", f"Clip {clip} is a single frame, which is never reused."))
            continue
        limit = max(_GAP * median(steps), _LEAST_GAP_MS)
        if gaps := [step for step in steps if step > limit]:
            start = frames[steps.index(max(gaps))].time_ms
            count = f"{len(gaps)} gap{'' if len(gaps) == 1 else 's'}"
            text = f"Clip {clip} has {count}; the longest is {max(gaps):g} ms, after {start:g} ms."
            notes.append(Note("gap", text))
    if without := sum(frame.image not in one.truth for frame in one.frames):
        text = f"{without} of {len(one.frames)} frames have no truth: they are shown, and do not count."
        notes.append(Note("frames without truth", text))
    return notes
