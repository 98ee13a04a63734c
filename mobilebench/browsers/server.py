"""The page server: the built pages and the models, to this computer's own browsers and, reversed, to phones.

It listens on loopback, unless it is told another address. Every visit (one block) has its own secret path, so nothing
is cached from one block to the next, and its own log of what was really served. Only files named beforehand can be
asked for: a request is looked up among them, never turned into a path.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, cast, get_args

from mobilebench.browsers.compression import compressed
from mobilebench.browsers.turns import Turns
from mobilebench.errors import BadInput, MobilebenchError
from mobilebench.results.records import Encoding
from mobilebench.sums import known_sha256

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.abc import AbstractStreamWriter

LOOPBACK = "127.0.0.1"
TURN = "turn"
"""Under this name a page waits for its turn to download (GET), and gives it up (DELETE)."""
LARGEST_POST = 32_000_000
"""Bytes that a page may send."""

_MIME = {
    ".bin": "application/octet-stream",
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".onnx": "application/octet-stream",
    ".wasm": "application/wasm",
}
_HEADERS = {
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_NEVER_KEPT = {"Cache-Control": "no-store"}
_KEPT = {"Cache-Control": "private, max-age=86400, immutable"}
_SENT = (200, 206)
_START_SECONDS = 15
_LOG_SECONDS = 2

Receiver = Callable[[bytes], Any]
"""Takes what a page sends, and gives a JSON value to answer; runs in a thread of its own."""


@dataclass(frozen=True)
class Served:
    """One request for a file, and what came of it."""

    name: str
    """As the page asked for it, below the visit's secret path."""
    file: Path
    """The file of this name, not compressed."""
    status: int
    bytes: int
    """Of the body that was sent, as it was encoded."""
    encoding: Encoding
    whole: bool
    """False when the connection ended before the last byte."""
    started: float
    first_byte: float
    ended: float
    """Seconds of `time.monotonic()`: the request is here, the answer begins, its last byte is handed to the system."""

    @property
    def sha256(self) -> str:
        """Of the whole file, not compressed."""
        return known_sha256(self.file)


class Visit:
    """One block's share of the server."""

    def __init__(
        self,
        files: Mapping[str, Path],
        *,
        encoding: Encoding = "identity",
        smaller: Mapping[Path, Path] | None = None,
        cacheable: bool = False,
        receivers: Mapping[str, Receiver] | None = None,
    ) -> None:
        self.token = secrets.token_urlsafe(16)
        self.files = files
        self.encoding = encoding
        self.smaller = smaller or {}
        """File to what is sent of it to a browser that takes this encoding."""
        self.cacheable = cacheable
        self.receivers = receivers or {}
        self.turns: list[float] = []
        """Seconds that each of its turns took that it gave up by itself, in order."""
        self._log: list[Served] = []
        self._under_way = 0
        self._changed = Condition()

    @property
    def path(self) -> str:
        """Where its files lie on the server, with slashes on both ends."""
        return f"/{self.token}/"

    def served(self) -> list[Served]:
        """Every file that was sent whole so far.

        An answer that is under way is waited for: a page has the last byte before we know that.
        """
        return [one for one in self.requests() if one.whole and one.status in _SENT]

    def requests(self) -> list[Served]:
        """Every request for a file so far, whatever came of it; those under way are waited for."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, _LOG_SECONDS)
            return list(self._log)

    def begin(self) -> None:
        """An answer is under way."""
        with self._changed:
            self._under_way += 1

    def end(self, served: Served | None) -> None:
        """It has ended; with None, it was no answer to a request for a file's content."""
        with self._changed:
            self._under_way -= 1
            if served is not None:
                self._log.append(served)
            self._changed.notify_all()


class PageServer:
    """Serves visits until `close`. Safe to use from several threads."""

    def __init__(self, pages: Path, *, address: str = LOOPBACK, port: int = 0, tls: SSLContext | None = None) -> None:
        """Start serving the built pages in folder `pages`.

        Args:
            pages: the folder into which `web/` was built.
            address: of this computer, on which it listens.
            port: 0 for a free one.
            tls: to serve over HTTPS.

        Raises:
            BadInput: the pages have not been built, or nothing can listen at this address and port.
        """
        self._pages = {file.relative_to(pages).as_posix(): file for file in pages.rglob("*") if file.is_file()}
        if "bench.html" not in self._pages:
            raise BadInput(f"There are no built pages in {pages}.", hint="Build them with `make web`.")
        self._visits: dict[str, Visit] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="mobilebench-pages", daemon=True)
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self._start(address, port, tls), self._loop)
        try:
            self.port: int = starting.result(_START_SECONDS)
        except OSError as error:
            self.close()
            raise BadInput(
                f"The page server cannot listen at {address}, port {port or 'any'}: {error.strerror or error}.",
                hint="Choose an address of this computer, and a port that nothing else uses (0: any).",
            ) from error

    @contextmanager
    def visit(
        self,
        files: Mapping[str, Path],
        *,
        encoding: Encoding = "identity",
        cacheable: bool = False,
        receivers: Mapping[str, Receiver] | None = None,
    ) -> Iterator[Visit]:
        """A secret path under which the pages and `files` (name to file) can be fetched while this is open.

        Args:
            files: what can be fetched beside the pages.
            encoding: how bodies are sent; all are compressed before this returns.
            cacheable: whether a browser may keep what it got for as long as the path lives.
            receivers: name to what takes JSON that a page sends there.

        Raises:
            Unsupported: nothing here can compress so.
            BlockFailed: there is no room for what is compressed.
        """
        served = {**self._pages, **files}
        as_sent: AbstractContextManager[Mapping[Path, Path]] = (
            nullcontext({}) if encoding == "identity" else compressed(served.values(), encoding)
        )
        with as_sent as smaller:
            visit = Visit(served, encoding=encoding, smaller=smaller, cacheable=cacheable, receivers=receivers)
            self._visits[visit.token] = visit
            try:
                yield visit
            finally:
                del self._visits[visit.token]
                with suppress(RuntimeError):  # the server is closed
                    self._loop.call_soon_threadsafe(self._turns.leave, visit.token)

    @property
    def open_visits(self) -> int:
        """How many visits are under way."""
        return len(self._visits)

    def close(self) -> None:
        """Stop listening and end the thread. A second call does nothing."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(_START_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self, address: str, port: int, tls: SSLContext | None) -> int:
        from aiohttp import web

        self._turns = Turns()
        application = web.Application(client_max_size=LARGEST_POST)
        application.router.add_get(f"/{{token}}/{TURN}", self._take_turn, allow_head=False)
        application.router.add_delete(f"/{{token}}/{TURN}", self._leave_turn)
        application.router.add_get("/{token}/{name:.*}", self._answer)
        application.router.add_post("/{token}/{name:.*}", self._receive)
        application.on_response_prepare.append(_note_first_byte)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, address, port, ssl_context=tls).start()
        return int(self._runner.addresses[0][1])

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        visit = self._visits.get(request.match_info["token"])
        name = request.match_info["name"]
        file = visit.files.get(name) if visit else None
        if visit is None or file is None or not file.is_file():
            raise web.HTTPNotFound(headers={**_HEADERS, **_NEVER_KEPT})
        return _logged_file(visit, name, file, _takes(request, visit.encoding))

    async def _take_turn(self, request: web.Request) -> web.StreamResponse:
        token = self._visit(request).token
        await self._turns.take(token)
        if token not in self._visits:
            self._turns.leave(token)
        self._visit(request)
        return _json("your turn")

    async def _leave_turn(self, request: web.Request) -> web.StreamResponse:
        visit = self._visit(request)
        seconds = self._turns.leave(visit.token)
        if seconds is not None:
            visit.turns.append(seconds)
        return _json("thank you")

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        """What a page of ours sends. Another site cannot: it knows no token, and may send no JSON."""
        from aiohttp import web

        visit = self._visit(request)
        receiver = visit.receivers.get(request.match_info["name"])
        headers = {**_HEADERS, **_NEVER_KEPT}
        if receiver is None:
            raise web.HTTPMethodNotAllowed("POST", ["GET", "HEAD"], headers=headers)
        ours = f"{request.scheme}://{request.host}"
        if request.content_type != "application/json" or request.headers.get("Origin", ours) != ours:
            raise web.HTTPForbidden(headers=headers)
        body = await request.read()
        try:
            return _json(await asyncio.to_thread(receiver, body))
        except MobilebenchError as error:
            return _json({"error": error.message, "hint": error.hint}, 400)

    def _visit(self, request: web.Request) -> Visit:
        from aiohttp import web

        visit = self._visits.get(request.match_info["token"])
        if visit is None:
            raise web.HTTPNotFound(headers={**_HEADERS, **_NEVER_KEPT})
        return visit


def _json(value: Any, status: int = 200) -> web.StreamResponse:
    from aiohttp import web

    return web.Response(
        text=json.dumps(value), status=status, content_type="application/json", headers={**_HEADERS, **_NEVER_KEPT}
    )


def _takes(request: web.Request, encoding: Encoding) -> bool:
    """Whether the browser says that it understands this encoding."""
    offered = request.headers.get("Accept-Encoding", "").lower().split(",")
    return encoding in [one.partition(";")[0].strip() for one in offered if not one.replace(" ", "").endswith(";q=0")]


async def _note_first_byte(_request: web.Request, response: web.StreamResponse) -> None:
    note = getattr(response, "note_first_byte", None)
    if note is not None:
        note()


def _logged_file(visit: Visit, name: str, file: Path, encoded: bool) -> web.StreamResponse:
    from aiohttp import web

    started = time.monotonic()

    class LoggedFile(web.FileResponse):
        """Its `prepare` sends the whole body, so that what is logged really went out."""

        first_byte: float | None = None

        def note_first_byte(self) -> None:
            self.first_byte = time.monotonic()

        async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
            visit.begin()
            whole = False
            try:
                writer = await super().prepare(request)
                whole = True
                return writer
            finally:
                visit.end(self._log_entry(whole) if request.method == "GET" else None)

        def _log_entry(self, whole: bool) -> Served:
            ended = time.monotonic()
            said = self.headers.get("Content-Encoding", "identity")
            return Served(
                name=name,
                file=file,
                status=self.status,
                bytes=(self.content_length or 0) if whole and self.status in _SENT else 0,
                encoding=cast(Encoding, said) if said in get_args(Encoding) else "identity",
                whole=whole,
                started=started,
                first_byte=self.first_byte or ended,
                ended=ended,
            )

    headers = {**_HEADERS, **(_KEPT if visit.cacheable else _NEVER_KEPT), "Content-Type": _mime(file)}
    if visit.encoding != "identity":
        headers["Vary"] = "Accept-Encoding"
    sent = visit.smaller.get(file) if encoded else None
    if sent is not None:
        headers["Content-Encoding"] = visit.encoding
    return LoggedFile(sent or file, headers=headers)


def _mime(file: Path) -> str:
    return _MIME.get(file.suffix, "application/octet-stream")
