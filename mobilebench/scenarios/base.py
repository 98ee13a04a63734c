"""The records of a scenario's measurement, and the failures that have a name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mobilebench.core.errors import BlockFailed, Fault
from mobilebench.core.records import Record
from mobilebench.scenarios.messages import MOST_FRAMES, InputEvent, LongFrame, Mark, Ms, Span, VideoFrames

Direction = Literal["higher is better", "lower is better"]

Outcome = Literal[
    "never loaded",
    "error page",
    "redirected",
    "left",
    "crashed",
    "background",
    "dialog",
    "undecodable",
    "no video",
    "off screen",
    "no answer",
    "page error",
]
"""Named failures of a scenario: `never loaded`: the address did not answer, or the page did not load in time · `error
page`: the server answered with an error · `redirected`: another page answered · `left`: the page was replaced by
another one while it was measured · `crashed`: page or browser ended · `background`: the page was hidden · `dialog`: it
showed a dialog, which stops everything until a person answers · `undecodable`: the browser cannot decode the clip · `no
video`: the video did not play · `off screen`: the video was outside of the window · `no answer`: an input or a question
was not answered in time · `page error`: the page threw an exception, or answered something that is no measurement.
"""


class Metric(Record):
    """A quantity that a scenario measures."""

    name: str
    unit: str
    direction: Direction
    source: str
    """Where the raw values come from, and how the value follows from them."""


class Void(Record):
    """Stands where something could not be measured."""

    reason: str


class Run(Record):
    """One run of a fixed script of interactions."""

    started_ms: Ms
    steps_ms: Annotated[list[Ms], Field(min_length=1)]

    @property
    def busy_ms(self) -> float:
        """The time that the page took for all steps; the time between them, when nobody waited for it, is left out."""
        return sum(self.steps_ms)


class Typing(Record):
    """What was typed."""

    asked_wpm: float
    """Words a minute, at five characters a word."""
    characters: int
    """Characters that the page received by trusted events."""


class ScenarioResult(Record):
    """The raw values of one measurement; statistics follow from them (`metrics.py`).

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
    runs: list[Run] | Void
    typing: Typing | Void
    video: VideoFrames | Void
    events: list[InputEvent] | Void
    inp_ms: float | Void
    long_tasks: list[Span] | Void
    long_frames: list[LongFrame] | Void
    inputs: int
    """Trusted input events that the page received."""
    notes: list[str] = Field(default_factory=list)


class ScenarioFailed(BlockFailed):
    """A scenario could not be measured, for a reason that has a name.

    Args:
        outcome: the name of the failure.
    """

    def __init__(self, outcome: Outcome, message: str, *, hint: str | None = None, fault: Fault | None = None) -> None:
        super().__init__(message, hint=hint, fault=fault)
        self.outcome = outcome
