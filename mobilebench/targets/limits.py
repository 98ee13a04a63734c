"""Limit on a piece of work: a time limit and events that cancel it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event

from mobilebench.core.errors import BlockFailed

SLICE_SECONDS = 0.1
"""Seconds that a wait sleeps before it checks its limit again."""


@dataclass
class Limit:
    """A time limit for one piece of work, with cancel events."""

    doing: str
    """What is waited for, and where: the start of the error message if it takes too long."""
    seconds: float
    cancels: Sequence[Event] = ()
    _since: float = field(default_factory=time.monotonic)

    def check(self) -> None:
        """Raise `BlockFailed` if the time is over or the work was cancelled."""
        if any(cancel.is_set() for cancel in self.cancels):
            raise BlockFailed(f"{self.doing} was cancelled.")
        if self.left <= 0:
            raise BlockFailed(f"{self.doing} did not end within {self.seconds:g} s.", fault="hang")

    @property
    def left(self) -> float:
        """Seconds until the limit."""
        return self._since + self.seconds - time.monotonic()

    def restart(self) -> None:
        """Start the time anew, because there was progress."""
        self._since = time.monotonic()


def given_events(*cancels: Event | None) -> tuple[Event, ...]:
    """The given events that are not None."""
    return tuple(cancel for cancel in cancels if cancel is not None)
