"""Messages between coordinator and worker process besides the job and the events: one JSON object on each line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from mobilebench.core.records import Record
from mobilebench.session import events


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


def from_worker(line: bytes) -> TurnWanted | TurnOver | events.Event:
    """Parse a line that a worker process writes. Raises `ValueError` when it is neither message nor event."""
    return _FromWorker.validate_json(line) if line.startswith(b'{"message"') else events.from_json(line)
