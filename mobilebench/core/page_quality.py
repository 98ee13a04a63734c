"""The raw values of a page that was used as a person uses it. Statistics follow from them (`core.page_metrics`).

All times are milliseconds of the page's clock since the measurement began.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mobilebench.core.record import Record

Ms = Annotated[float, Field(ge=0, lt=1e9, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**31)]
Name = Annotated[str, Field(max_length=60)]

MOST_FRAMES = 400_000
"""Frames of an hour at 110 a second."""
MOST_INFERENCES = 2_000_000


class Void(Record):
    """Stands where something could not be measured."""

    reason: str


class Mark(Record):
    """A moment with a name, such as the start of `warmup`."""

    name: Name
    at_ms: Ms


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


class OwnFrames(Record):
    """What became of the page's own frames, by the browser's trace. A video inside the page has frames of its own."""

    presented_ms: Annotated[list[Ms], Field(max_length=MOST_FRAMES)]
    """When each of them was presented."""
    dropped_ms: Annotated[list[Ms], Field(max_length=MOST_FRAMES)]
    """Refreshes of the screen for which the page did not answer in time."""
    refreshes: Count
    """Refreshes of the screen for which the browser asked the page for a frame."""


class PresentedFrames(Record):
    """The frames that the browser really presented, by its own trace."""

    displayed_ms: Annotated[list[Ms], Field(max_length=MOST_FRAMES)] | Void
    """Every frame of the browser's window in which more than the browser's own interface changed: those of the page, of
    its frames and of its videos.
    """
    own: OwnFrames | Void
    trace_bytes: Count
    """Size of the trace as it was sent, gzipped. It is not kept."""


class InterfaceFrames(Record):
    """Frames that a phone's browser drew with Android's views (`dumpsys gfxinfo`): its toolbar, and not its pages."""

    rendered: Count
    janky: Count
    """Of these, frames that took longer than they may."""


class LayerFrames(Record):
    """The last frames of a phone's browser that SurfaceFlinger presented, of the layer that had most of them."""

    layer: Annotated[str, Field(max_length=300)]
    refresh_ms: Annotated[float, Field(ge=0, le=1e6)]
    """Time between two refreshes of the screen."""
    presented_ms: Annotated[list[Ms], Field(min_length=1, max_length=2000)]
    """When they were presented, since the first of them. SurfaceFlinger remembers the last 127."""
    complete: bool
    """Whether these are all frames between the two readings, and not only the last."""
    between_ms: Ms
    """Time between the two readings."""


class PhoneFrames(Record):
    """What a phone counted of its browser's frames, between a reading before and one after the measurement."""

    interface: InterfaceFrames | Void
    layer: LayerFrames | Void


class ScriptRun(Record):
    """One run of a fixed script of interactions."""

    started_ms: Ms
    steps_ms: Annotated[list[Ms], Field(min_length=1)]

    @property
    def busy_ms(self) -> float:
        """The time that the page took for all steps; the time between them, when nobody waited for it, is left out."""
        return sum(self.steps_ms)


class Benchmark(Record):
    """A benchmark page of others, in which the runs were made."""

    name: str
    version: str
    revision: str | Void
    """Git's hash of the clone's commit."""
    scores: list[Annotated[float, Field(ge=0, lt=1e9, allow_inf_nan=False)]]
    """Its own result of each run."""
    unit: Literal["runs/min", "points"]


class SentFiles(Record):
    """The documents, scripts, styles and data that mobilebench's page server sent to the page."""

    count: Count
    sha256: str
    """Over the lines `NAME SHA256` of all of them, in the order of their names."""


class Typing(Record):
    """What was typed."""

    asked_wpm: float
    """Words a minute, at five characters a word."""
    characters: int
    """Characters that the page received by trusted events."""


class PageState(Record):
    """Whether the page was visible and had the focus, from this moment until the next one."""

    at_ms: Ms
    """Time since the page's `performance.timeOrigin`."""
    visible: bool
    focused: bool


class Inferring(Record):
    """How a page inferred while it was used. The duration of each inference is in the measurement's `prediction_ms`."""

    start_ms: Annotated[list[Ms], Field(max_length=MOST_INFERENCES)]
    """When each inference began, in the order of `prediction_ms`."""
    states: Annotated[list[PageState], Field(max_length=100_000)] = []
    """Their times are those since the recording began."""
    scripts_sha256: dict[str, str] = {}
    """Name of every file that was put into the page to its sha256."""
    left_behind: dict[str, int] = {}
    """What the engine had left in the page, and was removed: workers, addresses of blobs, GPU contexts."""


class LeadIn(Record):
    """The frames of a page while engine and model were put into it and set up, and inferred once. Nobody used it yet.

    Its times are milliseconds since it began.
    """

    before_ms: Ms
    """How long before the measurement it began."""
    duration_ms: Ms
    frames_ms: Annotated[list[Ms], Field(max_length=MOST_FRAMES)]
    marks: list[Mark]
    """When `setup` and `warmup` (the first inference) began, and when the engine was `ready`."""


class ScenarioResult(Record):
    """The raw values of one measurement; statistics follow from them (`core.page_metrics`).

    All times are milliseconds of the page's clock since the measurement began.
    """

    scenario: str
    address: str
    """The name of one of our pages, an address, or the name of a file."""
    browser: str
    version: str
    seconds: float
    """Asked length of the measurement."""
    duration_ms: Ms
    frames_ms: Annotated[list[Ms], Field(max_length=MOST_FRAMES)]
    """The time of each animation frame."""
    marks: list[Mark] = Field(default_factory=list)
    runs: list[ScriptRun] | Void
    benchmark: Benchmark | Void = Void(reason="the page is no benchmark")
    files: SentFiles | Void = Void(reason="not recorded")
    typing: Typing | Void
    video: VideoFrames | Void
    presented: PresentedFrames | Void = Void(reason="not recorded")
    phone: PhoneFrames | None = None
    """What the phone counted; None on this computer, and where it was not asked."""
    events: list[InputEvent] | Void
    inp_ms: float | Void
    long_tasks: list[Span] | Void
    long_frames: list[LongFrame] | Void
    inputs: int
    """Trusted input events that the page received."""
    inferring: Inferring | Void = Void(reason="nothing inferred in the page")
    lead_in: LeadIn | None = None
    """What went before in a page that infers; None where nothing does."""
    notes: list[str] = Field(default_factory=list)
