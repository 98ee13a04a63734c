"""What an injection measured: raw samples. Statistics are computed when they are read."""

from __future__ import annotations

import statistics
from typing import Literal

from pydantic import Field

from mobilebench.core.page_metrics import reached_duty
from mobilebench.core.records import Milliseconds, Record
from mobilebench.scenarios.injection.messages import InjectedAnswer, Place

DUTIES = (0, 25, 50, 75, 100)
DEFAULT_DUTY = 50
MOST_FRAMES = 1_000_000

Status = Literal["valid", "suspect", "invalid"]


class FrameTimes(Record):
    """The frames that a page produced in a window of time, as its `requestAnimationFrame` reported them."""

    times_ms: list[float] = Field(default=[], max_length=MOST_FRAMES)
    """Time of every frame since the page's `performance.timeOrigin`."""

    @property
    def fps(self) -> float | None:
        """Frames per second between the first and the last frame; None with fewer than two."""
        if len(self.times_ms) < 2 or self.times_ms[-1] <= self.times_ms[0]:
            return None
        return (len(self.times_ms) - 1) / (self.times_ms[-1] - self.times_ms[0]) * 1000

    @property
    def longest_gap_ms(self) -> float | None:
        """The longest time between two frames; None with fewer than two."""
        gaps = [after - before for before, after in zip(self.times_ms, self.times_ms[1:], strict=False)]
        return max(gaps, default=None)


class Remark(Record):
    """Something that a reader has to know about a result, and what to do next."""

    code: str
    status: Status
    """What it makes of the result."""
    sentence: str
    next_step: str | None = None


class InjectionPlan(Record):
    """What is asked for."""

    duty: float = Field(default=DEFAULT_DUTY, ge=0, le=100)
    """Share of the time that is spent inferring, in percent."""
    place: Place = "main"
    seconds: float = Field(default=10.0, gt=0, le=3600)
    """How long the page infers."""
    baseline_seconds: float = Field(default=5.0, ge=0, le=3600)
    """How long frames are counted beforehand, without anything injected."""
    frame: str | None = Field(default=None, max_length=500)
    """A part of the address of the frame that is measured; None: the page itself."""
    inject: bool = True
    """False: nothing is injected, and the page is only watched. It is what an injection at duty 0 is compared with."""


class InjectionResult(Record):
    """What was measured in a foreign page."""

    plan: InjectionPlan
    asked: str
    """The address that was asked for."""
    url: str
    """The address at which the page was."""
    redirected: bool = False
    """Whether another document answered than the one that was asked for."""
    title: str = ""
    isolated: bool
    """Whether the page was cross-origin isolated."""
    isolated_by_us: bool = False
    """Whether its documents were answered with the headers for it."""
    service_worker: bool = False
    """Whether a service worker controlled the page."""
    page_frames: int = 0
    """Number of frames inside the page."""
    frames_elsewhere: int = 0
    """Number of frames, at any depth, that have processes of their own because they are of other sites."""
    frames_failed: int = 0
    """Number of frames that show an error in place of their page. Only Chrome reports it."""
    browser: str
    browser_version: str
    scripts_sha256: dict[str, str] = Field(default={})
    """Name of every file that was put into the page to its sha256."""
    answer: InjectedAnswer | None = None
    """None where nothing was injected."""
    baseline: FrameTimes = FrameTimes()
    """Frames before anything was injected."""
    frames: FrameTimes = FrameTimes()
    """Frames while the page inferred."""
    window_ms: Milliseconds
    """Duration of the inferring, by this computer's clock."""
    taken_away: dict[str, int] = Field(default={})
    """What the engine had left in the page, and was removed: workers, addresses of blobs, GPU contexts."""
    remarks: list[Remark] = Field(default=[])

    @property
    def reached_duty(self) -> float | None:
        """The reached duty in percent; see `reached_duty`."""
        return None if self.answer is None else reached_duty(self.answer.inference_start_ms, self.answer.inference_ms)

    @property
    def p50_ms(self) -> float | None:
        """Median time of an inference in the page; None without one, or where the page's clock is too coarse."""
        if self.answer is None or not self.answer.inference_ms:
            return None
        median = statistics.median(self.answer.inference_ms)
        return median if median >= (self.answer.proof.clock_resolution_ms or 0) and median > 0 else None

    @property
    def status(self) -> Status:
        """The worst of its remarks."""
        found = {remark.status for remark in self.remarks}
        return "invalid" if "invalid" in found else "suspect" if "suspect" in found else "valid"
