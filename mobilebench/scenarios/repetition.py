"""Measure a scenario several times, each time in a newly opened page."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

from mobilebench.browsers.server import PageServer
from mobilebench.core import paths
from mobilebench.core.page_quality import ScenarioResult
from mobilebench.scenarios import measuring
from mobilebench.scenarios.scenario import Scenario
from mobilebench.targets.base import Target


def repeated(
    target: Target,
    scenario: Scenario,
    browser: str,
    *,
    seconds: float,
    times: int,
    headed: bool = False,
    traced: bool = True,
    cancel: Event | None = None,
) -> Iterator[ScenarioResult]:
    """Yield the result of each repetition when it has ended; nothing else runs in the page.

    Raises:
        Unsupported: the target has no such browser.
        BlockFailed: a repetition failed. What was yielded before remains valid.
    """
    server = PageServer(paths.web_pages())
    try:
        for _ in range(times):
            with measuring.opened(target, scenario, browser, server, headed=headed, cancel=cancel) as page:
                result = measuring.measure(page, scenario, seconds, traced=traced)
            yield result
    finally:
        server.close()
