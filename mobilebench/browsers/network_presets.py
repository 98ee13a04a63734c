"""Lets a browser imitate a network: it holds back what it has received, and delays each request."""

from __future__ import annotations

from mobilebench.browsers.page import Page
from mobilebench.core.errors import Unsupported
from mobilebench.core.network_presets import LINKS, NONE


def shape(page: Page, name: str) -> None:
    """Let everything that this page asks for from now on come over such a network.

    Raises:
        Unsupported: its browser cannot do that.
    """
    if name == NONE:
        return
    if "shape link" not in page.capabilities:
        raise Unsupported(f"This browser cannot imitate a network such as {name}: only Chrome can be told to.")
    link = LINKS[name]
    page.call("Network.enable")
    page.call(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": link.round_trip_ms,
            "downloadThroughput": link.down_kbit_s * 1000 / 8,
            "uploadThroughput": link.up_kbit_s * 1000 / 8,
        },
    )
