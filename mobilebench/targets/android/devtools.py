"""Queries to the browser behind a phone's DevTools socket."""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from typing import Any

from mobilebench.core.errors import BlockFailed

_LONGEST = 1 << 20
_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def sockets(names: Sequence[str]) -> list[str]:
    """Select the abstract sockets that a browser may listen on; skip names that cannot be passed to adb."""
    return [name for name in names if "devtools_remote" in name and set(name) <= _SAFE and "webview" not in name]


def version(address: str, package: str) -> str | None:
    """Return the browser's version, or None while it does not answer.

    Raises:
        BlockFailed: another browser answers on its socket.
    """
    answer = _told(address)
    browser = answer.get("Browser")
    if browser is None:
        return None
    if (other := answer.get("Android-Package", package)) != package:
        raise BlockFailed(f"{other} answers at the phone's DevTools socket, not {package}.", hint="Close that app.")
    return str(browser).rpartition("/")[2]


def package(address: str) -> str | None:
    """Package of the app that owns the socket, if it reports one."""
    return _told(address).get("Android-Package")


def shows_page(address: str) -> bool:
    """Whether the browser has a tab; it may have none until its first-run questions are answered."""
    pages = _asked(address, "/json/list")
    return isinstance(pages, list) and any(isinstance(page, dict) and page.get("type") == "page" for page in pages)


def _told(address: str) -> dict[str, str]:
    """The browser's version record; empty while it does not answer."""
    answer = _asked(address, "/json/version")
    return {key: value for key, value in answer.items() if isinstance(value, str)} if isinstance(answer, dict) else {}


def _asked(address: str, path: str) -> Any:
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=2)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read(_LONGEST))
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
