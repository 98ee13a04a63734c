"""A recorder that runs inside the engine's process or page, and what it needs from runners, pages and browsers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from mobilebench.core.records import Measurement, PlannedBlock, TargetInfo
from mobilebench.recorders.base import Declaration, EngineFacts, Recorded, Subject


class PageSide(Protocol):
    """The part of a recorder that drives a page's browser while the page measures. One object records one block."""

    def start(self, subject: Subject) -> None:
        """Begin, when the page is open and before it measures. An error that is raised here makes the block fail."""
        ...

    def paused(self, stage: str) -> None:
        """The stage has just ended, and the page waits until this returns."""
        ...

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        """End, when the page has answered or failed; `complete` says whether it has answered."""
        ...

    def result(self) -> Recorded:
        """What was recorded since `start`: series of the block, and parts of its measurement."""
        ...


@dataclass(frozen=True)
class EngineRecorder:
    """Records what only the measuring process or page can observe.

    A pass has its name. A runner or page records from its start to its end without help. What only the browser can do,
    the recorder does on the page's side.
    """

    name: str
    declaration: Declaration
    why_no_pass: Callable[[EngineFacts], str | None] = lambda engine: None  # noqa: ARG005
    """Returns why an engine has no such pass, as a clause; None when it has."""
    why_not: Callable[[PlannedBlock], str | None] = lambda block: None  # noqa: ARG005
    """Returns why this block of an engine with such a pass cannot be recorded; None when it can."""
    why_missing: Callable[[Measurement], str | None] = lambda measurement: None  # noqa: ARG005
    """See `missing`."""
    runner_writes_files: bool = False
    """Whether a runner needs a folder for its files."""
    browser_flags: tuple[str, ...] = ()
    """Flags with which Chrome is started for its blocks, where Chrome's flags can be set."""
    flags_in_job: str | None = None
    """The field of a page's job that says whether the browser was started with `browser_flags`."""
    page_side: Callable[[], PageSide] | None = None
    """Makes the object that records one page; None if the page needs no help from its browser. A page that a person
    opens has no such help, so it lacks this pass."""
    extra_seconds: float = 0.0
    """Time that it adds to a block, for estimates."""

    def validate(self, target: TargetInfo, block: PlannedBlock, engine: EngineFacts) -> str | None:  # noqa: ARG002
        if reason := self.why_no_pass(engine):
            return f"engine {engine.name} has no {self.name} pass: {reason}"
        return self.why_not(block)

    def start(self, subject: Subject) -> None:
        """Do nothing: the engine starts recording with its process."""

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        """Do nothing: the engine stops recording before its process ends."""

    def result(self) -> Recorded:
        """Returns nothing: the engine's measurement already holds what was recorded."""
        return Recorded()

    def missing(self, measurement: Measurement) -> str | None:
        """What a block of this pass lacks or has in excess, as a clause; None when it is complete."""
        return self.why_missing(measurement)

    def part_missing(self, measurement: Measurement) -> str | None:
        """Name of this recorder's part if the measurement lacks it; None if it has the part, even an empty one."""
        part = self.declaration.part
        return part if part and getattr(measurement, part) is None else None

    def runner_arguments(self) -> list[str]:
        """Arguments for a native runner."""
        return ["--pass", self.name]

    def job_fields(self, *, flags: bool) -> dict[str, Any]:
        """Fields of a page's job (`engines.page_messages.Job`); `flags`: the browser runs with `browser_flags`."""
        return {"pass_": self.name, **({self.flags_in_job: flags} if self.flags_in_job else {})}
