"""Takes samples at an interval, in a thread of its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread

from mobilebench.core.errors import MobilebenchError


class Sampler:
    """Calls a function every `interval_s` seconds until it is stopped.

    The first call comes one interval after the start. When a call takes longer than the interval, the calls that it
    misses are skipped. When a call fails, sampling ends, and `failure` holds the error.

    Args:
        sample: takes one sample. Its argument is an event that is set when sampling is to end.
        interval_s: seconds between the beginnings of two calls.
        name: name of the thread.
    """

    def __init__(self, sample: Callable[[Event], None], interval_s: float, name: str) -> None:
        self._sample = sample
        self._interval_s = interval_s
        self._ended = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self.failure: Exception | None = None

    def start(self) -> None:
        """Start sampling."""
        self._thread.start()

    def stop(self) -> None:
        """Stop sampling, and wait until the call in progress has ended. A second call does nothing."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        due = time.monotonic() + self._interval_s
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            try:
                self._sample(self._ended)
            except Exception as error:
                if not (self._ended.is_set() and isinstance(error, MobilebenchError)):
                    self.failure = error
                return
            missed = (time.monotonic() - due) // self._interval_s
            due += (1 + missed) * self._interval_s
