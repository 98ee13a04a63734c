"""`mobilebench devices --watch`: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Any

from mobilebench.cli.output import console, say

if TYPE_CHECKING:
    from mobilebench.core.records import TargetInfo

    Row = Callable[[TargetInfo], Sequence[object]]


def watch(columns: Sequence[str], row: Row, *, as_json: bool) -> None:
    """Show the phones that adb sees until Ctrl-C, which ends this cleanly."""
    from mobilebench import targets

    screen = console()
    stop = Event()
    with suppress(KeyboardInterrupt):
        if screen.is_terminal and not as_json:
            _show_table(screen, columns, row, stop)
            return
        before: dict[str, TargetInfo] = {}
        for infos in targets.watch(stop):
            now = {info.id: info for info in infos}
            for change in changes(before, now):
                say(json.dumps(change) if as_json else _line(change))
            before = now


def changes(before: dict[str, TargetInfo], now: dict[str, TargetInfo]) -> list[dict[str, Any]]:
    """What changed between two looks, phone by phone: its serial, its state, and what a ready phone is."""
    from mobilebench.targets import rack
    from mobilebench.targets.android import states

    at = datetime.now().astimezone().isoformat(timespec="seconds")
    gone = [{"at": at, "serial": serial, "state": states.ABSENT} for serial in before if serial not in now]
    changed = [info for info in now.values() if before.get(info.id) != info]
    entries = {info.id: rack.current().entry(info) for info in changed}
    return [
        *gone,
        *(
            {
                "at": at,
                "serial": info.id,
                "state": info.state,
                "name": entry.name if (entry := entries[info.id]) else None,
                **({"model": info.name, "soc": info.soc, "os": info.os} if info.state == states.READY else {}),
            }
            for info in changed
        ),
    ]


def _line(change: dict[str, Any]) -> str:
    name = f" ({change['name']})" if change.get("name") else ""
    facts = ", ".join(change[key] for key in ("model", "soc", "os") if key in change)
    clock = datetime.fromisoformat(change["at"]).strftime("%H:%M:%S")
    return f"{clock} {change['serial']}{name}: {change['state']}{f', {facts}' if facts else ''}"


def _show_table(screen: Any, columns: Sequence[str], row: Row, stop: Event) -> None:
    from rich.live import Live

    from mobilebench import targets
    from mobilebench.cli.output import table

    with Live(console=screen, auto_refresh=False) as live:
        for infos in targets.watch(stop):
            clock = f"{datetime.now().astimezone():%H:%M:%S}"
            title = f"{len(infos)} phone{'' if len(infos) == 1 else 's'} at {clock}; Ctrl-C ends this"
            live.update(table(columns, map(row, infos), title=title), refresh=True)
