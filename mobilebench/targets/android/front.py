"""What hides a browser on a phone's screen: a lock screen, or a dialog of the system."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mobilebench.core.errors import BlockFailed, Fault, PageHidden, TargetLost
from mobilebench.targets.android.shell import Shell

LOCK_SCREEN = "mShowingLockscreen|mDreamingLockscreen|isStatusBarKeyguard|isKeyguardShowing|mIsShowing"
"""Fields of `dumpsys window` that are true while the lock screen is shown, by Android's versions; for `grep -E`."""
_QUESTION = f"dumpsys window 2>/dev/null | grep -E 'mCurrentFocus|{LOCK_SCREEN}|screenState'"
_SECONDS = 5
_FOCUS = re.compile(r"mCurrentFocus=Window\{\S{1,20} (?:u\d{1,3} )?([^}\n]{1,200})\}")
_LOCKED = re.compile(rf"(?<![\w.])(?:{LOCK_SCREEN})=true(?!\w)")
_OFF = re.compile(r"(?<![\w.])screenState=SCREEN_STATE_OFF(?!\w)")
NEXT: Mapping[Fault, str] = {
    "screen locked": "Unlock it, and set no lock screen with a secret while it is measured.",
    "system dialog": "Look at its screen, and answer or close what it shows.",
}
"""What to do about each."""
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
    except PageHidden:
        raise
    except BlockFailed as error:
        found = look(shell, package) if package else None
        if found is None:
            raise
        fault, clause = found
        late = error.fault in _LATE
        message = f"{error.message.rstrip('.')}: {clause}."
        hint = NEXT[fault] if late else error.hint
        raise BlockFailed(message, hint=hint, fault=fault if late else error.fault) from error


def hidden(serial: str, shell: Shell, package: str | None) -> PageHidden | None:
    """Why a page that was hidden for a time does not count: what hides the browser now. None if nothing does."""
    found = look(shell, package) if package else None
    if found is None:
        return None
    fault, clause = found
    return PageHidden(f"The page on {serial} was hidden for a time: {clause}.", hint=NEXT[fault], fault=fault)


def look(shell: Shell, package: str) -> tuple[Fault, str] | None:
    """What hides the app of this package now: a fault and a clause. None if nothing does, or the phone does not say."""
    try:
        answer = shell.script(_QUESTION, timeout=_SECONDS)
    except (BlockFailed, TargetLost):
        return None
    return obstruction(answer.stdout.decode(errors="replace"), package)
