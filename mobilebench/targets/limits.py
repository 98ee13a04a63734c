"""How long something may take: a time limit and events that cancel it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event

from mobilebench.core.errors import BlockFailed

SLICE_SECONDS = 0.1
"""How long a wait sleeps before it looks at its limit again."""


@dataclass
class Limit:
    """A time limit for one piece of work."""

    doing: str
    """What is waited for, and where: the start of the sentence that a person reads when it takes too long."""
    seconds: float
    cancels: Sequence[Event] = ()
    _since: float = field(default_factory=time.monotonic)

    def check(self) -> None:
        """Go on, or raise `BlockFailed` because the time is over or somebody cancelled."""
        if any(cancel.is_set() for cancel in self.cancels):
            raise BlockFailed(f"{self.doing} was cancelled.")
        if self.left <= 0:
            raise BlockFailed(f"{self.doing} did not end within {self.seconds:g} s.", fault="hang")

    @property
    def left(self) -> float:
        """Seconds until the limit."""
        return self._since + self.seconds - time.monotonic()

    def restart(self) -> None:
        """There was progress: count from now."""
        self._since = time.monotonic()


def either(*cancels: Event | None) -> tuple[Event, ...]:
    """Those events that there are."""
    return tuple(cancel for cancel in cancels if cancel is not None)
