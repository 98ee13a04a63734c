"""A page that is not ours, driven over DevTools: opened with its content policy lifted and, if asked for, isolated.

Scripts run in a world of their own (`Page.createIsolatedWorld`): they share the page's thread and document, and none of
its globals. Whatever was switched on in the browser is switched off on leaving.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any
from urllib.parse import urldefrag, urlsplit

from mobilebench.browsers import cdp
from mobilebench.browsers.cdp import CdpNotices, CdpPage
from mobilebench.browsers.websocket_rpc import Exchange, Message, connected, first_line
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.scenarios.base import Outcome, of_net_error
from mobilebench.scenarios.injection.outcomes import PageFailed

LOAD_SECONDS = 30.0
_WORLD = "mobilebench"
_CALL_SECONDS = 15.0
_CLOSE_SECONDS = 5.0
_NAVIGATION_NOTICE_SECONDS = 0.5
_MOST_NOTED = 100
_LONGEST = 500
_ISOLATING = {
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "credentialless",
    "cross-origin-resource-policy": "cross-origin",
}
"""The headers that isolate a document. The last one lets it be a frame of an isolated page."""
_REDIRECTS = range(300, 400)
_SWITCHED_OFF: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Fetch.disable", {}),
    ("Network.setBypassServiceWorker", {"bypass": False}),
    ("Network.disable", {}),
    ("Page.setBypassCSP", {"enabled": False}),
)
"""The commands that undo what `ForeignPage.open` switches on."""


@dataclass
class ForeignNotices(CdpNotices):
    """Notes what the browser reports about a foreign page, and answers what would stop it."""

    send: Callable[[str, dict[str, Any]], int] = lambda *_: 0
    frame: str = ""
    """Id of the main frame."""
    dialogs: list[str] = field(default_factory=list)
    """Kind and text of every dialog."""
    addresses: list[str] = field(default_factory=list)
    """Every document that the main frame showed."""
    _bodies: dict[int, dict[str, Any]] = field(default_factory=dict)
    """Requests for the body of a document, by number of the command."""

    def notice(self, message: Message) -> None:
        super().notice(message)
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        match message.get("method"):
            case "Page.javascriptDialogOpening":
                kind = first_line(params.get("type"))
                _note(self.dialogs, f"{kind}: {first_line(params.get('message') or 'no text')}")
                self.send("Page.handleJavaScriptDialog", {"accept": kind == "beforeunload"})
            case "Page.frameNavigated":
                frame = params.get("frame")
                if isinstance(frame, dict) and "parentId" not in frame:
                    self.loaded = False
                    _note(self.addresses, str(frame.get("url", ""))[: 4 * _LONGEST])
            case "Fetch.requestPaused":
                self._isolate(params)
            case None if isinstance(number := message.get("id"), int) and number in self._bodies:
                self._answer(self._bodies.pop(number), message)

    def _isolate(self, paused: dict[str, Any]) -> None:
        """Ask for the body of a document, so that it can be answered with other headers."""
        status = paused.get("responseStatusCode")
        if not isinstance(status, int) or status in _REDIRECTS:
            self.send("Fetch.continueRequest", {"requestId": paused.get("requestId")})
            return
        self._bodies[self.send("Fetch.getResponseBody", {"requestId": paused.get("requestId")})] = paused

    def _answer(self, paused: dict[str, Any], message: Message) -> None:
        result = message.get("result")
        if not isinstance(result, dict):
            self.send("Fetch.continueRequest", {"requestId": paused.get("requestId")})
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
        self.send("Fetch.fulfillRequest", answer)


def isolated_headers(headers: Any) -> list[dict[str, str]]:
    """A document's headers with those that isolate it. The body is sent decoded: its coding and length are left out."""
    kept = [
        {"name": str(one.get("name")), "value": str(one.get("value"))}
        for one in (headers if isinstance(headers, list) else [])
        if isinstance(one, dict)
        and str(one.get("name")).lower() not in (*_ISOLATING, "content-encoding", "content-length", "transfer-encoding")
    ]
    return kept + [{"name": name, "value": value} for name, value in _ISOLATING.items()]


@dataclass(frozen=True)
class Opened:
    """What the browser reports about the page that it opened."""

    asked: str
    """The address that was asked for."""
    url: str
    """The address at which the page is."""
    title: str
    http_status: int | None
    """None for a page that did not come by http."""
    isolated: bool
    secure: bool
    frames: int
    """Number of frames inside the page."""
    service_worker: bool
    """Whether a service worker controls the page."""
    dialogs: tuple[str, ...]
    """Dialogs that were closed while it loaded."""

    @property
    def redirected(self) -> bool:
        """Whether the page is not at the address that was asked for, apart from the fragment and a closing slash."""
        return _plain(self.asked) != _plain(self.url)


class World:
    """Scripts beside the page's own, on the same thread."""

    def __init__(self, page: ForeignPage, context: int) -> None:
        self._page = page
        self._context = context

    def evaluate(self, expression: str, *, timeout: float = _CALL_SECONDS) -> Any:
        """Evaluate an expression, awaiting a promise.

        Raises:
            PageFailed: the page went away, or its main thread was busy for `timeout` seconds.
            BlockFailed: the expression threw.
        """
        params = {"expression": expression, "contextId": self._context, "awaitPromise": True, "returnByValue": True}
        return _value(self._page.call("Runtime.evaluate", params, timeout=timeout))

    def call_function(self, declaration: str, *arguments: Any, timeout: float = _CALL_SECONDS) -> Any:
        """Call a function with JSON arguments; see `evaluate`."""
        params = {
            "functionDeclaration": declaration,
            "arguments": [{"value": one} for one in arguments],
            "executionContextId": self._context,
            "awaitPromise": True,
            "returnByValue": True,
        }
        return _value(self._page.call("Runtime.callFunctionOn", params, timeout=timeout))


class ForeignPage:
    """A tab with a page that is not ours; see `foreign_page`."""

    def __init__(self, page: CdpPage, watch: ForeignNotices, exchange: Exchange) -> None:
        self._page = page
        self._watch = watch
        self._exchange = exchange
        self._opened = False

    @property
    def page(self) -> CdpPage:
        """The tab as any other page: for input, and for scripts among the page's own globals."""
        return self._page

    @property
    def dialogs(self) -> list[str]:
        """Every dialog so far; each was closed at once."""
        return self._watch.dialogs

    def open(self, url: str, *, isolate: bool = False, timeout: float = LOAD_SECONDS) -> Opened:
        """Open any address with its content policy lifted; wait for its load event.

        Args:
            url: the address.
            isolate: answer its documents with the headers that isolate it, which gives it WebAssembly threads.
            timeout: seconds for everything to load.

        Raises:
            PageFailed: it could not be opened; the outcome says why.
        """
        with self._named("never loaded"):
            for method in ("Page.enable", "Inspector.enable", "Page.bringToFront"):
                self._page.call(method)
            self._exchange.send("Target.setDiscoverTargets", {"discover": True})
            self._page.call("Page.setBypassCSP", {"enabled": True})
            if isolate:
                # A service worker would answer in place of the server, out of reach of the interception.
                self._page.call("Network.enable")
                self._page.call("Network.setBypassServiceWorker", {"bypass": True})
                patterns = [{"urlPattern": "*", "resourceType": "Document", "requestStage": "Response"}]
                self._page.call("Fetch.enable", {"patterns": patterns})
            self._watch.loaded = False
            self._watch.addresses.clear()
            answer = self._page.call("Page.navigate", {"url": url}, timeout=timeout)
            if text := str(answer.get("errorText") or ""):
                raise PageFailed(of_net_error(text), f"The browser could not open {url}: {text}.")
            opened = self._loaded(url, timeout)
        del self._watch.addresses[:-1]
        self._opened = True
        if opened.http_status is not None and opened.http_status >= 400:
            raise PageFailed("error page", f"The server answered {opened.http_status} to {url}.")
        return opened

    def world(self, name: str = _WORLD, *, frame: str | None = None) -> World:
        """A new world for scripts in the page.

        Args:
            name: how the browser's tools show it.
            frame: a part of the address of a frame inside the page; None: the page itself.

        Raises:
            Unsupported: the page's process shows no such frame; frames from other sites have processes of their own.
            PageFailed: the page runs no scripts.
        """
        params = {"frameId": self._frame_id(frame), "worldName": name}
        context = self.call("Page.createIsolatedWorld", params).get("executionContextId")
        if not isinstance(context, int):
            raise PageFailed("scripts blocked", "The browser gave no world for scripts in this page.")
        return World(self, context)

    def wait(self, seconds: float) -> None:
        """Let the page run; ends early with a failure if it crashes, navigates or shows a dialog."""
        with self._named("no answer"):
            self._exchange.listen(self._has_left, seconds)
        self.check()

    def check(self) -> None:
        """Raises `PageFailed` if the page left its address since it was opened."""
        if self._has_left():
            raise PageFailed("left", f"The page left its address for {self._watch.addresses[-1][:_LONGEST]}.")

    def call(
        self, method: str, params: dict[str, Any] | None = None, *, timeout: float = _CALL_SECONDS
    ) -> dict[str, Any]:
        """Send one command of the DevTools protocol."""
        with self._named("no answer"):
            return self._page.call(method, params, timeout=timeout)

    def close(self) -> None:
        """Switch off everything that `open` switched on."""
        for method, params in _SWITCHED_OFF:
            with suppress(BlockFailed):
                self._page.call(method, params, timeout=_CLOSE_SECONDS)

    def _frame_id(self, part: str | None) -> str:
        tree = self.call("Page.getFrameTree").get("frameTree")
        frames = list(_frames(tree))
        found = frames[0] if part is None else next((one for one in frames[1:] if part in str(one.get("url"))), None)
        if found is None:
            raise Unsupported(
                f"The page has no frame in its own process whose address contains {part}.",
                hint="Open the address of the frame as a page of its own.",
            )
        return str(found.get("id"))

    def _loaded(self, url: str, timeout: float) -> Opened:
        """Wait for the load event. A page may go on to another address at once, by a script."""
        deadline = time.monotonic() + timeout
        while True:
            late = f"{url} was not loaded within {timeout:g} s."
            self._exchange.listen(lambda: self._watch.loaded, deadline - time.monotonic(), late)
            try:
                return self._facts(url)
            except BlockFailed as error:
                if not _says_gone(error.message) or time.monotonic() >= deadline:
                    raise

    def _facts(self, asked: str) -> Opened:
        expression = """({url: location.href, title: document.title, isolated: crossOriginIsolated,
            secure: isSecureContext, frames: frames.length, worker: Boolean(navigator.serviceWorker?.controller),
            status: performance.getEntriesByType('navigation')[0]?.responseStatus ?? 0})"""
        found = self.world().evaluate(expression)
        if not isinstance(found, dict):
            raise PageFailed("scripts blocked", f"{asked} runs no scripts.")
        status = found.get("status")
        return Opened(
            asked=asked,
            url=str(found.get("url"))[: 4 * _LONGEST],
            title=str(found.get("title"))[:_LONGEST],
            http_status=status if isinstance(status, int) and status > 0 else None,
            isolated=found.get("isolated") is True,
            secure=found.get("secure") is True,
            frames=found["frames"] if isinstance(found.get("frames"), int) else 0,
            service_worker=found.get("worker") is True,
            dialogs=tuple(self._watch.dialogs),
        )

    def _has_left(self) -> bool:
        return self._opened and len(self._watch.addresses) > 1

    @contextmanager
    def _named(self, late: Outcome) -> Iterator[None]:
        """Name the failures of the browser's connection; one by lateness becomes the outcome `late`."""
        try:
            yield
        except PageFailed:
            raise
        except BlockFailed as error:
            if error.fault in ("crash", "killed for memory"):
                raise PageFailed("crashed", error.message) from error
            if error.fault == "hang":
                raise PageFailed(late, error.message) from error
            if error.fault == "cut connection":
                raise PageFailed("disconnected", error.message) from error
            if self._opened and _says_gone(error.message):
                with suppress(BlockFailed):
                    self._exchange.listen(self._has_left, _NAVIGATION_NOTICE_SECONDS)
                self.check()
            raise


def _frames(tree: Any) -> Iterator[dict[str, Any]]:
    """Every frame of a tree as `Page.getFrameTree` reports it, the outermost first."""
    left = [tree]
    while left:
        one = left.pop(0)
        if isinstance(one, dict) and isinstance(one.get("frame"), dict):
            yield one["frame"]
            children = one.get("childFrames")
            left += children if isinstance(children, list) else []


def _says_gone(message: str) -> bool:
    """Whether a refusal of the browser says that the document, in which a script ran, is gone."""
    return any(part in message for part in ("context", "navigated", "No frame"))


def _value(answer: dict[str, Any]) -> Any:
    if "exceptionDetails" in answer:
        text = cdp.exception_text(answer["exceptionDetails"])
        raise BlockFailed(f"The script in the page threw an exception: {text}", fault="page error")
    result = answer.get("result")
    return result.get("value") if isinstance(result, dict) else None


def _note(notes: list[str], text: str) -> None:
    if len(notes) < _MOST_NOTED:
        notes.append(text)


def _plain(url: str) -> str:
    return urldefrag(url).url.rstrip("/")


@contextmanager
def foreign_page(address: str, *, cancel: Event | None = None) -> Iterator[ForeignPage]:
    """Open an empty tab for a foreign page in the browser at `address`; leaving the context closes it.

    Raises:
        Unsupported: the browser is driven by another protocol than DevTools.
        BlockFailed: the browser cannot be reached, or opens no tab.
    """
    if not address.startswith("http"):
        raise Unsupported(
            "Inference is injected over DevTools, which Firefox does not speak: WebDriver BiDi has no command that "
            "lifts a page's content policy.",
            hint="Measure in Chrome: --browser chrome.",
        )
    tab = cdp.http_json(address, "PUT", "/json/new?about:blank")
    tab_id, socket = str(tab.get("id", "")), urlsplit(str(tab.get("webSocketDebuggerUrl", "")))
    if not tab_id or socket.scheme != "ws":
        raise BlockFailed("The browser opened a page, but reported no address for it.", fault="bad answer")
    watch = ForeignNotices(tab_id)
    try:
        with connected(f"ws://{urlsplit(address).netloc}{socket.path}", watch.notice, cancel) as exchange:
            watch.send = exchange.send
            page = CdpPage(watch, exchange)
            foreign = ForeignPage(page, watch, exchange)
            try:
                yield foreign
            except BaseException:
                page.stop_scripts()
                raise
            finally:
                foreign.close()
    finally:
        cdp.close_tab(address, tab_id)
