"""Record of a run's changes to a phone, kept on the phone itself so that any later run can undo them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from mobilebench.core import proc
from mobilebench.core.records import Record
from mobilebench.profiles.machine import machine_id
from mobilebench.targets.android import state_controls

SCHEMA: Literal["mobilebench/restore/1"] = "mobilebench/restore/1"

ScratchPath = Annotated[str, StringConstraints(pattern=r"^/data/local/tmp/[A-Za-z0-9._-]+$")]
Package = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)+$")]
SettingKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.]+$")]
Serial = Annotated[str, StringConstraints(pattern=r"^\S{0,255}$")]
StateValue = Annotated[str, StringConstraints(pattern=state_controls.VALUES)]
Socket = Annotated[str, StringConstraints(pattern=r"^(tcp:\d{1,5}|localabstract:[A-Za-z0-9._-]+)$")]


class FileBefore(Record):
    """A file of the phone before the change."""

    kind: Literal["file"] = "file"
    path: ScratchPath
    content: str | None
    """Content in Base64; None if the file did not exist."""
    mode: int = Field(default=0o644, ge=0, le=0o777)
    put: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the content that it got; None in files of older versions, as below."""


class DebugAppBefore(Record):
    """The debug app before the change, if any."""

    kind: Literal["debug_app"] = "debug_app"
    package: Package | None
    waits: str | None = None
    """Android's related setting `wait_for_debugger`: `1` makes the app wait for a debugger."""
    put: Package | None = None
    """The app that became the debug app."""


class SettingBefore(Record):
    """An Android setting before the change."""

    kind: Literal["setting"] = "setting"
    namespace: Literal["global", "system", "secure"]
    key: SettingKey
    value: str | None
    """None if it was not set."""
    put: str | None = None
    """The value that it got."""


class StateBefore(Record):
    """A part of the phone's state that has a command of its own, before the change (see `state_controls`)."""

    kind: Literal["state"] = "state"
    name: Annotated[str, StringConstraints(pattern=state_controls.NAMES)]
    value: StateValue
    put: StateValue
    """The value that it got."""

    @model_validator(mode="after")
    def _can_be_put_back(self) -> Self:
        if not all(state_controls.allows(self.name, value) for value in (self.value, self.put)):
            raise ValueError(f"{self.name} cannot have such a value")
        return self


class AppStarted(Record):
    """A started app that has to be ended."""

    kind: Literal["app"] = "app"
    package: Package


class AppInstalled(Record):
    """An app that was installed, and was not there before; it has to be removed."""

    kind: Literal["installed"] = "installed"
    package: Package
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    """SHA-256 of its file: another build that is there when it is undone was installed by someone else, and stays."""


class AutomationPrepared(Record):
    """uiautomator2's server, which has to be ended and removed; a server that was there before stays as it was."""

    kind: Literal["screen"] = "screen"
    had_jar: bool
    """Whether its file was there before; it is then moved aside meanwhile."""
    was_running: bool


class Forwarded(Record):
    """A port of this computer that is forwarded to the phone."""

    kind: Literal["forward"] = "forward"
    local: Socket
    remote: Socket
    serial: Serial = ""
    """Serial of the connection that the forward belongs to and must be removed from."""


class Reversed(Record):
    """A port of the phone that is forwarded to this computer."""

    kind: Literal["reverse"] = "reverse"
    remote: Socket
    serial: Serial = ""
    """As in `Forwarded`."""


Step = Annotated[
    FileBefore
    | DebugAppBefore
    | SettingBefore
    | StateBefore
    | AppStarted
    | AppInstalled
    | AutomationPrepared
    | Forwarded
    | Reversed,
    Field(discriminator="kind"),
]


_SWITCH_WORDS = {"true": "on", "false": "off"}


def describe_undo(step: Step) -> str:
    """Describe the effect of undoing a change, for the user."""
    match step:
        case FileBefore(path=path, content=None):
            return f"{path} is removed"
        case FileBefore(path=path):
            return f"{path} is as it was"
        case DebugAppBefore(package=package):
            return f"the debug app is {package or 'none'}"
        case SettingBefore(namespace=namespace, key=key, value=value):
            return f"the setting {namespace} {key} is {'not set' if value is None else value}"
        case StateBefore(name=name, value=value):
            return f"{state_controls.title(name)} is {_SWITCH_WORDS.get(value, value)}"
        case AppStarted(package=package):
            return f"{package} is ended"
        case AppInstalled(package=package):
            return f"{package} is removed"
        case AutomationPrepared():
            return "uiautomator2's server is ended"
        case Forwarded(local=local):
            return f"port {local} of this computer is free"
        case Reversed(remote=remote):
            return f"port {remote} of the phone is free"


class Owner(Record):
    """The process that changed the phone."""

    machine: str
    pid: int
    started: str
    """Start time of the process in its kernel's units, because pids are reused."""


class RestoreFile(Record):
    """All changes that have to be undone, in the order in which they were made."""

    schema_: Literal["mobilebench/restore/1"] = Field(default=SCHEMA, alias="schema")
    owner: Owner
    steps: list[Step]

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


def this_process() -> Owner:
    """This process as an owner, for the restore file and the lock."""
    return Owner(machine=machine_id(), pid=os.getpid(), started=_started(os.getpid()) or "")


def this_place() -> str:
    """Where this process's pid is valid: the computer's current boot and the pid namespace.

    Cloned computers share an id, and containers of one computer have pids of their own.
    """
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    place = f"{machine_id()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    return hashlib.sha256(place.encode()).hexdigest()[:16]


def is_alive(owner: Owner) -> bool:
    """Whether the owner still runs on this computer. Owners on other computers count as gone."""
    return owner.machine == machine_id() and _started(owner.pid) == owner.started


def _started(pid: int) -> str | None:
    """Start time of a process; None if it has ended, even as a zombie."""
    try:
        stat = proc.parse_stat(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    except OSError:
        return None
    return None if stat is None or stat.ended else str(stat.started_ticks)
