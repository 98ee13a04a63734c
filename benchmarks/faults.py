"""The faults of the drill (`fault_drill`): how each is caused on a virtual phone, and how it ends.

A further kind of `mobilebench.virtual.faults` is one line in `table`.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cable import Cable
from mobilebench.core.errors import MobilebenchError
from mobilebench.targets.android import adb_protocol, adb_server, states
from mobilebench.targets.android.shell import DeviceShell
from mobilebench.virtual import faults, phones

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
    """Its files, as this computer sees them; those below `/data` only if its storage has no size of its own."""
    is_small: bool = False
    """Whether its storage has a size, so that it can be full; it is lost when the phone is switched off."""
    has_pages: bool = False
    """Whether its blocks are pages in a browser; on others they are programs."""
    busy: threading.RLock = field(default_factory=threading.RLock, compare=False)
    """Held while a fault is caused or ended, so that two of them do not switch the phone at once."""

    cables: list[Cable] = field(default_factory=list, compare=False)
    """Second ways to it, which are plugged in now."""

    @property
    def port(self) -> int:
        return int(self.serial.rpartition(":")[2])


Act = Callable[[Phone, str | None], None]
"""What causes or ends a fault of the given kind."""


def _nothing(_: Phone, _option: str | None) -> None:
    pass


@dataclass(frozen=True)
class Fault:
    """A kind of fault."""

    name: str
    begin: Act
    end: Act = _nothing
    lasts: tuple[float, float] = (0.0, 2.0)
    """Shortest and longest time in seconds from its beginning to its end."""
    may_be_refused: bool = False
    """Whether it needs a phone that answers, or a running browser: without one it does not count as caused."""
    options: tuple[str, ...] = ()
    """Its kinds, of which one is drawn each time."""
    suits: Callable[[Phone], bool] = lambda _: True
    """Whether a phone can have it."""


def adb(*words: str, program: str | None = None) -> str:
    """Run adb with the drill's own server; returns what it prints."""
    done = subprocess.run(
        [program or adb_server.program(), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=60,
    )
    return done.stdout


def cut(phone: Phone, _: str | None = None) -> None:
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


def _state(word: str | None) -> Act:
    return lambda phone, _: persistently(lambda: phones.change_state(phone.name, {"fault": word}))


def _off(phone: Phone, _: str | None) -> None:
    persistently(lambda: phones.down([phone.name]))


def _on(phone: Phone, _: str | None) -> None:
    persistently(lambda: phones.up(names=[phone.name], chrome=phone.has_pages))
    if phone.serial not in [one.serial for one in phones.list_phones()]:
        raise RuntimeError(f"another program has taken the port of {phone.name} meanwhile")


def _end_server(_: Phone, _option: str | None) -> None:
    """As another tool does; the server is the drill's own."""
    adb("kill-server")


def _restart_server(_: Phone, _option: str | None) -> None:
    adb("kill-server")
    adb("start-server")


def _end_runner(phone: Phone, _: str | None) -> None:
    DeviceShell(phone.serial).script(_RUNNER_ENDS)


def _other_server(program: str) -> Act:
    def begin(_: Phone, _option: str | None) -> None:
        adb("kill-server")
        adb("start-server", program=program)

    return begin


def _change_serial(phone: Phone, _: str | None) -> None:
    """Let adb lose the phone's connection, and list the phone by another kind of connection."""
    adb("disconnect", phone.serial)
    phone.cables.append(Cable(phone.port))


def _end_other_serial(phone: Phone, _: str | None) -> None:
    while phone.cables:
        phone.cables.pop().cut()


def _virtual(
    name: str,
    lasts: tuple[float, float] = (0.5, 3.0),
    *,
    options: tuple[str, ...] = (),
    suits: Callable[[Phone], bool] = lambda _: True,
) -> Fault:
    """A fault that virtual phones cause by themselves."""
    return Fault(
        name,
        lambda phone, option: faults.apply(phone.name, name, option=option, reconnect=False),
        lambda phone, _: persistently(lambda: faults.clear(phone.name, name)),
        lasts,
        may_be_refused=True,
        options=options,
        suits=suits,
    )


def _has_pages(phone: Phone) -> bool:
    return phone.has_pages


def _is_small(phone: Phone) -> bool:
    return phone.is_small


def _keeps_files(phone: Phone) -> bool:
    return not phone.is_small


def table(other_adb: str | None = None) -> list[Fault]:
    """Every fault. `other_adb`: another version of adb, which takes the server's place."""
    others = [Fault("another adb", _other_server(other_adb))] if other_adb else []
    return [
        Fault("adb forgets it", cut),
        _virtual("unplug"),
        _virtual("reboot"),
        Fault("switched off and on", _off, _on, suits=_keeps_files),
        Fault("offline", _state("offline"), _state(None)),
        Fault("unauthorised", _state("unauthorized"), _state(None)),
        _virtual("recovery", options=("recovery", "sideload", "rescue", "bootloader")),
        Fault("adb server ends", _end_server),
        Fault("adb server restarts", _restart_server),
        *others,
        Fault("other serial", _change_serial, _end_other_serial, lasts=(0.5, 2.0), may_be_refused=True),
        Fault("runner is killed", _end_runner, lasts=(0.0, 0.0), may_be_refused=True, suits=lambda p: not p.has_pages),
        _virtual("low-memory-kill"),
        _virtual("fill-disk", suits=_is_small),
        _virtual("slow-link"),
        _virtual("clock-jump"),
        _virtual("service-dies", options=("thermalservice:missing", "battery:hangs", "window:denied")),
        _virtual("heat"),
        _virtual("lock", (2.0, 6.0), options=("swipe", "secret"), suits=_has_pages),
        _virtual("dialog", (2.0, 6.0), options=("anr", "crash", "update", "usb"), suits=_has_pages),
        _virtual("chrome-update", suits=_has_pages),
        _virtual("kill-chrome", suits=_has_pages),
    ]
