"""A page driven over WebDriver BiDi, which Firefox speaks directly, without a driver program."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event
from typing import Any

from mobilebench.browsers.page import Capability, PageDialog, PageNotOpened
from mobilebench.browsers.websocket_rpc import Exchange, Message, connected, first_line, too_much
from mobilebench.core.errors import BlockFailed, Killed, Unsupported

_CRASH_PAGE = "about:tabcrashed"
_DIALOG = "browsingContext.userPromptOpened"
_GONE = frozenset({"no such frame", "no such client window"})
_NUMBERS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf"), "-0": -0.0}
_SESSION_SECONDS = 60.0
_CRASH_SECONDS = 0.3
_TAB_SECONDS = 10.0
_CLOSE_SECONDS = 5.0
_POLL_SECONDS = 0.1
_SANDBOX = "mobilebench-probe"


class BidiPage:
    """A BiDi tab; see `page.Page`."""

    capabilities: frozenset[Capability] = frozenset()

    def __init__(self, watch: BidiNotices, exchange: Exchange, context: str) -> None:
        self._watch = watch
        self._exchange = exchange
        self._context = context

    @property
    def context(self) -> str:
        """The tab's id, which many commands name."""
        return self._context

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]:
        return self._ask(method, params or {}, timeout, f"{method} was not answered within {timeout:.0f} s.")

    def open(self, url: str, *, timeout: float = 60.0) -> None:
        params = {"context": self._context, "url": url, "wait": "complete"}
        late = f"The page was not loaded within {timeout:.0f} s."
        message = self._exchange.ask("browsingContext.navigate", params, timeout, late)
        result = message.get("result")
        reached = str(result.get("url", "")) if isinstance(result, dict) else ""
        if self._watch.crashed or reached.startswith(_CRASH_PAGE):
            raise _crashed()
        if "error" in message:
            self._look_for_crash()
            raise PageNotOpened(first_line(message.get("message")))

    def evaluate(self, expression: str, *, timeout: float, what: str = "The page", apart: bool = False) -> Any:
        params = {
            "expression": expression,
            "target": {"context": self._context, **({"sandbox": _SANDBOX} if apart else {})},
            "awaitPromise": True,
            "resultOwnership": "none",
        }
        answer = self._ask("script.evaluate", params, timeout, f"{what} never answered within {timeout:.0f} s.")
        if answer.get("type") == "exception":
            self._look_for_crash()
            exception = exception_text(answer.get("exceptionDetails"))
            raise BlockFailed(f"{what} threw an exception: {exception}", fault="page error")
        return local_value(answer.get("result"))

    def tell_cores(self, count: int) -> None:
        """Set the core count for pages; workers still read the real one."""
        function = f"() => Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', {{get: () => {count:d}}})"
        self.call("script.addPreloadScript", {"functionDeclaration": function, "contexts": [self._context]})

    def stop_scripts(self) -> None:
        """Do nothing: BiDi has no such command. A page that computes for ever ends with its browser."""

    def clear_origin(self, origin: str) -> None:
        raise Unsupported(f"WebDriver BiDi has no command that removes the data stored for {origin}.")

    def trace_end(self, *, timeout: float) -> dict[str, Any]:  # noqa: ARG002
        raise Unsupported("WebDriver BiDi has no command for traces.")

    def _look_for_crash(self) -> None:
        """Wait for a crash event: it comes shortly after commands fail on the page that replaces a crashed one."""
        with suppress(BlockFailed):
            self._exchange.listen(lambda: self._watch.crashed, _CRASH_SECONDS)
        if self._watch.crashed:
            raise _crashed()

    def _ask(self, method: str, params: dict[str, Any], timeout: float, late: str) -> dict[str, Any]:
        message = self._exchange.ask(method, params, timeout, late)
        if "error" in message:
            if self._watch.crashed or str(message["error"]) in _GONE:
                raise _crashed()
            reason = first_line(message.get("message") or message["error"])
            if method == "script.evaluate" and "allocation size overflow" in reason:
                raise too_much("more than the browser can send")
            raise BlockFailed(f"The browser refused {method}: {reason}", fault="bad answer")
        result = message.get("result")
        if not isinstance(result, dict):
            raise BlockFailed(f"The browser's answer to {method} has no result.", fault="bad answer")
        return result


@dataclass
class BidiNotices:
    """Collects the events that the browser sends besides answers."""

    crashed: bool = False
    dialogs_fail: bool = True
    """Whether a dialog of the page is a failure."""

    def notice(self, message: Message) -> None:
        """Handle one message; see `websocket_rpc.Notice`."""
        params = message.get("params")
        url = str(params.get("url", "")) if isinstance(params, dict) else ""
        if message.get("method") == "browsingContext.navigationCommitted" and url.startswith(_CRASH_PAGE):
            self.crashed = True
            raise _crashed()
        if self.dialogs_fail and message.get("method") == _DIALOG and isinstance(params, dict):
            raise PageDialog.of(params)


def _crashed() -> Killed:
    """A page's crash; Firefox does not report how its process ended."""
    words = "The page crashed (its process ended, was killed or ran out of memory)."
    return Killed(words, subject="The page's process")


def exception_text(details: Any) -> str:
    """The first line of a JavaScript exception as BiDi describes it."""
    return first_line(details.get("text") if isinstance(details, dict) else None)


def local_value(remote: Any) -> Any:
    """Convert a value serialized by BiDi to Python; None if it has no JSON form."""
    if not isinstance(remote, dict):
        return None
    value = remote.get("value")
    match remote.get("type"):
        case "string" | "boolean":
            return value
        case "number":
            return _NUMBERS.get(value) if isinstance(value, str) else value
        case "array" if isinstance(value, list):
            return [local_value(item) for item in value]
        case "object" if isinstance(value, list):
            pairs = [item for item in value if isinstance(item, list) and len(item) == 2]
            return {str(key): local_value(item) for key, item in pairs}
    return None


@contextmanager
def open_page(address: str, *, cancel: Event | None = None, stays: bool = False) -> Iterator[BidiPage]:
    """Open the empty tab of a newly started browser, in its only session, which ends with the browser.

    If the browser keeps its tabs when it ends (`stays`), the tab may take a moment to appear and is closed at the end.
    """
    with session(address, BidiNotices(), cancel=cancel, stays=stays) as (page, _):
        yield page


@contextmanager
def session(
    address: str, watch: BidiNotices, *, cancel: Event | None = None, stays: bool = False
) -> Iterator[tuple[BidiPage, Exchange]]:
    """The empty tab of `open_page`, whose events `watch` gets, and the connection to its browser."""
    with connected(f"{address.rstrip('/')}/session", watch.notice, cancel) as exchange:
        page = BidiPage(watch, exchange, "")
        page.call("session.new", {"capabilities": {"alwaysMatch": {}}}, timeout=_SESSION_SECONDS)
        context = _first_context(page, _TAB_SECONDS if stays else 0.0, cancel)
        page.call("session.subscribe", {"events": ["browsingContext.navigationCommitted"]})
        page.call("session.subscribe", {"events": [_DIALOG], "contexts": [context]})
        try:
            yield BidiPage(watch, exchange, context), exchange
        finally:
            if stays:
                with suppress(BlockFailed):
                    page.call("browsingContext.close", {"context": context}, timeout=_CLOSE_SECONDS)


def _first_context(page: BidiPage, patience: float, cancel: Event | None) -> str:
    """Context id of the tab that shows nothing yet, else of the first tab."""
    deadline = time.monotonic() + patience
    while True:
        contexts = page.call("browsingContext.getTree", {"maxDepth": 0}).get("contexts")
        tabs = [tab for tab in contexts if isinstance(tab, dict)] if isinstance(contexts, list) else []
        found = next((tab for tab in tabs if tab.get("url") == "about:blank"), tabs[0] if tabs else {})
        context = found.get("context")
        if isinstance(context, str):
            return context
        if time.monotonic() >= deadline or (cancel is not None and cancel.is_set()):
            raise BlockFailed("The browser reports no open page.", fault="bad answer")
        time.sleep(_POLL_SECONDS)
