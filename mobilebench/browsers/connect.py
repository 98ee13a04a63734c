"""Open a page of a running browser, by the protocol that the browser speaks."""

from __future__ import annotations

from contextlib import AbstractContextManager
from threading import Event

from mobilebench.browsers import bidi, cdp
from mobilebench.browsers.page import Page


def open_page(address: str, *, cancel: Event | None = None, stays: bool = False) -> AbstractContextManager[Page]:
    """Open an empty tab in the browser at `address`; leaving the context closes it.

    `http://…` is the base of a DevTools endpoint, `ws://…` a WebDriver BiDi endpoint. `stays`: the browser
    belongs to a user, and keeps its tabs when it ends.

    Raises:
        BlockFailed: the browser cannot be reached, or opens no page.
    """
    if address.startswith("ws:"):
        return bidi.open_page(address, cancel=cancel, stays=stays)
    return cdp.open_page(address, cancel=cancel)
