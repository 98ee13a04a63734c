"""The faults of the drill (`fault_drill`): how each is caused on a virtual phone, and how it ends.

A further kind of `mobilebench.virtual.faults` is one line in `of_virtual_phones`.
"""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mobilebench.core.errors import MobilebenchError
from mobilebench.targets.android import adb_protocol, adb_server, states
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.virtual import phones

_MODULE = "mobilebench.virtual.faults"
_TRIES = 5
_CONNECTS_SECONDS = 5.0
_RUNNER_ENDS = (
    "for f in $(grep -ls '[m]obilebench-runner' /proc/[0-9]*/cmdline); do "
    'f="${f#/proc/}"; kill -9 "${f%/cmdline}"; done 2>/dev/null; true'
)


@dataclass(frozen=True)
class Phone:
    """A virtual phone of the drill."""

    name: str
    serial: str
    folder: Path
    """Its files, as this computer sees them."""
    busy: threading.RLock = field(default_factory=threading.RLock, compare=False)
    """Held while a fault is caused or ended, so that two of them do not switch the phone at once."""


Act = Callable[[Phone], None]


@dataclass(frozen=True)
class Fault:
    """A kind of fault."""

    name: str
    begin: Act
    end: Act = field(default=lambda _: None)
    lasts: tuple[float, float] = (0.0, 2.0)
    """Shortest and longest time in seconds from its beginning to its end."""
    may_be_refused: bool = False
    """Whether it needs a phone that answers, or a running browser: without one it does not count as caused."""


def adb(*words: str, program: str | None = None) -> None:
    """Run adb with the drill's own server."""
    subprocess.run([program or adb_server.program(), *words], capture_output=True, check=False, timeout=60)


def cut(phone: Phone) -> None:
    """Part adb from the phone; only `adb connect` brings it back."""
    adb("disconnect", phone.serial)


def connected(phone: Phone) -> bool:
    """Whether adb lists the phone as ready; if not, adb is asked to connect it anew."""
    state = adb_protocol.state(phone.serial)
    if state == states.READY:
        return True
    if state != states.ABSENT:
        cut(phone)
    adb("connect", phone.serial)
    until = time.monotonic() + _CONNECTS_SECONDS
    while (ready := adb_protocol.state(phone.serial) == states.READY) is False and time.monotonic() < until:
        time.sleep(0.1)
    return ready


def _state(word: str | None) -> Act:
    return lambda phone: persistently(lambda: phones.change_state(phone.name, {"fault": word}))


def _off(phone: Phone) -> None:
    persistently(lambda: phones.down([phone.name]))


def _on(phone: Phone) -> None:
    persistently(lambda: phones.up(names=[phone.name], chrome=False))
    if phone.serial not in [one.serial for one in phones.list_phones()]:
        raise RuntimeError(f"another program has taken the port of {phone.name} meanwhile")


def _end_server(_: Phone) -> None:
    """As another tool does; the server is the drill's own."""
    adb("kill-server")


def _end_runner(phone: Phone) -> None:
    DeviceShell(phone.serial).script(_RUNNER_ENDS)


def persistently(act: Callable[[], object]) -> None:
    """Try again where another fault of the drill, such as the end of the adb server, came between."""
    for attempt in range(_TRIES):
        try:
            act()
        except MobilebenchError:
            if attempt == _TRIES - 1:
                raise
            time.sleep(0.5)
        else:
            return


def _other_server(program: str) -> Act:
    def begin(_: Phone) -> None:
        adb("kill-server")
        adb("start-server", program=program)

    return begin


def _virtual(name: str, lasts: tuple[float, float] = (0.5, 3.0)) -> list[Fault]:
    """A fault that virtual phones cause by themselves; none if this version does not have it."""
    if importlib.util.find_spec(_MODULE) is None:
        return []
    faults = importlib.import_module(_MODULE)
    if name not in faults.FAULTS:
        return []
    return [
        Fault(
            name,
            lambda phone: faults.apply(phone.name, name, reconnect=False),
            lambda phone: persistently(lambda: faults.clear(phone.name, name)),
            lasts,
            may_be_refused=True,
        )
    ]


def of_virtual_phones() -> list[Fault]:
    """Faults inside of the phones."""
    return [
        *_virtual("dialog"),
        *_virtual("slow-link"),
        *_virtual("lock"),
        *_virtual("clock-jump"),
        *_virtual("low-memory-kill"),
        *_virtual("chrome-update"),
        *_virtual("kill-chrome"),
        *_virtual("service-dies"),
        *_virtual("heat"),
    ]


def table(other_adb: str | None = None) -> list[Fault]:
    """Every fault. `other_adb`: another version of adb, which takes the server's place."""
    others = [Fault("another adb", _other_server(other_adb))] if other_adb else []
    return [
        Fault("cable cut", cut),
        Fault("reboot", _off, _on),
        Fault("offline", _state("offline"), _state(None)),
        Fault("unauthorised", _state("unauthorized"), _state(None)),
        Fault("adb server ends", _end_server),
        Fault("runner is killed", _end_runner, lasts=(0.0, 0.0), may_be_refused=True),
        *others,
        *of_virtual_phones(),
    ]
