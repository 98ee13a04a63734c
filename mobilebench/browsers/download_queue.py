"""Measured downloads take turns, over all pages that one server serves: they share its cables and its computer."""

from __future__ import annotations

import asyncio
import time


class Turns:
    """One holder at a time, in the order in which they asked. For use in one event loop only."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: str | None = None
        self._since = 0.0

    @property
    def holder(self) -> str | None:
        """Whose turn it is."""
        return self._holder

    async def take(self, who: str) -> None:
        """Wait for the turn; who has it already keeps it."""
        if self._holder != who:
            await self._lock.acquire()
            self._holder = who
            self._since = time.monotonic()

    def leave(self, who: str) -> float | None:
        """Let the next one go on, and tell how many seconds the turn took; None where it was not the turn of `who`."""
        if self._holder != who:
            return None
        self._holder = None
        self._lock.release()
        return time.monotonic() - self._since
