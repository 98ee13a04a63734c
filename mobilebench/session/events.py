"""The events of a run, to which progress bar, log and journal subscribe, and the other messages between coordinator and
worker process. Each can be written as one line of JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from mobilebench.core.errors import Fault, Loss
from mobilebench.core.records import Block, PlannedBlock, Record


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened in a run, and when."""

    at: datetime = field(default_factory=_now)

    @property
    def kind(self) -> str:
        return type(self).__name__

    def data(self) -> dict[str, Any]:
        """The event's own fields for the journal, in plain JSON types, without kind and time. Blocks are shortened."""
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
    """Number of blocks to measure now."""
    done: int = 0
    """Number of blocks that an earlier part of this run stored."""


@dataclass(frozen=True, kw_only=True)
class RoundsAdded(Event):
    """Further rounds of a target are recorded, because its intervals are wider than was asked for; they follow now."""

    target: str
    rounds: int
    added: tuple[PlannedBlock, ...]
    seconds: float
    """Expected time of these blocks, from those that were measured."""

    def data(self) -> dict[str, Any]:
        return {**super().data(), "added": len(self.added)}


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
    """The block waits: for its turn on the machine, or until the target is cool, idle and charged."""

    target: str
    planned: PlannedBlock
    reasons: tuple[str, ...] = ()
    """The limits that do not hold, such as `battery 41.2 °C, limit 38 °C`; empty while it waits for its turn."""
    left_s: float | None = None
    """Seconds for which it continues to wait until these limits hold."""
    skipped_by: tuple[str, ...] = ()
    """Values of `--gate` with which a run does not wait for these limits, such as `temperature=none`."""


@dataclass(frozen=True, kw_only=True)
class GatePassed(Event):
    """The block has its turn and is being measured."""

    target: str
    planned: PlannedBlock
    waited_ms: float


@dataclass(frozen=True, kw_only=True)
class GateTimedOut(Event):
    """Limits did not hold in time; the block is measured and marked, or it is skipped."""

    target: str
    planned: PlannedBlock
    reasons: tuple[str, ...]
    waited_s: float
    skipped: bool


@dataclass(frozen=True, kw_only=True)
class BlockStopped(Event):
    """The target became too hot during the block; it is cooled, and the block is repeated unless that was the last
    attempt."""

    target: str
    planned: PlannedBlock
    reason: str
    repeated: bool


@dataclass(frozen=True, kw_only=True)
class BlockRetried(Event):
    """The block failed and is tried once more."""

    target: str
    planned: PlannedBlock
    reason: str
    fault: Fault | None = None


@dataclass(frozen=True, kw_only=True)
class PhoneLog(Event):
    """The end of a phone's log after a block failed. It is written to the run's journal, not to the store."""

    target: str
    planned: PlannedBlock
    lines: tuple[str, ...]
    reason: str | None
    """Why there are no lines, as a clause."""


@dataclass(frozen=True, kw_only=True)
class BlockFinished(Event):
    """The block has an outcome. It is stored before subscribers get this event."""

    target: str
    block: Block


@dataclass(frozen=True, kw_only=True)
class FileRecorded(Event):
    """A file of a block, such as a trace. It is written to the run's folder before the block is stored."""

    target: str
    name: str
    """File name in the run's folder of traces."""
    content: str
    """The file's bytes in base64."""


@dataclass(frozen=True, kw_only=True)
class Defect(Event):
    """A defect of mobilebench itself in a block or target; the run goes on."""

    target: str
    planned: PlannedBlock | None
    traceback: str


@dataclass(frozen=True, kw_only=True)
class TargetAway(Event):
    """The target went away, or is attached in another state than before; the run waits for it."""

    target: str
    state: str
    """The state as adb names it, or `absent`."""
    reason: str
    hint: str | None = None
    left_s: float
    """Seconds for which the run continues to wait."""
    loss: Loss | None = None
    """The kind of loss that the state is."""


@dataclass(frozen=True, kw_only=True)
class StillWaiting(Event):
    """Sent once a second while the run waits for a target, for a countdown. It is not stored."""

    target: str
    state: str
    left_s: float


@dataclass(frozen=True, kw_only=True)
class TargetBack(Event):
    """The same target is attached again."""

    target: str
    waited_s: float
    restarted: bool
    """Whether it was restarted meanwhile."""
    repeated: bool
    """Whether a block was in progress; it is measured again from its beginning."""
    asked: int = 0
    """How often adb was asked to connect it again."""


@dataclass(frozen=True, kw_only=True)
class TargetLost(Event):
    """The target is given up; its remaining blocks stay unmeasured."""

    target: str
    reason: str
    hint: str | None = None
    loss: Loss | None = None
    """The kind of loss; None where mobilebench itself failed, or the target was refused when it was opened."""


@dataclass(frozen=True, kw_only=True)
class TargetNoticed(Event):
    """Something about the target's state that a person has to know, such as which changes were undone."""

    target: str
    words: str


@dataclass(frozen=True, kw_only=True)
class TargetFinished(Event):
    """The target's worker has ended and has undone its changes."""

    target: str


@dataclass(frozen=True, kw_only=True)
class RunFinished(Event):
    run_id: str
    status: RunStatus
    counts: dict[str, int]


def to_json(event: Event) -> str:
    """The whole event as one line of JSON; `from_json` reads it."""
    return json.dumps({"kind": event.kind, **_adapter(event.kind).dump_python(event, mode="json", by_alias=True)})


def from_json(line: str | bytes) -> Event:
    """Read an event that `to_json` wrote.

    Raises:
        ValueError: the line is not an event.
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


class CancelJob(Record):
    """To the worker: cancel the job that has this token."""

    message: Literal["cancel"] = "cancel"
    token: str


class TurnGranted(Record):
    """To the worker: its block may run now."""

    message: Literal["turn granted"] = "turn granted"


class TurnWanted(Record):
    """From the worker: its next block is ready to run."""

    message: Literal["turn wanted"] = "turn wanted"


class TurnOver(Record):
    """From the worker: its block has ended."""

    message: Literal["turn over"] = "turn over"


_ToWorker = TypeAdapter[CancelJob | TurnGranted](Annotated[CancelJob | TurnGranted, Field(discriminator="message")])
_FromWorker = TypeAdapter[TurnWanted | TurnOver](Annotated[TurnWanted | TurnOver, Field(discriminator="message")])


def to_worker(line: bytes) -> CancelJob | TurnGranted:
    """Parse a line that a worker process reads after its job. Raises `ValueError` when it is not a message."""
    return _ToWorker.validate_json(line)


def from_worker(line: bytes) -> TurnWanted | TurnOver | Event:
    """Parse a line that a worker process writes. Raises `ValueError` when it is neither message nor event."""
    return _FromWorker.validate_json(line) if line.startswith(b'{"message"') else from_json(line)
