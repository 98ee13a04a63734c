"""Measured downloads take turns, over all pages that one server serves: they share its cables and its computer."""

from __future__ import annotations

import asyncio


class Turns:
    """One holder at a time, in the order in which they asked. For use in one event loop only."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: str | None = None

    async def take(self, who: str) -> None:
        """Wait for the turn; who has it already keeps it."""
        if self._holder != who:
            await self._lock.acquire()
            self._holder = who

    def leave(self, who: str) -> None:
        """Let the next one go on; nothing happens unless it is the turn of `who`."""
        if self._holder == who:
            self._holder = None
            self._lock.release()
