"""A thin client of the Chrome DevTools Protocol: one page, one websocket, one call at a time."""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Event
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from mobilebench.errors import BlockFailed

if TYPE_CHECKING:
    from websockets.sync.client import ClientConnection

_HTTP_TIMEOUT = 15.0
_CANCEL_INTERVAL = 0.25
_CLOSE_TIMEOUT = 5.0


class Page:
    """One tab, driven over its websocket.

    Every method raises `BlockFailed` when the page crashes, the connection is cut, the answer is not
    understood, does not come in time, or the cancel event is set (then within a second).
    """

    def __init__(self, socket: ClientConnection, *, cancel: Event | None = None) -> None:
        self._socket = socket
        self._cancel = cancel
        self._next_id = 0
        self._events: list[Any] = []

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]:
        """Send one command and wait for its result."""
        return self._exchange(method, params or {}, timeout, f"{method} was not answered within {timeout:.0f} s.")

    def open(self, url: str, *, timeout: float = 60.0) -> None:
        """Load `url` and wait until its scripts have run."""
        self.call("Page.enable")
        self.call("Inspector.enable")
        self._events.clear()
        answer = self.call("Page.navigate", {"url": url}, timeout=timeout)
        if answer.get("errorText"):
            raise BlockFailed(f"The browser could not open the page: {answer['errorText']}")
        self._wait_for_event("Page.loadEventFired", timeout, f"The page was not loaded within {timeout:.0f} s.")

    def evaluate(self, expression: str, *, timeout: float, what: str = "The page") -> Any:
        """The value of a JavaScript expression; a promise is awaited.

        Raises:
            BlockFailed: also when the expression throws; the message is then the exception's.
        """
        params = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        answer = self._exchange("Runtime.evaluate", params, timeout, f"{what} never answered within {timeout:.0f} s.")
        if "exceptionDetails" in answer:
            raise BlockFailed(f"{what} threw an exception: {exception_text(answer['exceptionDetails'])}")
        result = answer.get("result")
        return result.get("value") if isinstance(result, dict) else None

    def stop_scripts(self) -> None:
        """Interrupt whatever the page is computing; not waited for."""
        self._next_id += 1
        with suppress(BlockFailed):
            self._send({"id": self._next_id, "method": "Runtime.terminateExecution"})

    def _exchange(self, method: str, params: dict[str, Any], timeout: float, late: str) -> dict[str, Any]:
        self._next_id += 1
        number = self._next_id
        self._send({"id": number, "method": method, "params": params})
        deadline = time.monotonic() + timeout
        while (message := self._receive(deadline, late)).get("id") != number:
            if "method" in message:
                self._events.append(message["method"])
        if "error" in message:
            error = message["error"]
            raise BlockFailed(
                f"The browser refused {method}: {error.get('message') if isinstance(error, dict) else error}"
            )
        result = message.get("result")
        if not isinstance(result, dict):
            raise BlockFailed(f"The browser's answer to {method} has no result.")
        return result

    def _wait_for_event(self, name: str, timeout: float, late: str) -> None:
        deadline = time.monotonic() + timeout
        while name not in self._events:
            self._events.append(self._receive(deadline, late).get("method"))

    def _send(self, message: dict[str, Any]) -> None:
        from websockets.exceptions import WebSocketException

        try:
            self._socket.send(json.dumps(message))
        except (WebSocketException, OSError) as error:
            raise _cut(error) from error

    def _receive(self, deadline: float, late: str) -> dict[str, Any]:
        from websockets.exceptions import WebSocketException

        while True:
            if self._cancel is not None and self._cancel.is_set():
                raise BlockFailed("The block was cancelled.")
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise BlockFailed(late)
            try:
                text = self._socket.recv(timeout=min(remaining, _CANCEL_INTERVAL))
            except TimeoutError:
                continue
            except (WebSocketException, OSError) as error:
                raise _cut(error) from error
            message = parse_message(text)
            check_alive(message)
            return message


def parse_message(text: str | bytes) -> dict[str, Any]:
    """One protocol message. Raises `BlockFailed` when it is not a JSON object."""
    try:
        message = json.loads(text)
    except ValueError as error:
        raise BlockFailed("The browser sent something that is not JSON over DevTools.") from error
    if not isinstance(message, dict):
        raise BlockFailed("The browser sent something that is not a DevTools message.")
    return message


def check_alive(message: dict[str, Any]) -> None:
    """Raises `BlockFailed` when the message says that the page is gone."""
    match message.get("method"):
        case "Inspector.targetCrashed":
            raise BlockFailed("The page crashed (its process ended or ran out of memory).")
        case "Inspector.detached":
            params = message.get("params")
            reason = params.get("reason") if isinstance(params, dict) else None
            raise BlockFailed(f"The browser detached from the page: {reason or 'no reason given'}.")


def exception_text(details: Any) -> str:
    """The first line of a JavaScript exception as DevTools describes it."""
    if not isinstance(details, dict):
        return "unknown exception"
    exception = details.get("exception")
    described = exception.get("description") or exception.get("value") if isinstance(exception, dict) else None
    text = str(described or details.get("text") or "unknown exception")
    return text.splitlines()[0][:500] if text.strip() else "unknown exception"


def browser_version(devtools: str) -> str:
    """The version that the browser behind `devtools` states, such as `156.0.8078.79`."""
    answer = _http(devtools, "GET", "/json/version")
    found = re.search(r"\d+(?:\.\d+)+", str(answer.get("Browser", "")))
    if not found:
        raise BlockFailed("The browser does not state its version over DevTools.")
    return found[0]


@contextmanager
def open_page(devtools: str, *, cancel: Event | None = None) -> Iterator[Page]:
    """A new, empty tab of the browser whose DevTools endpoint is `devtools`; leaving closes it."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    tab = _http(devtools, "PUT", "/json/new?about:blank")
    tab_id, address = str(tab.get("id", "")), urlsplit(str(tab.get("webSocketDebuggerUrl", "")))
    if not tab_id or address.scheme != "ws":
        raise BlockFailed("The browser opened a page without saying how to reach it.")
    base = urlsplit(devtools)
    try:
        try:
            socket = connect(
                f"ws://{base.netloc}{address.path}",
                max_size=None,
                compression=None,
                open_timeout=_HTTP_TIMEOUT,
                close_timeout=1,
                ping_interval=None,
                proxy=None,
            )
        except (WebSocketException, OSError) as error:
            raise _cut(error) from error
        with socket:
            page = Page(socket, cancel=cancel)
            try:
                yield page
            except BaseException:
                page.stop_scripts()
                raise
    finally:
        with suppress(BlockFailed):
            _http(devtools, "GET", f"/json/close/{quote(tab_id, safe='')}", timeout=_CLOSE_TIMEOUT, parse=False)


def _cut(error: Exception) -> BlockFailed:
    return BlockFailed(
        f"The connection to the browser was cut ({type(error).__name__}).",
        hint="The browser was closed or killed, or the phone was unplugged.",
    )


def _http(
    devtools: str, method: str, path: str, *, timeout: float = _HTTP_TIMEOUT, parse: bool = True
) -> dict[str, Any]:
    connection = http.client.HTTPConnection(urlsplit(devtools).netloc, timeout=timeout)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, http.client.HTTPException) as error:
        raise _cut(error) from error
    finally:
        connection.close()
    if response.status != 200:
        raise BlockFailed(f"The browser answered {response.status} to {method} {path.partition('?')[0]}.")
    return parse_message(body) if parse else {}
