"""How far the clocks of a rack's computers differ, estimated from a question and its answer.

Nothing of a rack depends on equal clocks: leases count seconds of the phone's host. But blocks carry the time of the
host that measured them.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from pydantic import Field

from mobilebench.core.record import Record

MOST_SECONDS = 2.0
"""A difference beyond this is told; clocks that are set over the network differ by much less."""


class ClockOffset(Record):
    """How far another computer's clock is ahead of one's own; negative if it is behind."""

    ahead_s: float = Field(allow_inf_nan=False)
    within_s: float = Field(ge=0, allow_inf_nan=False)
    """The true difference is at most this far from `ahead_s`, unless a clock was set meanwhile."""

    def plus(self, further: ClockOffset) -> ClockOffset:
        """The offset of a third computer, whose clock is `further` ahead of the second one's."""
        return ClockOffset(ahead_s=self.ahead_s + further.ahead_s, within_s=self.within_s + further.within_s)

    @property
    def differs(self) -> bool:
        """Whether the clocks differ by more than they should, wherever the true difference lies."""
        return abs(self.ahead_s) - self.within_s > MOST_SECONDS

    def describe(self) -> str:
        """Such as `3 h 12 min ahead of this computer's (± 0.1 s)`."""
        side = "ahead of" if self.ahead_s > 0 else "behind"
        return f"{_span(abs(self.ahead_s))} {side} this computer's (± {max(self.within_s, 0.1):.1f} s)"


class Asked:
    """A question that is sent now."""

    def __init__(self) -> None:
        self._wall = time.time()
        self._steady = time.monotonic()

    def answered(self, said: datetime) -> ClockOffset:
        """The offset of the computer whose answer has come now.

        Args:
            said: its clock at some time between the question and the answer.
        """
        half = (time.monotonic() - self._steady) / 2
        return ClockOffset(ahead_s=said.timestamp() - (self._wall + half), within_s=half)


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    whole = timedelta(seconds=round(seconds))
    minutes = whole.seconds // 60
    if whole.days:
        return f"{whole.days} d {minutes // 60} h"
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
