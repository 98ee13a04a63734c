"""What coordinator and worker process send each other beside the job and the events: one JSON object a line."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from mobilebench.core.records import Record
from mobilebench.session import events


class CancelJob(Record):
    """To the worker: end the job that has this token."""

    message: Literal["cancel"] = "cancel"
    token: str


class TurnGranted(Record):
    """To the worker: no other worker of the run is in its way now."""

    message: Literal["turn granted"] = "turn granted"


class TurnWanted(Record):
    """From the worker: its next block is ready."""

    message: Literal["turn wanted"] = "turn wanted"


class TurnOver(Record):
    """From the worker: its block is over."""

    message: Literal["turn over"] = "turn over"


_ToWorker = TypeAdapter[CancelJob | TurnGranted](Annotated[CancelJob | TurnGranted, Field(discriminator="message")])
_FromWorker = TypeAdapter[TurnWanted | TurnOver](Annotated[TurnWanted | TurnOver, Field(discriminator="message")])


def to_worker(line: bytes) -> CancelJob | TurnGranted:
    """A line that a worker process reads after its job. Raises `ValueError` when it is no such message."""
    return _ToWorker.validate_json(line)


def from_worker(line: bytes) -> TurnWanted | TurnOver | events.Event:
    """A line that a worker process writes. Raises `ValueError` when it is neither message nor event."""
    return _FromWorker.validate_json(line) if line.startswith(b'{"message"') else events.from_json(line)
