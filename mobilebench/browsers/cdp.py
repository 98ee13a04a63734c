"""A page driven over the Chrome DevTools Protocol."""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any
from urllib.parse import quote, urlsplit

from mobilebench.browsers.page import Capability, PageDialog, PageNotOpened
from mobilebench.browsers.websocket_rpc import Exchange, Message, connected, cut, first_line, parse_message
from mobilebench.core.errors import BlockFailed, Killed

_HTTP_TIMEOUT = 15.0
_CLOSE_TIMEOUT = 5.0
_CRASH_REPORT_SECONDS = 0.5
_WORLD = "mobilebench-probe"
_MOST_WINDOWS = 100
_CAPABILITIES: frozenset[Capability] = frozenset({"stop scripts", "clear origin", "shape link", "processes", "trace"})


class CdpPage:
    """A DevTools tab; see `page.Page`. With a session it is a frame of the tab that has a process of its own."""

    capabilities = _CAPABILITIES

    def __init__(self, watch: CdpNotices, exchange: Exchange, session: str | None = None) -> None:
        self._watch = watch
        self._exchange = exchange
        self._session = session
        self._apart: int | None = None

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]:
        return self._ask(method, params or {}, timeout, f"{method} was not answered within {timeout:.0f} s.")

    def open(self, url: str, *, timeout: float = 60.0) -> None:
        self.call("Page.enable")
        self.call("Inspector.enable")
        self.call("Page.bringToFront")
        self._exchange.send("Target.setDiscoverTargets", {"discover": True})
        self._watch.loaded = False
        self._apart = None
        answer = self.call("Page.navigate", {"url": url}, timeout=timeout)
        if answer.get("errorText"):
            raise PageNotOpened(first_line(answer["errorText"]))
        late = f"The page was not loaded within {timeout:.0f} s."
        self._listen(lambda: self._watch.loaded, timeout, late)

    def evaluate(self, expression: str, *, timeout: float, what: str = "The page", apart: bool = False) -> Any:
        params: dict[str, Any] = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        if apart:
            params["contextId"] = self._world()
        try:
            answer = self._ask("Runtime.evaluate", params, timeout, f"{what} never answered within {timeout:.0f} s.")
        except BlockFailed as error:
            if error.fault == "bad answer":  # the document may be another one now
                self._apart = None
            raise
        if "exceptionDetails" in answer:
            exception = exception_text(answer["exceptionDetails"])
            raise BlockFailed(f"{what} threw an exception: {exception}", fault="page error")
        result = answer.get("result")
        return result.get("value") if isinstance(result, dict) else None

    def _world(self) -> int:
        """The number of the world beside the page's globals; it is made on its first use in a document."""
        if self._apart is None:
            tree = self.call("Page.getFrameTree").get("frameTree")
            frame = tree.get("frame") if isinstance(tree, dict) else None
            params = {"frameId": frame.get("id") if isinstance(frame, dict) else None, "worldName": _WORLD}
            made = self.call("Page.createIsolatedWorld", params).get("executionContextId")
            if not isinstance(made, int):
                raise BlockFailed("The browser gave no world for scripts beside the page's.", fault="bad answer")
            self._apart = made
        return self._apart

    def tell_cores(self, count: int) -> None:
        self.call("Emulation.setHardwareConcurrencyOverride", {"hardwareConcurrency": count})

    def stop_scripts(self) -> None:
        with suppress(BlockFailed):
            self._exchange.send("Runtime.terminateExecution", {})

    def clear_origin(self, origin: str) -> None:
        self.call("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})

    def trace_end(self, *, timeout: float) -> dict[str, Any]:
        late = f"The browser did not finish its trace within {timeout:.0f} s."
        self._listen(lambda: self._watch.trace_end is not None, timeout, late)
        ended, self._watch.trace_end = self._watch.trace_end, None
        return ended or {}

    def _ask(self, method: str, params: dict[str, Any], timeout: float, late: str) -> dict[str, Any]:
        try:
            message = self._exchange.ask(method, params, timeout, late, self._session)
        except _Crashed:
            raise self._crash() from None
        if "error" in message:
            error = message["error"]
            reason = error.get("message") if isinstance(error, dict) else error
            raise BlockFailed(f"The browser refused {method}: {reason}", fault="bad answer")
        result = message.get("result")
        if not isinstance(result, dict):
            raise BlockFailed(f"The browser's answer to {method} has no result.", fault="bad answer")
        return result

    def _listen(self, done: Callable[[], bool], timeout: float, late: str) -> None:
        try:
            self._exchange.listen(done, timeout, late)
        except _Crashed:
            raise self._crash() from None

    def _crash(self) -> BlockFailed:
        """The failure of a crashed page: the browser reports the reason shortly after the crash itself."""
        with suppress(BlockFailed):
            self._exchange.listen(lambda: self._watch.ended is not None, _CRASH_REPORT_SECONDS)
        return page_ended(self._watch.ended)


class _Crashed(BlockFailed):
    """The page's process ended."""

    def __init__(self) -> None:
        super().__init__("The page crashed.", fault="crash")


@dataclass
class CdpNotices:
    """Collects the events about the page `target` that the browser sends besides answers."""

    target: str
    loaded: bool = False
    crashed: bool = False
    ended: tuple[str, int] | None = None
    """Why the page's process ended, and its signal or exit code."""
    trace_end: dict[str, Any] | None = None
    """The event that reported the end of a trace."""
    dialogs_fail: bool = False
    """Whether a dialog of the page is a failure."""
    windows: list[str] = field(default_factory=list)
    """Ids of the windows and tabs that the page opened, and of those that they opened."""

    def notice(self, message: Message) -> None:
        """Handle one message; see `websocket_rpc.Notice`."""
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        match message.get("method"):
            case "Page.loadEventFired":
                self.loaded = True
            case "Tracing.tracingComplete":
                self.trace_end = params
            case "Inspector.targetCrashed" if not self.crashed:
                self.crashed = True
                raise _Crashed
            case "Target.targetCrashed" if params.get("targetId") == self.target:
                code = params.get("errorCode")
                self.ended = (str(params.get("status", "")), code if isinstance(code, int) else 0)
            case "Target.targetCreated":
                self._opened(params.get("targetInfo"))
            case "Page.javascriptDialogOpening" if self.dialogs_fail:
                raise PageDialog.of(params)
            case "Inspector.detached":
                why = first_line(params.get("reason") or "no reason given").rstrip(".")
                raise BlockFailed(f"The browser detached from the page: {why}.", fault="cut connection")

    def _opened(self, info: Any) -> None:
        if not isinstance(info, dict) or info.get("openerId") not in (self.target, *self.windows):
            return
        if len(self.windows) < _MOST_WINDOWS:
            self.windows.append(str(info.get("targetId", ""))[:100])


def page_ended(ended: tuple[str, int] | None) -> BlockFailed:
    """Failure of a page whose process ended, from the browser's reason and the signal or exit code."""
    match ended:
        case ("oom", _):
            return BlockFailed("The page's process was ended because memory ran out.", fault="killed for memory")
        case ("killed" | "oom protected", signal):
            return Killed(
                f"The page's process was killed (signal {signal}), as a system does when its memory runs out.",
                subject="The page's process",
            )
        case ("crashed" | "abnormal" | "failed to launch" as word, code):
            return BlockFailed(
                f"The page crashed (its process ended: {word}, signal or exit code {code}).", fault="crash"
            )
    return Killed("The page crashed (its process ended or ran out of memory).", subject="The page's process")


def exception_text(details: Any) -> str:
    """The first line of a JavaScript exception as DevTools describes it."""
    if not isinstance(details, dict):
        return first_line(None)
    exception = details.get("exception")
    described = exception.get("description") or exception.get("value") if isinstance(exception, dict) else None
    return first_line(described or details.get("text"))


def browser_version(address: str) -> str:
    """The version that the browser at `address` reports, such as `156.0.8078.79`."""
    answer = http_json(address, "GET", "/json/version")
    found = re.search(r"\d+(?:\.\d+)+", str(answer.get("Browser", "")))
    if not found:
        raise BlockFailed("The browser does not state its version over DevTools.", fault="bad answer")
    return found[0]


@contextmanager
def open_page(address: str, *, cancel: Event | None = None) -> Iterator[CdpPage]:
    """See `connect.open_page`."""
    tab = http_json(address, "PUT", "/json/new?about:blank")
    tab_id, socket = str(tab.get("id", "")), urlsplit(str(tab.get("webSocketDebuggerUrl", "")))
    if not tab_id or socket.scheme != "ws":
        raise BlockFailed("The browser opened a page, but reported no address for it.", fault="bad answer")
    watch = CdpNotices(tab_id, dialogs_fail=True)
    try:
        with connected(f"ws://{urlsplit(address).netloc}{socket.path}", watch.notice, cancel) as exchange:
            page = CdpPage(watch, exchange)
            try:
                yield page
            except BaseException:
                page.stop_scripts()
                raise
    finally:
        close_tabs(address, [tab_id, *watch.windows])


def close_tabs(address: str, ids: Iterable[str]) -> None:
    """Close tabs, as far as they are still there; does nothing if the browser is gone."""
    for tab_id in ids:
        try:
            _http(address, "GET", f"/json/close/{quote(tab_id, safe='')}", timeout=_CLOSE_TIMEOUT)
        except BlockFailed as error:
            if error.fault == "cut connection":
                return


def http_json(address: str, method: str, path: str) -> Message:
    """Return the JSON answer of the browser's DevTools endpoint."""
    return parse_message(_http(address, method, path))


def _http(address: str, method: str, path: str, *, timeout: float = _HTTP_TIMEOUT) -> bytes:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=timeout)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        body = response.read(1 << 20)
    except (OSError, http.client.HTTPException) as error:
        raise cut(error) from error
    finally:
        connection.close()
    if response.status != 200:
        asked = f"{method} {path.partition('?')[0]}"
        raise BlockFailed(f"The browser answered {response.status} to {asked}.", fault="bad answer")
    return body
