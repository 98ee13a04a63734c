"""Why the processes of an app ended, from the exit records that Android keeps for every app (Android 11 and later)."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from mobilebench.core.errors import BlockFailed, Fault, Killed, TargetLost
from mobilebench.targets.android.shell import Shell

_T = TypeVar("_T")

LOW_MEMORY, NOT_RESPONDING = 3, 6
REASONS = {
    0: "the phone does not know why",
    1: "it ended itself",
    2: "killed by a signal",
    LOW_MEMORY: "low memory",
    4: "an exception in its Java code",
    5: "a crash in its native code",
    NOT_RESPONDING: "it did not respond",
    7: "it could not start",
    8: "its permissions changed",
    9: "excessive use of resources",
    10: "its user or a tool ended it",
    11: "its user was stopped",
    12: "another app that it needed ended",
    13: "ended by the system",
    14: "ended while the system had frozen it",
    15: "its package was disabled or changed",
    16: "its app was updated",
}
"""Android's reason codes (`ApplicationExitInfo`)."""

_FAULTS: dict[int, Fault] = {LOW_MEMORY: "killed for memory", 15: "app updated", 16: "app updated"}
"""Reason code to the fault of a block whose browser ended so; others are crashes."""

_NEXT: dict[Fault, str] = {
    "app updated": "Switch automatic updates of apps off while the phone is measured; the proof has the new version.",
}

_ENTRIES = re.compile(r"^.*ApplicationExitInfo #\d+:", re.MULTILINE)
_TIME = r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"
_FORMAT = "%Y-%m-%d %H:%M:%S"
_ASKED_TIMES = 3
_PAUSE_SECONDS = 0.3
_SECONDS = 5
_SLACK = timedelta(seconds=1)


@dataclass(frozen=True)
class Exit:
    """One process that ended."""

    process: str
    at: datetime
    """Time of the exit, by the phone's clock."""
    reason: int

    @property
    def words(self) -> str:
        return REASONS.get(self.reason, f"reason {self.reason}")


@contextmanager
def with_exit_reason(shell: Shell, package: str | None) -> Iterator[None]:
    """Add the reason to a failure inside the context that the death of this browser or its page caused, if known.

    Raises:
        BlockFailed: replaces the original exception.
    """
    began = time.monotonic()
    try:
        yield
    except BlockFailed as error:
        died = isinstance(error, Killed) or error.fault == "cut connection"
        explanation = _with_reason(error, shell, package, began) if died and package else None
        if explanation is None:
            raise
        raise explanation from error


def exit_of(shell: Shell, package: str, began: float) -> Exit | None:
    """How the app's main process ended since `began`, a time of this computer's monotonic clock; None if it is not
    known, as before Android 11.
    """
    return _asked(shell, package, began, lambda recent: next((end for end in recent if end.process == package), None))


def parse(text: str) -> tuple[datetime | None, list[Exit]]:
    """Parse the phone's time and the ended processes listed after it; the text is untrusted, and odd parts are skipped.

    Releases differ in how they break lines; text that the app controls comes last in each entry.
    """
    head, *entries = _ENTRIES.split(text)
    now = re.search(_TIME, head)
    exits = []
    for entry in entries:
        at, process = re.search(rf"\btimestamp={_TIME}", entry), re.search(r"\bprocess=(\S{1,200})", entry)
        reason = re.search(r"\breason=(\d{1,3})\b", entry)
        moment = _parse_time(at[1]) if at else None
        if moment and process and reason:
            exits.append(Exit(process[1], moment, int(reason[1])))
    return _parse_time(now[1]) if now else None, exits


def _with_reason(error: BlockFailed, shell: Shell, package: str, began: float) -> BlockFailed | None:
    def explained(recent: list[Exit]) -> BlockFailed | None:
        return _page_failure(error, recent) if isinstance(error, Killed) else _browser_failure(error, package, recent)

    return _asked(shell, package, began, explained)


def _asked(shell: Shell, package: str, began: float, found_in: Callable[[list[Exit]], _T | None]) -> _T | None:
    """What is found in the exits since `began`, for which the phone is asked a few times; None if it is not known."""
    for attempt in range(_ASKED_TIMES):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        try:
            recent = _recent_exits(shell, package, began)
        except (BlockFailed, TargetLost):
            return None
        if (found := found_in(recent)) is not None:
            return found
    return None


def _recent_exits(shell: Shell, package: str, began: float) -> list[Exit]:
    """Processes that ended since `began`, a time of this computer's monotonic clock."""
    script = f"date '+{_FORMAT}'; dumpsys activity exit-info {shlex.quote(package)}"
    now, exits = parse(shell.script(script, timeout=_SECONDS).stdout.decode(errors="replace"))
    if now is None:
        return []
    earliest = now - timedelta(seconds=time.monotonic() - began) - _SLACK
    return [end for end in exits if end.at >= earliest]


def _page_failure(error: Killed, recent: Sequence[Exit]) -> BlockFailed | None:
    """Failure of a page; page processes are named with the app's name, a colon and a suffix."""
    page_exits = [end for end in recent if end.reason == LOW_MEMORY and ":" in end.process]
    return error.for_memory(f"the phone reports this reason for {page_exits[0].process}") if page_exits else None


def _browser_failure(error: BlockFailed, package: str, recent: Sequence[Exit]) -> BlockFailed | None:
    browser_exit = next((end for end in recent if end.process == package), None)
    if browser_exit is None:
        return None
    message = f"{error.message.rstrip('.')}: {package} has ended ({browser_exit.words})."
    fault = _FAULTS.get(browser_exit.reason, "crash")
    return BlockFailed(message, hint=_NEXT.get(fault, error.hint), fault=fault)


def _parse_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _FORMAT)  # noqa: DTZ007 - only compared with others of the same phone
    except ValueError:
        return None
