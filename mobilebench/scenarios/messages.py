"""The JSON messages between Python and the pages of scenarios.

`scripts/web_types.py` writes the pages' TypeScript types from these records. Run it after every change here. All times
are milliseconds of the page's clock since the measurement began.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mobilebench.core.page_quality import MOST_FRAMES, Count, InputEvent, LongFrame, Mark, Ms, Name, Span, VideoFrames
from mobilebench.core.record import Record

Address = Annotated[str, Field(max_length=8000)]
Words = Annotated[str, Field(max_length=500)]
Coordinate = Annotated[float, Field(ge=0, le=20_000, allow_inf_nan=False)]

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


class CameraAnswer(Record):
    """Whether the call page shows a camera."""

    camera: Literal["running", "none"]
    label: Annotated[str, Field(max_length=200)] = ""
    """The camera's name."""
    error: Name = ""
    """Name of the browser's exception, if there is none."""
    why: Words = ""


class PageRun(Record):
    """One run of the interaction page."""

    started_ms: Ms
    """Since the page was opened."""
    steps_ms: Annotated[list[Ms], Field(max_length=MOST_STEPS)]
    """For each step, the time from the input until the page had handled it: scripts, styles and layout."""


class PageRuns(Record):
    """All whole runs of the interaction page."""

    runs: Annotated[list[PageRun], Field(max_length=MOST_RUNS)]


class BenchmarkPage(Record):
    """What the page of a benchmark is."""

    starts: Literal["start", "startTest", "not"]
    """What starts a run: a method of its client (Speedometer 3 and 4), a function of the page (2), or nothing."""
    steps: bool
    """Whether its client can go step by step (4)."""
    title: Annotated[str, Field(max_length=100)]
    width: Count
    height: Count
    """Of the window, in CSS pixels."""


class BenchmarkRun(Record):
    """One run of a benchmark."""

    started_ms: Ms
    """Since the page was opened."""
    wall_ms: Ms
    score: Annotated[float, Field(ge=0, lt=1e9, allow_inf_nan=False)]
    """The benchmark's own result."""


class BenchmarkLook(Record):
    """How far a run of a benchmark is."""

    state: Literal["running", "done", "failed"]
    run: BenchmarkRun | None = None
    why: Words | None = None
    """Why it failed."""


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
