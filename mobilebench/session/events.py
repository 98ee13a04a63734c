"""What happens in a run, as one stream: progress bar, log and journal subscribe to it. Every event can become JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter

from mobilebench.core.errors import Fault
from mobilebench.core.records import Block, PlannedBlock


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened, and when."""

    at: datetime = field(default_factory=_now)

    @property
    def kind(self) -> str:
        return type(self).__name__

    def data(self) -> dict[str, Any]:
        """The event's own fields for the journal, in plain JSON types, without kind and time. Blocks are abridged."""
        return {one.name: _plain(getattr(self, one.name)) for one in fields(self) if one.name != "at"}


RunStatus = Literal["finished", "interrupted"]
Subscriber = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True)
class ModelsObtained(Event):
    """A step of building a model that is missing."""

    model: str
    step: str


@dataclass(frozen=True, kw_only=True)
class LibrariesObtained(Event):
    """A step of fetching an engine's library that is missing."""

    engine: str
    step: str


@dataclass(frozen=True, kw_only=True)
class RunStarted(Event):
    """The run is recorded; its blocks follow."""

    run_id: str
    targets: tuple[str, ...]
    blocks: int
    """To be measured now."""
    done: int = 0
    """Stored by an earlier part of this run."""


@dataclass(frozen=True, kw_only=True)
class TargetSkipped(Event):
    """A requested target cannot be used now; its blocks stay unmeasured."""

    target: str
    reason: str
    hint: str | None = None


@dataclass(frozen=True, kw_only=True)
class TargetStarted(Event):
    target: str
    blocks: int


@dataclass(frozen=True, kw_only=True)
class BlockStarted(Event):
    target: str
    planned: PlannedBlock


@dataclass(frozen=True, kw_only=True)
class GateWaiting(Event):
    """The block is ready and waits for its turn on the machine."""

    target: str
    planned: PlannedBlock


@dataclass(frozen=True, kw_only=True)
class GatePassed(Event):
    """The block has its turn and is being measured."""

    target: str
    planned: PlannedBlock
    waited_ms: float


@dataclass(frozen=True, kw_only=True)
class BlockRetried(Event):
    """The block failed and is tried once more."""

    target: str
    planned: PlannedBlock
    reason: str
    fault: Fault | None = None


@dataclass(frozen=True, kw_only=True)
class BlockFinished(Event):
    """The block has an outcome. When a subscriber sees this, it is stored."""

    target: str
    block: Block


@dataclass(frozen=True, kw_only=True)
class FileRecorded(Event):
    """A file that a block left, such as a trace; it belongs into the run's folder before the block is stored."""

    target: str
    name: str
    """In the run's folder of traces."""
    content: str
    """In base64."""


@dataclass(frozen=True, kw_only=True)
class Defect(Event):
    """mobilebench itself made a mistake in a block or target; the run goes on."""

    target: str
    planned: PlannedBlock | None
    traceback: str


@dataclass(frozen=True, kw_only=True)
class TargetAway(Event):
    """The target went away, or is attached in another state than before; the run waits for it."""

    target: str
    state: str
    """adb's word, or `absent`."""
    reason: str
    hint: str | None = None
    left_s: float
    """For how many seconds the run goes on waiting."""


@dataclass(frozen=True, kw_only=True)
class StillWaiting(Event):
    """Once a second while the run waits for a target: for a countdown, not for the record."""

    target: str
    state: str
    left_s: float


@dataclass(frozen=True, kw_only=True)
class TargetBack(Event):
    """The target is there again, and is the one that it was."""

    target: str
    waited_s: float
    restarted: bool
    """It was started anew meanwhile."""
    repeated: bool
    """A block was in flight, and is measured again from its beginning."""


@dataclass(frozen=True, kw_only=True)
class TargetLost(Event):
    """The target went away; its remaining blocks stay unmeasured."""

    target: str
    reason: str
    hint: str | None = None


@dataclass(frozen=True, kw_only=True)
class TargetNoticed(Event):
    """Something that a person has to know of the target's state, such as what was put back on it."""

    target: str
    words: str


@dataclass(frozen=True, kw_only=True)
class TargetFinished(Event):
    """The target's worker has ended, and what it had changed is put back."""

    target: str


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    run_id: str
    status: RunStatus
    counts: dict[str, int]


def to_json(event: Event) -> str:
    """The whole event on one line; `from_json` reads it."""
    return json.dumps({"kind": event.kind, **_adapter(event.kind).dump_python(event, mode="json", by_alias=True)})


def from_json(line: str | bytes) -> Event:
    """The event that `to_json` wrote.

    Raises:
        ValueError: this is no event.
    """
    fields_of = json.loads(line)
    if not isinstance(fields_of, dict) or fields_of.get("kind") not in _kinds():
        raise ValueError("This is no event.")
    event: Event = _adapter(fields_of.pop("kind")).validate_python(fields_of)
    return event


@cache
def _kinds() -> dict[str, type[Event]]:
    return {kind.__name__: kind for kind in Event.__subclasses__()}


@cache
def _adapter(kind: str) -> TypeAdapter[Any]:
    return TypeAdapter(_kinds()[kind])


def _plain(value: Any) -> Any:
    if isinstance(value, PlannedBlock):
        return {"index": value.index, "round": value.round, "pass": value.pass_, "case": value.case.key}
    if isinstance(value, Block):
        verdict = value.verdict
        return {
            **_plain(value.planned),
            "outcome": value.outcome,
            "reason": value.reason,
            "fault": value.fault,
            "verdict": verdict.status if verdict else None,
            "verdict_codes": verdict.codes if verdict else [],
            "verdict_reasons": verdict.sentences if verdict else [],
            "rules": verdict.rules if verdict else None,
            "started_at": value.started_at.isoformat(),
            "ended_at": value.ended_at.isoformat(),
            "spent_ms": dict(value.spent_ms),
        }
    return list(value) if isinstance(value, tuple) else value
