"""Queue for measured downloads of all pages of one server, because they share its network and computer."""

from __future__ import annotations

import asyncio
import time


class Turns:
    """A first-come, first-served lock for use in one event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: str | None = None
        self._since = 0.0

    @property
    def holder(self) -> str | None:
        """The present holder of the turn."""
        return self._holder

    async def take(self, who: str) -> None:
        """Wait for the turn; a holder keeps it."""
        if self._holder != who:
            await self._lock.acquire()
            self._holder = who
            self._since = time.monotonic()

    def leave(self, who: str) -> float | None:
        """Pass the turn on; return how many seconds it took, or None if `who` did not hold it."""
        if self._holder != who:
            return None
        self._holder = None
        self._lock.release()
        return time.monotonic() - self._since
