"""The processes of a browser that lists them: which one computed a page, and whether the GPU process survived it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from mobilebench.browsers import cdp
from mobilebench.browsers.websocket_rpc import Message, connected
from mobilebench.core.errors import BlockFailed, Fault, Unsupported
from mobilebench.core.records import Measurement

IDLE_SECONDS = 0.25
"""CPU seconds up to which an existing process counts as fresh, because browsers keep a spare one."""

_TIMEOUT = 5.0
_LONGEST_SECONDS = 1e9
_MOST_PID = 1 << 22


@dataclass(frozen=True)
class Renderer:
    """The process of a page."""

    pid: int
    fresh: bool
    """Whether it had computed nothing else before."""


class RendererCheck:
    """Compares the renderers before a page is opened with those after it has answered."""

    def __init__(self, address: str, before: Mapping[int, float] | None, *, enabled: bool) -> None:
        self._address = address
        self._enabled = enabled
        self._before = before
        self.found: Renderer | None = None

    @property
    def note(self) -> str | None:
        """A note if the page is not known to have had a fresh process, else None."""
        if not self._enabled:
            return None
        if self.found is None:
            return "the browser does not report which process ran the page"
        return None if self.found.fresh else "the page ran in a process that had run other pages before"

    def look(self) -> None:
        """Find the page's renderer, if wanted and if the browser lists its processes."""
        if self._before is not None:
            with suppress(BlockFailed):
                self.found = busiest(self._before, cpu_seconds(self._address))


@contextmanager
def renderer_checked(address: str, enabled: bool) -> Iterator[RendererCheck]:
    """Watch the renderers of the browser at `address` while a page is open, if `wanted`."""
    before: dict[int, float] | None = None
    if enabled:
        with suppress(BlockFailed):
            before = cpu_seconds(address)
    yield RendererCheck(address, before, enabled=enabled)


def busiest(before: Mapping[int, float], after: Mapping[int, float]) -> Renderer | None:
    """The renderer with the most CPU time in between; None if none used any."""
    spent = {pid: seconds - before.get(pid, 0.0) for pid, seconds in after.items()}
    pid = max(spent, key=lambda one: spent[one], default=None)
    if pid is None or spent[pid] <= 0:
        return None
    return Renderer(pid, before.get(pid, 0.0) <= IDLE_SECONDS)


def cpu_seconds(address: str, *kinds: str) -> dict[int, float]:
    """Map process id to CPU seconds for every process of these kinds (`renderer` by default). Raises `BlockFailed` if
    the browser reports none."""
    socket = urlsplit(str(cdp.http_json(address, "GET", "/json/version").get("webSocketDebuggerUrl", "")))
    with connected(f"ws://{urlsplit(address).netloc}{socket.path}", _ignore) as exchange:
        answer = exchange.ask("SystemInfo.getProcessInfo", {}, _TIMEOUT, "The browser did not list its processes.")
    return parse(answer.get("result"), *kinds)


def parse(result: object, *kinds: str) -> dict[int, float]:
    """Parse the processes of these kinds (`renderer` by default) in the browser's untrusted answer."""
    wanted = kinds or ("renderer",)
    processes = result.get("processInfo") if isinstance(result, dict) else None
    found = {}
    for process in processes if isinstance(processes, list) else []:
        if isinstance(process, dict) and process.get("type") in wanted:
            pid, seconds = process.get("id"), process.get("cpuTime")
            if not isinstance(pid, int) or not 0 < pid < _MOST_PID:
                continue
            if isinstance(seconds, (int, float)) and 0 <= seconds < _LONGEST_SECONDS:
                found[pid] = float(seconds)
    return found


def _ignore(message: Message) -> None:
    """Ignore events of the whole browser."""


GPU_BACKENDS = ("webgl", "webgpu")
"""Backends that compute in the GPU process."""
_COULD_FOLLOW: tuple[Fault | None, ...] = ("page error", "hang", None)


class GpuProcessCheck:
    """Compares the browser's GPU processes at creation with those at a later call."""

    def __init__(self, address: str, *, enabled: bool) -> None:
        self._address = address
        self._first = self._running() if enabled else frozenset()

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
            return frozenset(cpu_seconds(self._address, "GPU"))
        return frozenset()


@contextmanager
def gpu_checked(address: str, backend: str) -> Iterator[GpuProcessCheck]:
    """Turn a failure or `Unsupported` inside the context into a lost context if the GPU process has ended.

    Args:
        address: the browser's address; a WebDriver BiDi browser is not queried, as it does not list its processes.
        backend: the backend on which the page computes.

    Raises:
        BlockFailed: replaces the original exception.
    """
    watch = GpuProcessCheck(address, enabled=backend in GPU_BACKENDS and address.startswith("http"))
    try:
        yield watch
    except (BlockFailed, Unsupported) as error:
        if getattr(error, "fault", None) not in _COULD_FOLLOW or not watch.ended:
            raise
        words = f"The browser's GPU process ended while the page used it: {error.message}"
        raise BlockFailed(words, fault="lost context") from error
