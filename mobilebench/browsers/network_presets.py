"""Network emulation in the browser: it limits throughput and delays each request."""

from __future__ import annotations

from mobilebench.browsers.page import Page
from mobilebench.core.errors import Unsupported
from mobilebench.core.network_presets import LINKS, NONE


def shape(page: Page, name: str) -> None:
    """Emulate this network for all further requests of the page.

    Raises:
        Unsupported: its browser cannot emulate networks.
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
