"""What a scheduler asks a host beyond what it passes on for clients. Like `messages`, all of it is JSON text."""

from __future__ import annotations

from mobilebench.core.record import Record
from mobilebench.rack.messages import (
    AddQuarantine,
    Answer,
    Ask,
    Cancel,
    Done,
    Examine,
    Host,
    JobId,
    LiftQuarantine,
    ListLeases,
    ListPhones,
    Missing,
    Put,
    Question,
    Release,
    Renew,
    Reserve,
    Seconds,
    Serial,
    Submit,
    Version,
    Wait,
)


class HostGreeting(Record):
    """What a host says of itself when it connects to the scheduler."""

    host: Host
    home_id: str
    """Names the host's home folder, so that a host that returns is told from another one with its name."""
    version: Version
    protocol: int


class AskReady(Question):
    """Asks whether a job has its phone, and waits for that."""

    job_id: JobId
    wait_s: Seconds


class Readiness(Answer):
    """The answer to `AskReady`, and of the task that runs a job."""

    phone: Serial
    ready: bool
    """Whether the job has its phone and is to be run, or runs."""
    ended: bool
    """Whether nothing is left to do."""


HOST_OPERATIONS: dict[str, type[Question]] = {
    one.__name__: one
    for one in (
        *(ListPhones, ListLeases, Examine, Reserve, Wait, Release, Renew),
        *(AddQuarantine, LiftQuarantine),
        *(Submit, AskReady, Ask, Cancel, Done, Missing, Put),
    )
}
"""Every question of a scheduler to a host, by its name."""
