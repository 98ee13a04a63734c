"""What is kept of each virtual phone: its name, port and profile, and the processes that run it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mobilebench.core import atomic_files, file_locks, paths
from mobilebench.core.errors import BadInput
from mobilebench.virtual.processes import ProcessId

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class VirtualPhone:
    """A virtual phone of this computer, running or switched off."""

    name: str
    serial: str
    """Serial under which adb lists it."""
    profile: str
    pid: int | None
    """Process id of its outermost process, while it runs."""
    running: bool


@dataclass(frozen=True)
class Record:
    """Stored record of a phone; its processes are ended only by the ids in it."""

    name: str
    profile: str
    port: int
    number: int
    processes: tuple[ProcessId, ...] = ()
    """Outermost first; in a sandbox, the end of the last one ends everything inside."""
    namespaces: str = "none"
    android: int | None = None
    """Android version, if it is not the profile's."""
    bionic: str | None = None
    """Folder of the tree on which it runs programs built for Android, if it does."""

    @property
    def serial(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def running(self) -> bool:
        return any(process.running for process in self.processes)

    @property
    def phone(self) -> VirtualPhone:
        pid = self.processes[0].pid if self.running else None
        return VirtualPhone(self.name, self.serial, self.profile, pid, self.running)


def root() -> Path:
    """The folder of all virtual phones."""
    folder = paths.home() / "virtual"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def folder(name: str) -> Path:
    """The folder of the phone with this name."""
    return root() / name


def is_name(text: str) -> bool:
    """Whether a phone can have this name."""
    return _NAME.fullmatch(text) is not None


def existing(name: str) -> Record:
    """The record of a phone. Raises `BadInput` if there is no phone of this name."""
    record = read(name) if is_name(name) else None
    if record is None:
        known = ", ".join(record.name for record in records()) or "none"
        raise BadInput(f"There is no virtual phone “{name}”.", hint=f"These exist: {known}.")
    return record


def name_of(word: str) -> str:
    """The name of the phone with this name or serial; the word itself if there is none."""
    return next((record.name for record in records() if word in (record.name, record.serial)), word)


def records() -> list[Record]:
    """The records of all phones, in the order of their names."""
    found = (read(file.parent.name) for file in sorted(root().glob("*/phone.json")))
    return [record for record in found if record is not None]


def read(name: str) -> Record | None:
    """The record of a phone; None if there is none, or it is damaged."""
    try:
        data = json.loads((folder(name) / "phone.json").read_text(encoding="utf-8"))
        data["namespaces"] = data.pop("walls", data.get("namespaces"))  # the key in records of earlier versions
        data["processes"] = tuple(ProcessId(**process) for process in data["processes"])
        return Record(**data)
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None


def write(record: Record) -> None:
    """Keep a phone's record in its folder."""
    file = folder(record.name) / "phone.json"
    atomic_files.write_text(file, json.dumps(dataclasses.asdict(record), indent=1), alone=True)


@contextmanager
def exclusively() -> Iterator[None]:
    """Lock so that only one command at a time switches phones."""
    with file_locks.exclusive(root() / ".lock"):
        yield
