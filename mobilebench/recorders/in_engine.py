"""A recorder whose work an engine does within its own process or page: what it asks of runners, pages and browsers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mobilebench.core.records import EnginePass, Measurement, PlannedBlock, TargetInfo
from mobilebench.recorders.base import Declaration, EngineFacts, Recorded, Subject


@dataclass(frozen=True)
class EngineRecorder:
    """Records what only the measuring process or page can tell.

    It gives its name to a pass. A runner records by itself, from its start to its end; what a page and its browser
    record is started and stopped by the recorders of `engines.page_recorders`.
    """

    name: EnginePass
    declaration: Declaration
    why_no_pass: Callable[[EngineFacts], str | None] = lambda engine: None  # noqa: ARG005
    """Why an engine has no such pass, as a clause; None when it has."""
    why_not: Callable[[PlannedBlock], str | None] = lambda block: None  # noqa: ARG005
    """Why this block of an engine that has the pass cannot be recorded; None when it can."""
    why_missing: Callable[[Measurement], str | None] = lambda measurement: None  # noqa: ARG005
    """See `missing`."""
    runner_writes_files: bool = False
    """A runner needs a folder for files of its own."""
    browser_flags: tuple[str, ...] = ()
    """Flags with which a Chrome that takes any is started for its blocks."""
    flags_in_job: str | None = None
    """Field of a page's job which says whether the browser was started with `browser_flags`."""
    extra_seconds: float = 0.0
    """What it adds to the time of a block, for estimates."""

    def validate(self, target: TargetInfo, block: PlannedBlock, engine: EngineFacts) -> str | None:  # noqa: ARG002
        if reason := self.why_no_pass(engine):
            return f"engine {engine.name} has no {self.name} pass: {reason}"
        return self.why_not(block)

    def start(self, subject: Subject) -> None:
        """Does nothing: the engine starts recording with its process."""

    def stop(self, subject: Subject, *, complete: bool = True) -> None:
        """Does nothing: the engine stops recording before its process ends."""

    def result(self) -> Recorded:
        """Nothing beside what the engine's measurement already holds."""
        return Recorded()

    def missing(self, measurement: Measurement) -> str | None:
        """What a block of this pass lacks or has too much of, as a clause; None when it holds what was asked for."""
        return self.why_missing(measurement)

    def part_missing(self, measurement: Measurement) -> str | None:
        """The part of a measurement that is not there at all; an empty one is there."""
        part = self.declaration.part
        return part if part and getattr(measurement, part) is None else None

    def runner_arguments(self) -> list[str]:
        """Arguments of a native runner."""
        return ["--pass", self.name]

    def job_fields(self, *, flags: bool) -> dict[str, Any]:
        """Fields of a page's job (`engines.page_messages.Job`); `flags`: the browser runs with `browser_flags`."""
        return {"pass_": self.name, **({self.flags_in_job: flags} if self.flags_in_job else {})}
