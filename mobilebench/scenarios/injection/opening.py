"""Open a page that is not ours, by the protocol that its browser speaks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from threading import Event

from mobilebench.scenarios.injection import chrome_page, firefox_page
from mobilebench.scenarios.injection.foreign_page import ForeignPage


def foreign_page(
    address: str, *, cancel: Event | None = None, stays: bool = False
) -> AbstractContextManager[ForeignPage]:
    """Open an empty tab for a foreign page in the browser at `address`; leaving the context closes it.

    See `browsers.connect.open_page` for the arguments.

    Raises:
        BlockFailed: the browser cannot be reached, or opens no tab.
    """
    if address.startswith("ws:"):
        return firefox_page.foreign_page(address, cancel=cancel, stays=stays)
    return chrome_page.foreign_page(address, cancel=cancel)
