"""The text that a phone's sampler prints, split into readings. It comes from a phone: it is bounded, never trusted.

Every reading begins with a line `TOKEN NAME UPTIME`, which no other program can print, because the token is random.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_TEXT = 1 << 18
"""Bytes of one reading."""
_LONGEST_LINE = 1 << 16
_UPTIME = re.compile(r"\d{1,10}\.\d{1,3}")


@dataclass(frozen=True)
class Frame:
    """One reading of one source."""

    name: str
    """What was read: the number of a source, or a word of the sampler itself."""
    uptime_s: float | None
    """The phone's uptime when it was read, in seconds; None if the phone does not tell it."""
    text: str
    """Its lines; of a longer one, those at its beginning that are no more than `LONGEST_TEXT` bytes together."""


class FrameParser:
    """Splits the sampler's output, which arrives in pieces, into frames. What precedes the first one is dropped."""

    def __init__(self, token: str) -> None:
        self._header = re.compile(re.escape(token.encode()) + rb" (\w{1,8}) (\S{1,24})")
        self._rest = b""
        self._name: str | None = None
        self._uptime: float | None = None
        self._lines: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that these bytes complete: a frame is complete when the next one begins."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        frames = []
        for line in lines:
            if found := self._header.fullmatch(line.rstrip(b"\r")):
                frames += self._ended()
                self._begin(found[1].decode(), found[2].decode(errors="replace"))
            else:
                self._add(line)
        if len(self._rest) > _LONGEST_LINE:
            self._add(self._rest)
            self._rest = b""
        return frames

    def _begin(self, name: str, uptime: str) -> None:
        self._name, self._lines, self._size = name, [], 0
        self._uptime = float(uptime) if _UPTIME.fullmatch(uptime) else None

    def _add(self, line: bytes) -> None:
        self._size += len(line) + 1
        if self._name is not None and self._size <= LONGEST_TEXT:
            self._lines.append(line)

    def _ended(self) -> list[Frame]:
        if self._name is None:
            return []
        text = "".join(f"{line.decode(errors='replace')}\n" for line in self._lines)
        return [Frame(self._name, self._uptime, text)]


FARTHEST_SECONDS = 5.0
"""By so much a phone's clock may be off from when its readings arrive; more counts as a jump of the clock."""


class PhoneClock:
    """Turns a phone's uptime into this computer's monotonic time.

    A reading arrives a little after it was taken; the shortest delay that was seen counts as none.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._last = float("-inf")
        self.jumps = 0
        """How many readings had a time that did not follow the one before; the time of arrival is used for them."""

    def at(self, uptime_s: float | None, arrived: float) -> float:
        """When a reading was taken; times never decrease.

        Args:
            uptime_s: the phone's uptime when it was taken.
            arrived: `time.monotonic()` when it arrived.
        """
        when = arrived
        if uptime_s is not None:
            offset = arrived - uptime_s
            if self._offset is not None and abs(offset - self._offset) > FARTHEST_SECONDS:
                self.jumps += 1
                self._offset = offset
            self._offset = offset if self._offset is None else min(offset, self._offset)
            when = uptime_s + self._offset
        self._last = max(when, self._last)
        return self._last
