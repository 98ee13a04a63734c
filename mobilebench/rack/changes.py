"""Lets coroutines wait for something that threads change."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress


class Changes:
    """Wakes the coroutines that wait, whenever `tell` is called from any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    def tell(self) -> None:
        """Say that something changed."""
        with self._guard:
            for loop, event in self._waiting:
                with suppress(RuntimeError):  # that loop has ended
                    loop.call_soon_threadsafe(event.set)

    async def wait_until(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Wait until `ready` returns True, at most so long; returns what it returned last."""
        deadline = time.monotonic() + seconds
        mine = (asyncio.get_running_loop(), asyncio.Event())
        with self._guard:
            self._waiting.add(mine)
        try:
            while not (is_ready := ready()) and (left := deadline - time.monotonic()) > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(mine[1].wait(), left)
                mine[1].clear()
            return is_ready
        finally:
            with self._guard:
                self._waiting.discard(mine)
