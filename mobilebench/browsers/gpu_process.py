"""Detect whether a browser's GPU process ended while a page used it.

The page gets an event only for a context or device that it already holds. A pending request for a context, device
or adapter just fails, as if the browser did not support it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mobilebench.browsers import renderers
from mobilebench.core.errors import BlockFailed, Fault, Unsupported
from mobilebench.core.records import Measurement

BACKENDS = ("webgl", "webgpu")
"""Backends that compute in the GPU process."""
_COULD_FOLLOW: tuple[Fault | None, ...] = ("page error", "hang", None)


class GpuProcessCheck:
    """Compares the browser's GPU processes at creation with those at a later call."""

    def __init__(self, address: str, *, wanted: bool) -> None:
        self._address = address
        self._first = self._running() if wanted else frozenset()

    @property
    def ended(self) -> bool:
        """Whether a GPU process from the start is gone; also False if the browser does not list its processes."""
        if not self._first:
            return False
        now = self._running()
        return bool(now) and not self._first <= now

    def noted(self, measurement: Measurement) -> Measurement:
        """Add a note if a GPU process ended and another took over before the page used it."""
        if not self.ended:
            return measurement
        note = "the browser's GPU process ended while the page was measured, and another one took over"
        proof = measurement.proof.model_copy(update={"notes": [*measurement.proof.notes, note]})
        return measurement.model_copy(update={"proof": proof})

    def _running(self) -> frozenset[int]:
        with suppress(BlockFailed):
            return frozenset(renderers.cpu_seconds(self._address, "GPU"))
        return frozenset()


@contextmanager
def watched(address: str, backend: str) -> Iterator[GpuProcessCheck]:
    """Turn a failure or `Unsupported` inside the context into a lost context if the GPU process has ended.

    Args:
        address: the browser's address; a WebDriver BiDi browser is not queried, as it does not list its processes.
        backend: the backend on which the page computes.

    Raises:
        BlockFailed: replaces the original exception.
    """
    watch = GpuProcessCheck(address, wanted=backend in BACKENDS and address.startswith("http"))
    try:
        yield watch
    except (BlockFailed, Unsupported) as error:
        if getattr(error, "fault", None) not in _COULD_FOLLOW or not watch.ended:
            raise
        words = f"The browser's GPU process ended while the page used it: {error.message}"
        raise BlockFailed(words, fault="lost context") from error
