"""A page that is not ours in Firefox, driven over WebDriver BiDi.

Responses are held (`network.addIntercept`) until its load event: documents go on without the headers of a content
policy and, if asked for, with those that isolate them. Scripts get worlds by BiDi's sandboxes, in which `eval` and
WebAssembly are not subject to the page's policy. A policy in the document itself is taken out of its text, and the
document is opened once more from that text (`network.provideResponse`).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any
from urllib.parse import urldefrag, urlsplit

from mobilebench.browsers import bidi
from mobilebench.browsers.bidi import BidiNotices, BidiPage
from mobilebench.browsers.websocket_rpc import Exchange, Message, first_line
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.scenarios.base import ScenarioFailed, of_net_error
from mobilebench.scenarios.injection.foreign_page import (
    CALL_SECONDS,
    CLOSE_SECONDS,
    ISOLATING,
    LOAD_SECONDS,
    LONGEST,
    REDIRECTS,
    WORLD,
    ForeignPage,
    Opened,
    World,
    note,
)

_EVENTS = [
    "browsingContext.load",
    "browsingContext.downloadWillBegin",
    "network.beforeRequestSent",
    "network.responseStarted",
    "network.responseCompleted",
]
_POLICIES = ("content-security-policy", "content-security-policy-report-only")
_OF_TRANSFER = ("content-encoding", "content-length", "transfer-encoding", "trailer")
"""Headers that say how a response's text was sent."""
_DOCUMENTS = ("document", "iframe", "frame")
"""Destinations of requests whose responses are documents."""
_MOST_BYTES = 10_000_000
"""The longest document whose own policy can be lifted."""
_HAS_POLICY = "document.querySelector('head > meta[http-equiv=\"content-security-policy\" i]') !== null"
_INTERRUPTED = "interrupted an unfinished navigation"
_IN_PATTERNS = re.compile(r"[(){}*\\]")
"""Characters with a meaning of their own in BiDi's patterns of addresses."""
_META_POLICY = re.compile(rb"(<meta\b[^>]*?)\bhttp-equiv(\s*=\s*[\"']?\s*content-security-policy)", re.IGNORECASE)


@dataclass
class ForeignNotices(BidiNotices):
    """Notes what the browser reports about a foreign page, and lets its responses go on."""

    send: Callable[[str, dict[str, Any]], int] = lambda *_: 0
    context: str = ""
    """Id of the tab."""
    dialogs_fail: bool = False
    isolates: bool = False
    """Whether documents go on as isolated ones."""
    loaded: bool = False
    downloads: str = ""
    """The address, if it is a download."""
    dialogs: list[str] = field(default_factory=list)
    """Kind and text of every dialog. The browser closes each at once."""
    addresses: list[str] = field(default_factory=list)
    """Every document that the main frame showed."""
    document: dict[str, Any] = field(default_factory=dict)
    """How the response of the newest document went on."""
    provided: dict[str, Any] = field(default_factory=dict)
    """What answers the request for a document that is opened once more."""

    def notice(self, message: Message) -> None:
        super().notice(message)
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        ours = params.get("context") == self.context
        match message.get("method"):
            case "browsingContext.navigationCommitted" if ours:
                self.loaded = False
                note(self.addresses, str(params.get("url", ""))[: 4 * LONGEST])
            case "browsingContext.load" if ours:
                self.loaded = True
            case "browsingContext.downloadWillBegin" if ours:
                self.downloads = first_line(params.get("url") or "The address")
            case "browsingContext.userPromptOpened":
                text = first_line(params.get("message") or "no text")
                note(self.dialogs, f"{first_line(params.get('type'))}: {text}")
            case "network.responseStarted" if params.get("isBlocked") is True:
                goes_on = continued(params, isolate=self.isolates)
                if ours and "headers" in goes_on:
                    self.document = goes_on
                self.send("network.continueResponse", goes_on)
            case "network.beforeRequestSent" if params.get("isBlocked") is True:
                request = params.get("request")
                request = request.get("request") if isinstance(request, dict) else None
                self.send("network.provideResponse", {**self.provided, "request": request})


def continued(event: dict[str, Any], *, isolate: bool) -> dict[str, Any]:
    """How a response goes on that the browser holds: a document without content policy, anything else as it is."""
    request, response = (one if isinstance(one, dict) else {} for one in (event.get("request"), event.get("response")))
    same = {"request": request.get("request")}
    if request.get("destination") not in _DOCUMENTS or response.get("status") in REDIRECTS:
        return same
    dropped = (*_POLICIES, *ISOLATING) if isolate else _POLICIES
    headers = [
        one
        for one in (response.get("headers") or [])
        if isinstance(one, dict) and str(one.get("name")).lower() not in dropped
    ]
    added = ISOLATING if isolate else {}
    return {
        **same,
        "headers": headers
        + [{"name": name, "value": {"type": "string", "value": value}} for name, value in added.items()],
    }


class _World:
    """See `foreign_page.World`."""

    def __init__(self, page: FirefoxPage, realm: str) -> None:
        self._page = page
        self._target = {"realm": realm}

    def evaluate(self, expression: str, *, timeout: float = CALL_SECONDS) -> Any:
        asked = {"expression": expression, "target": self._target, "awaitPromise": True}
        return _value(self._page.call("script.evaluate", asked, timeout=timeout))

    def call_function(self, declaration: str, *arguments: Any, timeout: float = CALL_SECONDS) -> Any:
        asked = {
            "functionDeclaration": f"(text) => ({declaration})(...JSON.parse(text))",
            "arguments": [{"type": "string", "value": json.dumps(arguments)}],
            "target": self._target,
            "awaitPromise": True,
        }
        return _value(self._page.call("script.callFunction", asked, timeout=timeout))


class FirefoxPage(ForeignPage):
    """See `foreign_page.ForeignPage`."""

    def __init__(self, page: BidiPage, watch: ForeignNotices, exchange: Exchange) -> None:
        super().__init__(watch, exchange)
        self._page = page
        self._watch: ForeignNotices = watch
        self._undo: list[tuple[str, dict[str, Any]]] = []
        """What switches off what was switched on, the last first."""

    @property
    def page(self) -> BidiPage:
        return self._page

    def open(self, url: str, *, isolate: bool = False, timeout: float = LOAD_SECONDS) -> Opened:
        opened = super().open(url, isolate=isolate, timeout=timeout)
        self._release()
        return opened

    def _navigate(self, url: str, *, isolate: bool, timeout: float) -> None:
        watch, here = self._watch, [self._page.context]
        self._release()
        self._page.call("session.subscribe", {"events": _EVENTS, "contexts": here})
        self._undo.append(("session.unsubscribe", {"events": _EVENTS[2:], "contexts": here}))
        self._hold({"phases": ["responseStarted"], "contexts": here})
        collects = {"dataTypes": ["response"], "maxEncodedDataSize": _MOST_BYTES, "contexts": here}
        collector = self._page.call("network.addDataCollector", collects).get("collector")
        self._undo.append(("network.removeDataCollector", {"collector": collector}))
        watch.isolates = isolate
        watch.addresses.clear()
        self._go(url, timeout)

    def _hold(self, what: dict[str, Any]) -> None:
        held = self._page.call("network.addIntercept", what).get("intercept")
        self._undo.append(("network.removeIntercept", {"intercept": held}))

    def _go(self, url: str, timeout: float) -> None:
        watch = self._watch
        watch.loaded, watch.downloads = False, ""
        asked = {"context": self._page.context, "url": url, "wait": "none"}
        deadline, late = time.monotonic() + timeout, f"{url} did not answer."
        message = self._exchange.ask("browsingContext.navigate", asked, timeout, late)
        if _INTERRUPTED in str(message.get("message")):  # an earlier navigation was, which had not ended in time
            message = self._exchange.ask("browsingContext.navigate", asked, deadline - time.monotonic(), late)
        self._refuse_download()
        if "error" in message:
            text = first_line(message.get("message") or message["error"])
            raise ScenarioFailed(of_net_error(text), f"The browser could not open {url}: {text}.")

    def _has_loaded(self) -> bool:
        self._refuse_download()
        return super()._has_loaded()

    def _refuse_download(self) -> None:
        """Raises `ScenarioFailed` if the address is a download; the browser may say so only after its answer."""
        if address := self._watch.downloads:
            raise ScenarioFailed("not a page", f"{address} is a download.")

    def _loaded(self, url: str, deadline: float, late: str) -> Opened:
        opened = super()._loaded(url, deadline, late)
        if self.world().evaluate(_HAS_POLICY) is not True:
            return opened
        watch = self._watch
        body, changed = _META_POLICY.subn(rb"\1data-http-equiv\2", self._text_of_document())
        if changed:
            status = opened.http_status or 200
            headers = [one for one in watch.document["headers"] if str(one["name"]).lower() not in _OF_TRANSFER]
            content = {"type": "base64", "value": base64.b64encode(body).decode()}
            watch.provided = {"statusCode": status, "headers": headers, "body": content}
            pattern = {"type": "string", "pattern": _IN_PATTERNS.sub(r"\\\g<0>", urldefrag(opened.url).url)}
            here = [self._page.context]
            self._hold({"phases": ["beforeRequestSent"], "contexts": here, "urlPatterns": [pattern]})
            self._go(opened.url, deadline - time.monotonic())
            opened = replace(super()._loaded(url, deadline, late), dialogs=opened.dialogs)
        if self.world().evaluate(_HAS_POLICY) is True:
            raise Unsupported(
                "The page's document sets a content policy that Firefox offers no way to lift.",
                hint="Measure in Chrome: --browser chrome.",
            )
        return opened

    def _text_of_document(self) -> bytes:
        """The newest document as its server sent it; empty if the browser did not keep it, or not as it was."""
        asked = {"dataType": "response", "request": self._watch.document.get("request")}
        try:
            found = self._page.call("network.getData", asked).get("bytes")
            value = str(found.get("value")) if isinstance(found, dict) else ""
            if isinstance(found, dict) and found.get("type") == "base64":
                return base64.b64decode(value)
            # The browser decodes texts as UTF-8, whatever they are.
            readable = value.isascii() or self.world().evaluate("document.characterSet") == "UTF-8"
            return value.encode() if readable else b""
        except (BlockFailed, binascii.Error):
            return b""

    def world(self, name: str = WORLD, *, frame: str | None = None) -> World:
        target = {"context": self._context(frame), "sandbox": name}
        answer = self.call("script.evaluate", {"expression": "undefined", "target": target, "awaitPromise": False})
        realm = answer.get("realm")
        if not isinstance(realm, str):
            raise ScenarioFailed("scripts blocked", "The browser gave no world for scripts in this page.")
        return _World(self, realm)

    def frames_elsewhere(self) -> int:
        """Firefox does not report the processes of frames: those of other hosts are counted."""
        page, *inner = self._frames()
        return sum(_site(one) not in ("", _site(page)) for one in inner)

    def close(self) -> None:
        self._release()

    def _release(self) -> None:
        """Hold no more requests and responses, and keep none."""
        while self._undo:
            method, params = self._undo.pop()
            with suppress(BlockFailed):
                self._page.call(method, params, timeout=CLOSE_SECONDS)

    def _context(self, part: str | None) -> str:
        if part is None:
            return self._page.context
        for frame in self._frames()[1:]:
            if part in str(frame.get("url")):
                return str(frame.get("context"))
        raise Unsupported(f"The page has no frame whose address contains {part}.")

    def _frames(self) -> list[dict[str, Any]]:
        """The page and every frame in it, the outermost first."""
        tree = self.call("browsingContext.getTree", {"root": self._page.context}).get("contexts")
        left = [one for one in (tree if isinstance(tree, list) else []) if isinstance(one, dict)]
        found = []
        while left:
            one = left.pop(0)
            found.append(one)
            left += [inner for inner in (one.get("children") or []) if isinstance(inner, dict)]
        if not found:
            raise ScenarioFailed("disconnected", "The browser does not report the page any more.")
        return found


def _site(frame: dict[str, Any]) -> str:
    """The host of a frame's address; empty for one that has none, such as `about:blank`."""
    return urlsplit(str(frame.get("url"))).netloc


def _value(answer: dict[str, Any]) -> Any:
    if answer.get("type") == "exception":
        text = bidi.exception_text(answer.get("exceptionDetails"))
        raise BlockFailed(f"The script in the page threw an exception: {text}", fault="page error")
    return bidi.local_value(answer.get("result"))


@contextmanager
def foreign_page(address: str, *, cancel: Event | None = None, stays: bool = False) -> Iterator[FirefoxPage]:
    """See `opening.foreign_page`."""
    watch = ForeignNotices()
    with bidi.session(address, watch, cancel=cancel, stays=stays) as (page, exchange):
        watch.send, watch.context = exchange.send, page.context
        foreign = FirefoxPage(page, watch, exchange)
        try:
            yield foreign
        finally:
            foreign.close()
