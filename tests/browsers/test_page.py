"""Networks that a browser imitates for a page."""

from __future__ import annotations

from typing import Any

import pytest

from mobilebench.browsers.page import Capability, imitate_network
from mobilebench.core.axes import seconds_over_link
from mobilebench.core.errors import Unsupported


class FakePage:
    """Keeps what it is asked for."""

    def __init__(self, *capabilities: Capability) -> None:
        self.capabilities = frozenset(capabilities)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def call(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        self.calls.append((method, params or {}))
        return {}


def test_a_link_is_set_in_bytes_per_second() -> None:
    page = FakePage("shape link")
    imitate_network(page, "4g")  # type: ignore[arg-type]
    assert page.calls[-1] == (
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 170, "downloadThroughput": 1_125_000, "uploadThroughput": 1_125_000},
    )


def test_without_a_link_nothing_is_set() -> None:
    page = FakePage()
    imitate_network(page, "none")  # type: ignore[arg-type]
    assert page.calls == []


def test_a_browser_that_cannot_is_not_taken_for_one_that_does() -> None:
    with pytest.raises(Unsupported, match="wifi"):
        imitate_network(FakePage(), "wifi")  # type: ignore[arg-type]


def test_how_long_bytes_take() -> None:
    assert seconds_over_link("4g", 9_000_000) == 8
    assert seconds_over_link("none", 9_000_000) == 0
