"""Why a browser's processes ended, as a phone keeps it of every app (from Android 11 on)."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from mobilebench.core.errors import BlockFailed, Killed, TargetLost
from mobilebench.targets.android.shell import Shell

LOW_MEMORY = 3
WORDS = {
    0: "why, the phone does not know",
    1: "it ended itself",
    2: "killed by a signal",
    LOW_MEMORY: "low memory",
    4: "an exception in its Java code",
    5: "a crash in its native code",
    6: "it did not respond",
    7: "it could not start",
    8: "its permissions changed",
    9: "excessive use of resources",
    10: "somebody ended it",
    11: "its user was stopped",
    12: "another app that it needed ended",
    13: "ended by the system",
    14: "ended while the system had frozen it",
    15: "its package was disabled or changed",
    16: "its app was updated",
}
"""Of Android's numbers (`ApplicationExitInfo`)."""

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
    """By the phone's clock."""
    reason: int

    @property
    def words(self) -> str:
        return WORDS.get(self.reason, f"reason {self.reason}")


@contextmanager
def explained(shell: Shell, package: str | None) -> Iterator[None]:
    """What fails meanwhile because this browser or its page died says why, where the phone tells.

    Raises:
        BlockFailed: in place of what was raised.
    """
    began = time.monotonic()
    try:
        yield
    except BlockFailed as error:
        died = isinstance(error, Killed) or error.fault == "cut connection"
        found = _explained(error, shell, package, began) if died and package else None
        if found is None:
            raise
        raise found from error


def parse(text: str) -> tuple[datetime | None, list[Exit]]:
    """The phone's own time, and the processes that it lists after it: unchecked text, of which what is odd is left out.

    Releases differ in how they break lines; what an app says of itself comes last in each entry.
    """
    head, *entries = _ENTRIES.split(text)
    now = re.search(_TIME, head)
    found = []
    for entry in entries:
        at, process = re.search(rf"\btimestamp={_TIME}", entry), re.search(r"\bprocess=(\S{1,200})", entry)
        reason = re.search(r"\breason=(\d{1,3})\b", entry)
        moment = _moment(at[1]) if at else None
        if moment and process and reason:
            found.append(Exit(process[1], moment, int(reason[1])))
    return _moment(now[1]) if now else None, found


def _explained(error: BlockFailed, shell: Shell, package: str, began: float) -> BlockFailed | None:
    for attempt in range(_ASKED_TIMES):
        if attempt:
            time.sleep(_PAUSE_SECONDS)
        try:
            recent = _since(shell, package, began)
        except (BlockFailed, TargetLost):
            return None
        if found := _of_page(error, recent) if isinstance(error, Killed) else _of_browser(error, package, recent):
            return found
    return None


def _since(shell: Shell, package: str, began: float) -> list[Exit]:
    """Those that ended since `began`, a moment of this computer's monotonic clock."""
    asked = f"date '+{_FORMAT}'; dumpsys activity exit-info {shlex.quote(package)}"
    now, exits = parse(shell.script(asked, timeout=_SECONDS).stdout.decode(errors="replace"))
    if now is None:
        return []
    earliest = now - timedelta(seconds=time.monotonic() - began) - _SLACK
    return [one for one in exits if one.at >= earliest]


def _of_page(error: Killed, recent: Sequence[Exit]) -> BlockFailed | None:
    """Pages are computed by processes whose names follow the app's behind a colon."""
    of_pages = [one for one in recent if one.reason == LOW_MEMORY and ":" in one.process]
    return error.for_memory(f"the phone says so of {of_pages[0].process}") if of_pages else None


def _of_browser(error: BlockFailed, package: str, recent: Sequence[Exit]) -> BlockFailed | None:
    own = next((one for one in recent if one.process == package), None)
    if own is None:
        return None
    words = f"{error.message.rstrip('.')}: {package} has ended ({own.words})."
    return BlockFailed(words, fault="killed for memory" if own.reason == LOW_MEMORY else "crash")


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, _FORMAT)  # noqa: DTZ007 - only compared with others of the same phone
    except ValueError:
        return None
