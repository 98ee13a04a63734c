"""A scenario: a page, and what its user does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mobilebench.browsers.page import Page
from mobilebench.core.page_quality import Benchmark, ScriptRun, Typing, Void
from mobilebench.scenarios.hands import Hands
from mobilebench.scenarios.messages import Begun

_NO_BENCHMARK = Void(reason="the page is no benchmark")


@dataclass(frozen=True)
class Use:
    """What the user did."""

    runs: list[ScriptRun] | Void
    """Their starts are in milliseconds since the page was opened."""
    typing: Typing | Void
    benchmark: Benchmark | Void = _NO_BENCHMARK


@dataclass(frozen=True)
class Scenario:
    """A page and its use."""

    name: str
    """One of `core.axes.SCENARIOS`, `speedometer`, or `page` for a page of the user's own."""
    title: str
    """What happens, in one sentence."""
    address: str
    """The name of one of our pages, an address, or the name of a file."""
    page: str
    """The page's name on the page server, or its whole address."""
    use: Callable[[Page, Hands, float, Begun], Use]
    """Uses the open page for so many seconds."""
    video: Literal["needed", "if there"] = "if there"
    files: Mapping[str, Path] = field(default_factory=dict)
    """Files that the page server offers beside our pages, by name."""
    query: str = ""
    """What follows the page's name in its address, from the question mark on; part of `page` if that is an address."""
    isolated: bool = True
    """Whether the page is served cross-origin isolated."""
    traced: bool = True
    """Whether the browser may trace its frames meanwhile. Where the time of runs is measured it may not."""
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Flags for browsers of this computer, by family (`chrome`, `firefox`). Browsers of phones take none."""
    prepare: Callable[[Page], list[str]] | None = None
    """Makes the loaded page ready, before anything is recorded; returns notes for the result. It raises
    `ScenarioFailed` if that fails.
    """

    @property
    def is_remote(self) -> bool:
        """Whether the page comes from another server than ours."""
        return self.page.startswith(("http://", "https://"))
