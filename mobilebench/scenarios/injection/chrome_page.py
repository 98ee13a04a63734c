"""A page that is not ours in Chrome, driven over DevTools.

Its content policy is lifted by `Page.setBypassCSP`, its documents are isolated by `Fetch.fulfillRequest`, and scripts
get worlds by `Page.createIsolatedWorld`. Frames of other sites have processes of their own, and with them sessions of
their own (`Target.setAutoAttach`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from mobilebench.browsers import cdp
from mobilebench.browsers.cdp import CdpNotices, CdpPage
from mobilebench.browsers.websocket_rpc import Exchange, Message, connected, first_line
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.scenarios.base import ScenarioFailed, of_net_error
from mobilebench.scenarios.injection.foreign_page import (
    CALL_SECONDS,
    CLOSE_SECONDS,
    ISOLATING,
    LONGEST,
    REDIRECTS,
    WORLD,
    ForeignPage,
    World,
    note,
)

_ATTACH: dict[str, Any] = {
    "autoAttach": True,
    "waitForDebuggerOnStart": False,
    "flatten": True,
    "filter": [{"type": "iframe", "exclude": False}, {"exclude": True}],
}
"""Attaches to frames that have processes of their own. They are not held up for it: Chrome would hold workers, too, and
not always let them go.
"""
_DOCUMENTS = {"urlPattern": "*", "resourceType": "Document", "requestStage": "Response"}
_ERROR = "chrome-error:"
"""Beginning of the address of a frame that could not be loaded."""
_SWITCHED_OFF: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Fetch.disable", {}),
    ("Network.setBypassServiceWorker", {"bypass": False}),
    ("Network.disable", {}),
    ("Page.setBypassCSP", {"enabled": False}),
    ("Target.setAutoAttach", {"autoAttach": False, "waitForDebuggerOnStart": False, "flatten": True}),
)
"""The commands that undo what `open` switches on."""


@dataclass
class ForeignNotices(CdpNotices):
    """Notes what the browser reports about a foreign page, and answers what would stop it."""

    send: Callable[[str, dict[str, Any], str | None], int] = lambda *_: 0
    isolates: bool = False
    """Whether documents are answered as isolated ones."""
    dialogs: list[str] = field(default_factory=list)
    """Kind and text of every dialog."""
    addresses: list[str] = field(default_factory=list)
    """Every document that the main frame showed."""
    sessions: list[str] = field(default_factory=list)
    """Sessions of the frames that have processes of their own."""
    _bodies: dict[int, tuple[dict[str, Any], str | None]] = field(default_factory=dict)
    """Requests for the body of a document, with their sessions, by number of the command."""

    def notice(self, message: Message) -> None:
        session = message.get("sessionId")
        if session is None:
            super().notice(message)
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        match message.get("method"):
            case "Page.javascriptDialogOpening" if session is None:
                kind = first_line(params.get("type"))
                note(self.dialogs, f"{kind}: {first_line(params.get('message') or 'no text')}")
                self.send("Page.handleJavaScriptDialog", {"accept": kind == "beforeunload"}, None)
            case "Page.frameNavigated" if session is None:
                frame = params.get("frame")
                if isinstance(frame, dict) and "parentId" not in frame:
                    self.loaded = False
                    note(self.addresses, str(frame.get("url", ""))[: 4 * LONGEST])
            case "Target.attachedToTarget" if isinstance(attached := params.get("sessionId"), str):
                self.sessions.append(attached)
                self.send("Target.setAutoAttach", _ATTACH, attached)
            case "Target.detachedFromTarget" if params.get("sessionId") in self.sessions:
                self.sessions.remove(str(params["sessionId"]))
            case "Fetch.requestPaused":
                self._isolate(params, session)
            case None if isinstance(number := message.get("id"), int) and number in self._bodies:
                self._answer(*self._bodies.pop(number), message)

    def _isolate(self, paused: dict[str, Any], session: str | None) -> None:
        """Ask for the body of a document, so that it can be answered with other headers."""
        request = {"requestId": paused.get("requestId")}
        status = paused.get("responseStatusCode")
        if not isinstance(status, int) or status in REDIRECTS:
            self.send("Fetch.continueRequest", request, session)
            return
        self._bodies[self.send("Fetch.getResponseBody", request, session)] = (paused, session)

    def _answer(self, paused: dict[str, Any], session: str | None, message: Message) -> None:
        result = message.get("result")
        if not isinstance(result, dict):
            self.send("Fetch.continueRequest", {"requestId": paused.get("requestId")}, session)
            return
        body = str(result.get("body", ""))
        if not result.get("base64Encoded"):
            body = base64.b64encode(body.encode()).decode()
        answer = {
            "requestId": paused.get("requestId"),
            "responseCode": paused.get("responseStatusCode"),
            "responseHeaders": isolated_headers(paused.get("responseHeaders")),
            "body": body,
        }
        self.send("Fetch.fulfillRequest", answer, session)


def _set_up(isolates: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    """The commands that lift the page's policies, and find its frames."""
    yield "Page.enable", {}
    yield "Page.setBypassCSP", {"enabled": True}
    yield "Target.setAutoAttach", _ATTACH
    if isolates:
        # A service worker would answer in place of the server, out of reach of the interception.
        yield "Network.enable", {}
        yield "Network.setBypassServiceWorker", {"bypass": True}
        yield "Fetch.enable", {"patterns": [_DOCUMENTS]}


def isolated_headers(headers: Any) -> list[dict[str, str]]:
    """A document's headers with those that isolate it. The body is sent decoded: its coding and length are left out."""
    kept = [
        {"name": str(one.get("name")), "value": str(one.get("value"))}
        for one in (headers if isinstance(headers, list) else [])
        if isinstance(one, dict)
        and str(one.get("name")).lower() not in (*ISOLATING, "content-encoding", "content-length", "transfer-encoding")
    ]
    return kept + [{"name": name, "value": value} for name, value in ISOLATING.items()]


class _World:
    """See `foreign_page.World`."""

    def __init__(self, call: Callable[..., dict[str, Any]], context: int) -> None:
        self._call = call
        self._context = context

    def evaluate(self, expression: str, *, timeout: float = CALL_SECONDS) -> Any:
        params = {"expression": expression, "contextId": self._context, "awaitPromise": True, "returnByValue": True}
        return _value(self._call("Runtime.evaluate", params, timeout=timeout))

    def call_function(self, declaration: str, *arguments: Any, timeout: float = CALL_SECONDS) -> Any:
        params = {
            "functionDeclaration": declaration,
            "arguments": [{"value": one} for one in arguments],
            "executionContextId": self._context,
            "awaitPromise": True,
            "returnByValue": True,
        }
        return _value(self._call("Runtime.callFunctionOn", params, timeout=timeout))


class ChromePage(ForeignPage):
    """See `foreign_page.ForeignPage`."""

    def __init__(self, page: CdpPage, watch: ForeignNotices, exchange: Exchange) -> None:
        super().__init__(watch, exchange)
        self._page = page
        self._watch: ForeignNotices = watch

    @property
    def page(self) -> CdpPage:
        return self._page

    def _navigate(self, url: str, *, isolate: bool, timeout: float) -> None:
        if self._watch.addresses:
            self.close()
            self._watch.sessions.clear()
        self._watch.isolates = isolate
        for method, params in (*_set_up(isolate), ("Inspector.enable", {}), ("Page.bringToFront", {})):
            self._page.call(method, params)
        self._exchange.send("Target.setDiscoverTargets", {"discover": True})
        self._watch.loaded = False
        self._watch.addresses.clear()
        answer = self._page.call("Page.navigate", {"url": url}, timeout=timeout)
        if text := str(answer.get("errorText") or ""):
            raise ScenarioFailed(of_net_error(text), f"The browser could not open {url}: {text}.")

    def world(self, name: str = WORLD, *, frame: str | None = None) -> World:
        call, frame_id = self._found(frame)
        context = call("Page.createIsolatedWorld", {"frameId": frame_id, "worldName": name}).get("executionContextId")
        if not isinstance(context, int):
            raise ScenarioFailed("scripts blocked", "The browser gave no world for scripts in this page.")
        return _World(call, context)

    def frames_elsewhere(self) -> int:
        return len(self._watch.sessions)

    def frames_failed(self) -> int:
        return sum(str(frame.get("url")).startswith(_ERROR) for frame, _ in self._inner())

    def close(self) -> None:
        for method, params in _SWITCHED_OFF:
            with suppress(BlockFailed):
                self._page.call(method, params, timeout=CLOSE_SECONDS)

    def _found(self, part: str | None) -> tuple[Callable[..., dict[str, Any]], str]:
        """How commands reach a frame, and its id."""
        if part is None:
            return self.call, str(self._tree(None)[0].get("id"))
        for frame, session in self._inner():
            if part in str(frame.get("url")):
                return self._sending(session), str(frame.get("id"))
        raise Unsupported(
            f"The page shows no frame whose address contains {part}.",
            hint="Chrome loads no frames of other sites into a page that we isolated."
            if self._watch.isolates
            else None,
        )

    def _inner(self) -> Iterator[tuple[dict[str, Any], str | None]]:
        """Every frame inside the page, with its session if it has one."""
        yield from ((frame, None) for frame in self._tree(None)[1:])
        for session in list(self._watch.sessions):
            with suppress(BlockFailed):
                yield from ((frame, session) for frame in self._tree(session))

    def _tree(self, session: str | None) -> list[dict[str, Any]]:
        """The frames that share a process with the page, or with the frame of a session; the outermost first."""
        frames = list(_frames(self._sending(session)("Page.getFrameTree").get("frameTree")))
        if not frames:
            raise BlockFailed("The browser does not report the page's frames.", fault="bad answer")
        return frames

    def _sending(self, session: str | None) -> Callable[..., dict[str, Any]]:
        """Sends commands to the page, or to a frame that has a session of its own."""
        frame = self._page if session is None else CdpPage(self._watch, self._exchange, session)

        def call(method: str, params: dict[str, Any] | None = None, *, timeout: float = CALL_SECONDS) -> dict[str, Any]:
            with self._named("no answer"):
                return frame.call(method, params, timeout=timeout)

        return call


def _frames(tree: Any) -> Iterator[dict[str, Any]]:
    """Every frame of a tree as `Page.getFrameTree` reports it, the outermost first."""
    left = [tree]
    while left:
        one = left.pop(0)
        if isinstance(one, dict) and isinstance(one.get("frame"), dict):
            yield one["frame"]
            children = one.get("childFrames")
            left += children if isinstance(children, list) else []


def _value(answer: dict[str, Any]) -> Any:
    if "exceptionDetails" in answer:
        text = cdp.exception_text(answer["exceptionDetails"])
        raise BlockFailed(f"The script in the page threw an exception: {text}", fault="page error")
    result = answer.get("result")
    return result.get("value") if isinstance(result, dict) else None


@contextmanager
def foreign_page(address: str, *, cancel: Event | None = None) -> Iterator[ChromePage]:
    """See `opening.foreign_page`."""
    tab = cdp.http_json(address, "PUT", "/json/new?about:blank")
    tab_id, socket = str(tab.get("id", "")), urlsplit(str(tab.get("webSocketDebuggerUrl", "")))
    if not tab_id or socket.scheme != "ws":
        raise BlockFailed("The browser opened a page, but reported no address for it.", fault="bad answer")
    watch = ForeignNotices(tab_id)
    try:
        with connected(f"ws://{urlsplit(address).netloc}{socket.path}", watch.notice, cancel) as exchange:
            watch.send = exchange.send
            page = CdpPage(watch, exchange)
            foreign = ChromePage(page, watch, exchange)
            try:
                yield foreign
            except BaseException:
                page.stop_scripts()
                raise
            finally:
                foreign.close()
    finally:
        cdp.close_tabs(address, [tab_id, *watch.windows])
