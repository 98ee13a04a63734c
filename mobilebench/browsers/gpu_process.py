"""Whether the process that works for a browser's GPU ended while a page used it.

The page itself is told only of a context or device that it holds. One that is being made, or a question for an adapter,
just fails, as if the browser had no such thing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from mobilebench.browsers import renderers
from mobilebench.core.errors import BlockFailed, Fault, Unsupported
from mobilebench.core.records import Measurement

BACKENDS = ("webgl", "webgpu")
"""That compute in this process."""
_COULD_FOLLOW: tuple[Fault | None, ...] = ("page error", "hang", None)


class GpuProcessCheck:
    """Looks at the GPU's processes when it is made, and when it is asked."""

    def __init__(self, address: str, *, wanted: bool) -> None:
        self._address = address
        self._first = self._running() if wanted else frozenset()

    @property
    def ended(self) -> bool:
        """One that was there is there no more; False too where the browser does not tell."""
        if not self._first:
            return False
        now = self._running()
        return bool(now) and not self._first <= now

    def noted(self, measurement: Measurement) -> Measurement:
        """With a note where the answer came although one ended: another one took over before the page used it."""
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
    """What fails meanwhile, or turns out to be unsupported, is a lost context where the GPU's process has ended.

    Args:
        address: of a browser; nothing is asked of one that speaks WebDriver BiDi, which does not tell its processes.
        backend: where the page computes.

    Raises:
        BlockFailed: in place of what was raised.
    """
    watch = GpuProcessCheck(address, wanted=backend in BACKENDS and address.startswith("http"))
    try:
        yield watch
    except (BlockFailed, Unsupported) as error:
        if getattr(error, "fault", None) not in _COULD_FOLLOW or not watch.ended:
            raise
        words = f"The browser's GPU process ended while the page used it: {error.message}"
        raise BlockFailed(words, fault="lost context") from error
