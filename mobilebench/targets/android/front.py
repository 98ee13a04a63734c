"""What hides a browser on a phone's screen: a lock screen, or a dialog of the system."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from mobilebench.core.errors import BlockFailed, Fault, TargetLost
from mobilebench.targets.android.shell import Shell

LOCK_SCREEN = "mShowingLockscreen|mDreamingLockscreen|isStatusBarKeyguard|isKeyguardShowing|mIsShowing"
"""Fields of `dumpsys window` that are true while the lock screen is shown, by Android's versions; for `grep -E`."""
_QUESTION = f"dumpsys window 2>/dev/null | grep -E 'mCurrentFocus|{LOCK_SCREEN}|screenState'"
_SECONDS = 5
_FOCUS = re.compile(r"mCurrentFocus=Window\{\S{1,20} (?:u\d{1,3} )?([^}\n]{1,200})\}")
_LOCKED = re.compile(rf"(?<![\w.])(?:{LOCK_SCREEN})=true(?!\w)")
_OFF = re.compile(r"(?<![\w.])screenState=SCREEN_STATE_OFF(?!\w)")
_LATE: tuple[Fault | None, ...] = ("hang", None)
"""Faults of a page that may only have been hidden."""


def obstruction(text: str, package: str) -> tuple[Fault, str] | None:
    """What hides the app of this package, by an answer of `dumpsys window`: a fault and a clause, or None.

    The text is not trusted; an answer without the known fields hides nothing.
    """
    if _LOCKED.search(text):
        return "screen locked", "the phone's screen is locked"
    if _OFF.search(text):
        return "screen locked", "the phone's screen is off"
    focus = _FOCUS.search(text)
    if focus is None or focus[1].startswith(f"{package}/"):
        return None
    return "system dialog", f"the phone shows “{focus[1].strip()[:100]}” in front of the browser"


@contextmanager
def with_obstruction(shell: Shell, package: str | None) -> Iterator[None]:
    """Add to a failure inside the context what hides the browser, if something does; a page that only did not answer
    in time failed because of that.

    Raises:
        BlockFailed: replaces the original exception.
    """
    try:
        yield
    except BlockFailed as error:
        found = _look(shell, package) if package else None
        if found is None:
            raise
        fault, clause = found
        named = fault if error.fault in _LATE else error.fault
        raise BlockFailed(f"{error.message.rstrip('.')}: {clause}.", hint=error.hint, fault=named) from error


def _look(shell: Shell, package: str) -> tuple[Fault, str] | None:
    try:
        answer = shell.script(_QUESTION, timeout=_SECONDS)
    except (BlockFailed, TargetLost):
        return None
    return obstruction(answer.stdout.decode(errors="replace"), package)
