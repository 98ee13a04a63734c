"""A browser and a site for the module's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mobilebench.browsers import chrome
from mobilebench.browsers.launching import RunningBrowser
from mobilebench.scenarios.injection.foreign_page import ForeignPage, foreign_page
from tests.scenarios.injection.sites import Site, site


@pytest.fixture(scope="module")
def loopback() -> Iterator[Site]:
    with site() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[RunningBrowser]:
    with chrome.launch(chrome.SOFTWARE_GPU) as running:
        yield running


@pytest.fixture
def page(browser: RunningBrowser) -> Iterator[ForeignPage]:
    with foreign_page(browser.address) as opened:
        yield opened
