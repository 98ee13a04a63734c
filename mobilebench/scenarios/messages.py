"""The JSON messages between Python and the pages of scenarios.

`scripts/web_types.py` writes the pages' TypeScript types from these records. Run it after every change here. All times
are milliseconds of the page's clock since the measurement began.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mobilebench.core.records import Record

Ms = Annotated[float, Field(ge=0, lt=1e9, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Address = Annotated[str, Field(max_length=8000)]
Words = Annotated[str, Field(max_length=500)]
Name = Annotated[str, Field(max_length=60)]
Coordinate = Annotated[float, Field(ge=0, le=20_000, allow_inf_nan=False)]

MOST_FRAMES = 400_000
"""Frames of an hour at 110 a second."""
MOST_EVENTS = 50_000
MOST_RUNS = 50_000
MOST_STEPS = 200

Video = Literal["playing", "none", "not playing", "undecodable"]
"""What the page has of a video when the measurement begins."""


class ProbeOptions(Record):
    """What the probe of a page shall do."""

    video: Literal["needed", "if there"]
    """`needed`: the page exists for its video; `if there`: the largest video of the page is counted, if it plays."""


class Begun(Record):
    """The probe's answer when a measurement has begun."""

    video: Video
    why: Words | None = None
    """The browser's reason against the video."""


class Span(Record):
    """A long task of the page."""

    start_ms: Ms
    duration_ms: Ms


class LongFrame(Record):
    """An animation frame that took 50 ms or longer."""

    start_ms: Ms
    duration_ms: Ms
    blocking_ms: Ms
    """The part in which the page could not have answered an input (`blockingDuration`)."""


class InputEvent(Record):
    """An input event as the browser's Event Timing reports it; its durations are multiples of 8 ms."""

    name: Name
    start_ms: Ms
    delay_ms: Ms
    """From the input until its first handler ran."""
    duration_ms: Ms
    """From the input until the next frame was shown."""


class VideoFrames(Record):
    """The frames of one video, as the browser reports them."""

    frames_ms: Annotated[list[Ms], Field(max_length=MOST_FRAMES)]
    """Each call of `requestVideoFrameCallback`."""
    presented: Count
    """Frames that the browser gave to its compositor (`presentedFrames`)."""
    decoded: Count
    dropped: Count
    """Frames that were decoded and never shown (`getVideoPlaybackQuality`)."""
    least_visible: Annotated[float, Field(ge=0, le=1)]
    """The smallest part of the video that was inside of the window."""
    stalls: Count
    """How often it waited for data."""
    width: Count
    height: Count


class Mark(Record):
    """A moment with a name, such as the start of `warmup`."""

    name: Name
    at_ms: Ms


class ProbeAnswer(Record):
    """What the probe recorded. What it could not record has a reason in `void`."""

    address: Address
    """The page's own address at the end."""
    began_ms: Ms
    """When the measurement began, since the page was opened."""
    duration_ms: Ms
    frames_ms: Annotated[list[Ms], Field(max_length=MOST_FRAMES)]
    """The time of each animation frame (`requestAnimationFrame`)."""
    marks: Annotated[list[Mark], Field(max_length=1000)]
    hidden_ms: Annotated[list[Ms], Field(max_length=1000)]
    """When the page was hidden; 0 if it was so from the beginning."""
    focused: bool
    """Whether the page had the focus at the end."""
    inputs: Count
    """Trusted input events: those that came from the browser, not from a script."""
    untrusted: Count
    """Input events that a script made."""
    events: Annotated[list[InputEvent], Field(max_length=MOST_EVENTS)] | None = None
    inp_ms: Ms | None = None
    long_tasks: Annotated[list[Span], Field(max_length=MOST_EVENTS)] | None = None
    long_frames: Annotated[list[LongFrame], Field(max_length=MOST_EVENTS)] | None = None
    video: VideoFrames | None = None
    void: dict[Name, Words]
    """Field that could not be recorded to the reason."""


class Action(Record):
    """What a page of ours asks its user to do next."""

    do: Literal["click", "key"]
    x: Coordinate
    y: Coordinate
    """Where to click, in CSS pixels of the window."""
    key: Annotated[str, Field(max_length=10)]
    """One character, or `Enter`, `Backspace` or `Tab`; empty for a click."""
    begins_run: bool
    """Whether it is the first action of a run."""


class PageRun(Record):
    """One run of the interaction page."""

    started_ms: Ms
    """Since the page was opened."""
    steps_ms: Annotated[list[Ms], Field(max_length=MOST_STEPS)]
    """For each step, the time from the input until the page had handled it: scripts, styles and layout."""


class PageRuns(Record):
    """All whole runs of the interaction page."""

    runs: Annotated[list[PageRun], Field(max_length=MOST_RUNS)]


class Spot(Record):
    """A place on the page, in CSS pixels of the window."""

    x: Coordinate
    y: Coordinate


class Typed(Record):
    """What the typing page received."""

    characters: Count
    """Characters that came by trusted events."""
    words: Count
    """Words in the document now."""
