"""What tests do to a running browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from mobilebench.browsers import browser_processes, builds, cdp
from mobilebench.browsers.launching import RunningBrowser
from mobilebench.browsers.websocket_rpc import connected
from mobilebench.core.errors import BlockFailed
from tests.browsers.processes import wait_until

Changed = Callable[[RunningBrowser], RunningBrowser]


def last_browser(monkeypatch: pytest.MonkeyPatch) -> Callable[[], RunningBrowser]:
    """Tells from now on which browser was started last."""
    started: list[RunningBrowser] = []
    launch = builds.launch

    @contextmanager
    def noting(*arguments: Any, **options: Any) -> Iterator[RunningBrowser]:
        with launch(*arguments, **options) as running:
            started.append(running)
            yield running

    monkeypatch.setattr(builds, "launch", noting)
    return lambda: started[-1]


def crash_gpu(address: str) -> None:
    """Let Chrome's GPU process crash, and wait until the browser has another one, or has ended."""
    before = browser_processes.cpu_seconds(address, "GPU")
    socket = urlsplit(str(cdp.http_json(address, "GET", "/json/version")["webSocketDebuggerUrl"]))
    with connected(f"ws://{urlsplit(address).netloc}{socket.path}", lambda message: None) as exchange:
        exchange.send("Browser.crashGpuProcess", {})
        wait_until(lambda: _has_ended(before, address))


def _has_ended(processes: Mapping[int, float], address: str) -> bool:
    try:
        now = browser_processes.cpu_seconds(address, "GPU")
    except BlockFailed:
        return True
    return bool(now) and not processes.keys() <= now.keys()
