"""Which of a running browser's processes computed a page, and whether it was a fresh one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from mobilebench.browsers import cdp
from mobilebench.browsers.websocket_rpc import Message, connected
from mobilebench.core.errors import BlockFailed

IDLE_SECONDS = 0.25
"""CPU time up to which a process that was there before counts as fresh: browsers keep a spare one."""

_TIMEOUT = 5.0
_LONGEST_SECONDS = 1e9


@dataclass(frozen=True)
class Renderer:
    """The process of a page."""

    pid: int
    fresh: bool
    """It had computed nothing else before."""


class RendererCheck:
    """Looks at the renderers before a page is opened and after it has answered."""

    def __init__(self, address: str, before: Mapping[int, float] | None, *, wanted: bool) -> None:
        self._address = address
        self._wanted = wanted
        self._before = before
        self.found: Renderer | None = None

    @property
    def note(self) -> str | None:
        """What is to be said where the page is not known to have had a fresh process."""
        if not self._wanted:
            return None
        if self.found is None:
            return "the browser does not tell which process computed the page"
        return None if self.found.fresh else "the page was computed by a process that had computed others before"

    def look(self) -> None:
        """Find the page's renderer, unless nobody asked for it or the browser does not tell."""
        if self._before is not None:
            with suppress(BlockFailed):
                self.found = busiest(self._before, cpu_seconds(self._address))


@contextmanager
def watched(address: str, wanted: bool) -> Iterator[RendererCheck]:
    """Watch the renderers of the browser at `address` while a page is open, where that is `wanted`."""
    before: dict[int, float] | None = None
    if wanted:
        with suppress(BlockFailed):
            before = cpu_seconds(address)
    yield RendererCheck(address, before, wanted=wanted)


def busiest(before: Mapping[int, float], after: Mapping[int, float]) -> Renderer | None:
    """The renderer that has computed most in between; None when none has."""
    spent = {pid: seconds - before.get(pid, 0.0) for pid, seconds in after.items()}
    pid = max(spent, key=lambda one: spent[one], default=None)
    if pid is None or spent[pid] <= 0:
        return None
    return Renderer(pid, before.get(pid, 0.0) <= IDLE_SECONDS)


def cpu_seconds(address: str, kind: str = "renderer") -> dict[int, float]:
    """Process id to CPU time of every process of a kind. Raises `BlockFailed` when the browser does not tell."""
    socket = urlsplit(str(cdp.http_json(address, "GET", "/json/version").get("webSocketDebuggerUrl", "")))
    with connected(f"ws://{urlsplit(address).netloc}{socket.path}", _ignore) as exchange:
        answer = exchange.ask("SystemInfo.getProcessInfo", {}, _TIMEOUT, "The browser did not tell its processes.")
    return parse(answer.get("result"), kind)


def parse(result: object, kind: str = "renderer") -> dict[int, float]:
    """The processes of a kind in what the browser answers, which is not trusted."""
    processes = result.get("processInfo") if isinstance(result, dict) else None
    found = {}
    for process in processes if isinstance(processes, list) else []:
        if isinstance(process, dict) and process.get("type") == kind:
            pid, seconds = process.get("id"), process.get("cpuTime")
            if isinstance(pid, int) and isinstance(seconds, (int, float)) and 0 <= seconds < _LONGEST_SECONDS:
                found[pid] = float(seconds)
    return found


def _ignore(message: Message) -> None:
    """Events of the whole browser are not ours."""
