"""What a phone of the fault drill is like: read past adb where that is possible, and past mobilebench's records."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import faults
from benchmarks.faults import Phone
from mobilebench.targets.android import adb_protocol
from mobilebench.targets.android.files import HOME
from mobilebench.targets.limits import Limit
from mobilebench.virtual.files import PhoneFiles

LEASE = "/data/local/tmp/mobilebench/lock"
"""It stays on a phone that is away when a run ends, until its time is over."""
_WATCHED = ("settings", "properties", "screen", "browser", "fixed_performance", "chrome_installed", "services", "fault")
"""Parts of a phone's state that a run must leave as they were."""
_FILES = (
    f"find /data/local/tmp /sdcard -type f ! -path '{HOME}/files/*' -exec sha256sum {{}} + ; "
    "echo ===; pm list packages; echo ===; settings list global; settings list system; settings list secure; "
    "echo ===; ps -A"
)
_ENDS_SECONDS = 15.0
"""How long processes of a run may take to end after it."""
_OURS = ("mobilebench-runner", "sleep", "sha256sum", "app_process")


@dataclass(frozen=True)
class Dump:
    """What a run must leave as it was."""

    state: dict[str, Any]
    """The phone's own state, read from its file on this computer."""
    files: dict[str, str]
    """Path to SHA-256."""
    listed: dict[str, list[str]]
    """What the phone lists: packages, settings, processes of runs, and ports that it forwards to this computer."""

    @classmethod
    def of(cls, phone: Phone) -> Dump:
        whole = dataclasses.asdict(PhoneFiles(phone.folder).state)
        whole["browser"].pop("updates", None)  # the fault `chrome-update` itself counts them
        if phone.has_pages:  # a screen that a fault switched off, and a run on again, is switched off again at its end
            for name in ("on", "locked"):
                whole["screen"].pop(name)
        files, packages, settings, processes = faults.adb("-s", phone.serial, "shell", _FILES).split("===\n")
        digests = {path.strip(): digest for digest, _, path in (line.partition(" ") for line in files.splitlines())}
        running = [line.split()[-1] for line in processes.splitlines() if line.split()]
        listed = {
            "package": sorted(packages.splitlines()),
            "setting": sorted(settings.splitlines()),
            "process": sorted(name for name in running if name.startswith(_OURS)),
            "reverse": sorted(faults.adb("-s", phone.serial, "reverse", "--list").split("\n")),
        }
        return cls({name: whole[name] for name in _WATCHED}, digests, listed)

    def differences(self, now: Dump) -> list[str]:
        found = [
            f"{name} was {self.state[name]}, is {now.state[name]}"
            for name in self.state
            if self.state[name] != now.state[name]
        ]
        for kind, before in self.listed.items():
            found += [f"{kind} is new: {line}" for line in now.listed[kind] if line not in before]
            found += [f"{kind} is gone: {line}" for line in before if line not in now.listed[kind]]
        return found + [
            f"{path} {'is new' if path not in self.files else 'is gone' if path not in now.files else 'has changed'}"
            for path in sorted({*self.files, *now.files})
            if self.files.get(path) != now.files.get(path)
        ]


def left(phone: Phone, before: Dump, dump: Callable[[Phone], Dump] = Dump.of) -> list[str]:
    """What differs from before on a phone, once its processes had time to end."""
    until = time.monotonic() + _ENDS_SECONDS
    while (found := before.differences(dump(phone))) and time.monotonic() < until:
        if not any(line.startswith("process is new") for line in found):
            break
        time.sleep(0.3)
    return found


def forwards() -> list[str]:
    """The ports of this computer that adb forwards to phones."""
    return adb_protocol.query("host:list-forward", Limit("Listing forwards", 10)).split("\n")[:-1]
