"""What a run changed on a phone, as it is kept on the phone itself, so that any later run can put it back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StringConstraints

from mobilebench.profiles.machine import machine_id
from mobilebench.results.records import Record

SCHEMA: Literal["mobilebench/restore/1"] = "mobilebench/restore/1"

ScratchPath = Annotated[str, StringConstraints(pattern=r"^/data/local/tmp/[A-Za-z0-9._-]+$")]
Package = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)+$")]
SettingKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.]+$")]
Socket = Annotated[str, StringConstraints(pattern=r"^(tcp:\d{1,5}|localabstract:[A-Za-z0-9._-]+)$")]


class FileBefore(Record):
    """A file of the phone, as it was."""

    kind: Literal["file"] = "file"
    path: ScratchPath
    content: str | None
    """Base64; None when there was no such file."""
    mode: int = Field(default=0o644, ge=0, le=0o777)


class DebugAppBefore(Record):
    """The app that was set for debugging, or none."""

    kind: Literal["debug_app"] = "debug_app"
    package: Package | None


class SettingBefore(Record):
    """A setting of Android, as it was."""

    kind: Literal["setting"] = "setting"
    namespace: Literal["global", "system", "secure"]
    key: SettingKey
    value: str | None
    """None when it was not set."""


class AppStarted(Record):
    """An app that has to be ended."""

    kind: Literal["app"] = "app"
    package: Package


class ScreenLent(Record):
    """uiautomator2's server, which has to be ended and removed; a person's own stays, and keeps running."""

    kind: Literal["screen"] = "screen"
    had_jar: bool
    """Its file was there before, and lies aside meanwhile."""
    was_running: bool


class Forwarded(Record):
    """A port of this computer that leads to the phone."""

    kind: Literal["forward"] = "forward"
    local: Socket
    remote: Socket


class Reversed(Record):
    """A port of the phone that leads to this computer."""

    kind: Literal["reverse"] = "reverse"
    remote: Socket


Step = Annotated[
    FileBefore | DebugAppBefore | SettingBefore | AppStarted | ScreenLent | Forwarded | Reversed,
    Field(discriminator="kind"),
]


class Owner(Record):
    """The process that changed the phone."""

    machine: str
    pid: int
    started: str
    """When the process began, as its kernel counts: pids are used again."""


class RestoreFile(Record):
    """Everything that has to be put back, in the order in which it was changed."""

    schema_: Literal["mobilebench/restore/1"] = Field(default=SCHEMA, alias="schema")
    owner: Owner
    steps: list[Step]

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def this_process() -> Owner:
    """Who we are, for the restore file."""
    return Owner(machine=machine_id(), pid=os.getpid(), started=_started(os.getpid()) or "")


def is_alive(owner: Owner) -> bool:
    """Whether the owner still runs on this computer. Of other computers nothing is known: they count as gone."""
    return owner.machine == machine_id() and _started(owner.pid) == owner.started


def _started(pid: int) -> str | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return fields[19] if len(fields) > 19 else None
