"""The site live, on this computer only: pages are made when they are asked for, and nothing can be changed."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from mobilebench.analysis.over_nights import Night
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.site import html, names
from mobilebench.site.contents import Contents, digest

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
LOOPBACK_6 = "::1"
FRESH_SECONDS = 10.0
"""The store is looked at again when what was read is older."""
_MOST_PAGES = 200
_PATIENCE_SECONDS = 30
Read = Callable[[Mapping[str, Night]], tuple[Night, ...]]
"""Reads the nights of a store, given those that are known, by run id."""


@dataclass(frozen=True)
class _Page:
    generation: int
    """Of which contents it was made."""
    digest: str
    """Of all that it shows."""
    body: bytes


class Live:
    """The newest contents of a store, and the pages that were made of them.

    A page is made once for each contents, and contents once for each state of the store.
    """

    def __init__(
        self, read: Read, now: Callable[[], float] = time.monotonic, state: Callable[[], object] = object
    ) -> None:
        """`state` tells what the store holds, faster than reading it: while it is equal, nothing is read again. By
        default it is another one each time.
        """
        self._read = read
        self._now = now
        self._state_of = state
        self._lock = threading.Lock()
        self._nights: tuple[Night, ...] = ()
        self._contents: Contents | None = None
        self._state: object = None
        self._generation = 0
        self._at = 0.0
        self._made: OrderedDict[str, _Page] = OrderedDict()

    def page(self, name: str) -> bytes | None:
        """The page of this name; None if there is none.

        Raises:
            MobilebenchError: the store cannot be read.
        """
        with self._lock:
            contents = self._current()
            if name not in contents:
                return None
            known = self._made.get(name)
            if known is None or known.generation != self._generation:
                document = contents.document(name)
                data = digest(document)
                body = known.body if known and known.digest == data else html.render(name, document).encode()
                known = self._made[name] = _Page(self._generation, data, body)
            self._made.move_to_end(name)
            while len(self._made) > _MOST_PAGES:
                self._made.popitem(last=False)
            return known.body

    def _current(self) -> Contents:
        if self._contents is None or self._now() - self._at >= FRESH_SECONDS:
            state = self._state_of()
            if self._contents is None or state != self._state:
                nights = self._read({night.info.id: night for night in self._nights})
                if self._contents is None or not _same(nights, self._nights):
                    self._nights, self._contents = nights, Contents(nights)
                    self._generation += 1
                self._state = state
            self._at = self._now()
        return self._contents


def _same(one: tuple[Night, ...], other: tuple[Night, ...]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


class HistoryServer:
    """Serves the pages at a loopback address until it is closed."""

    def __init__(self, live: Live, address: str = LOOPBACK, port: int = 0) -> None:
        """Listen.

        Raises:
            BadInput: the address is not of this computer alone, or it cannot be listened at.
        """
        host = require_loopback(address)
        try:
            self._server = (_Server6 if ":" in host else _Server)((host, port), _handler(live))
        except OSError as error:
            raise BadInput(
                f"Port {port} of {host} cannot be listened at: {error.strerror or error}.",
                hint="Choose another port with --port; 0 selects a free one.",
            ) from error
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://[{host!s}]:{port}/" if ":" in str(host) else f"http://{host!s}:{port}/"

    def close(self) -> None:
        """Stop listening. A request in progress is cut off when the program ends."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Server6(_Server):
    address_family = socket.AF_INET6


def require_loopback(address: str) -> str:
    """The loopback address of this name.

    Raises:
        BadInput: it is another address.
    """
    if address == "localhost":
        return LOOPBACK
    if _is_loopback(address):
        return address
    raise BadInput(
        f"The history is served on this computer only, not at {address}: it asks nobody for a password, and "
        "authentication is a reverse proxy's job.",
        hint="Leave out --listen, and put nginx or Caddy in front of it (docs/site.md shows both).",
    )


def _handler(live: Live) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE_SECONDS

        def version_string(self) -> str:
            return "mobilebench"

        def do_GET(self) -> None:
            self._answer()

        def do_HEAD(self) -> None:
            self._answer()

        def __getattr__(self, name: str) -> Callable[[], None]:
            """Every other method is refused, whatever its name."""
            if name.startswith("do_"):
                return lambda: self._send(HTTPStatus.METHOD_NOT_ALLOWED, b"Only GET and HEAD.\n", "text/plain")
            raise AttributeError(name)

        def _answer(self) -> None:
            if not _is_own_host(self.headers.get("Host")):
                self._send(HTTPStatus.MISDIRECTED_REQUEST, b"Not the name of this server.\n", "text/plain")
                return
            name = urlsplit(self.path).path.removeprefix("/") or names.START
            try:
                body = live.page(name) if names.PAGE.fullmatch(name) else None
            except MobilebenchError as error:
                log.warning("The store cannot be read: %s", error.message)
                self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"The store cannot be read now.\n", "text/plain")
                return
            if body is None:
                self._send(HTTPStatus.NOT_FOUND, b"There is no such page.\n", "text/plain")
            else:
                self._send(HTTPStatus.OK, body, "text/html")

        def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            for header, value in _HEADERS.items():
                self.send_header(header, value)
            if status == HTTPStatus.METHOD_NOT_ALLOWED:
                self.send_header("Allow", "GET, HEAD")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given by the library
            log.debug(format, *args)

    return Handler


_HEADERS = {
    "Content-Security-Policy": f"{html.policy()}; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def _is_own_host(header: str | None) -> bool:
    """Whether a request names this computer. A page of a foreign name that leads here is not to read the history."""
    text = header or ""
    if text.startswith("["):
        host, closed, port = text[1:].partition("]")
        return bool(closed) and port[:1] in ("", ":") and ":" in host and _is_loopback(host)
    host = text.rpartition(":")[0] or text
    return host == "localhost" or (":" not in host and _is_loopback(host))


def _is_loopback(address: str) -> bool:
    """Whether it is an address of the loopback network of IPv4, or that of IPv6."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return found == ipaddress.IPv6Address(LOOPBACK_6) if found.version == 6 else found.is_loopback
