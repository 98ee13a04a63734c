"""A browser and a site for the module's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mobilebench.browsers import chrome, firefox
from mobilebench.browsers.launching import RunningBrowser
from mobilebench.scenarios.injection.foreign_page import ForeignPage
from mobilebench.scenarios.injection.opening import foreign_page
from tests.scenarios.injection.sites import Site, site


@pytest.fixture(scope="module")
def loopback() -> Iterator[Site]:
    with site() as running:
        yield running


@pytest.fixture(scope="module")
def browser(request: pytest.FixtureRequest) -> Iterator[RunningBrowser]:
    """Chrome, or the browser that a test names as the fixture's parameter."""
    launch = {"chrome": chrome.launch, "firefox": firefox.launch}[getattr(request, "param", "chrome")]
    gpu = firefox.SOFTWARE_GPU if launch is firefox.launch else chrome.SOFTWARE_GPU
    with launch(gpu) as running:
        yield running


@pytest.fixture(scope="module")
def only_tab(browser: RunningBrowser) -> Iterator[ForeignPage | None]:
    """The only tab that Firefox lets a program drive; None in Chrome."""
    if browser.name == "chrome":
        yield None
        return
    with foreign_page(browser.address) as opened:
        yield opened


@pytest.fixture
def page(browser: RunningBrowser, only_tab: ForeignPage | None) -> Iterator[ForeignPage]:
    if only_tab is not None:
        yield only_tab
        return
    with foreign_page(browser.address) as opened:
        yield opened
