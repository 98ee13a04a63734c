"""The page server: serves the built pages and the models to local browsers and, over adb reverse, to phones.

It listens on loopback unless given another address. Every visit (one block) has its own secret path, so nothing is
cached from one block to the next, and its own log of what was really served. Only files named beforehand can be
requested: a request is looked up among them, never turned into a path. All visits share one queue for measured
downloads, because they share the server's network and computer.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from ssl import SSLContext
from threading import Thread
from typing import TYPE_CHECKING, Any

from mobilebench.browsers.file_response import HEADERS, NEVER_KEPT, compressed, logged_file, note_first_byte, takes
from mobilebench.browsers.page_session import Receiver, Visit
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.records import Encoding, Record

if TYPE_CHECKING:
    from aiohttp import web

LOOPBACK = "127.0.0.1"
TURN = "turn"
"""Request name with which a page waits for its download turn (GET) and gives it up (DELETE)."""
LARGEST_POST = 32_000_000
"""Bytes that a page may send at most."""

_START_SECONDS = 15


class RequestError(Record):
    """The answer, with status 400, to a page's request that cannot be served."""

    error: str
    hint: str | None


class PageServer:
    """Serves visits until `close`. Safe to use from several threads."""

    def __init__(self, pages: Path, *, address: str = LOOPBACK, port: int = 0, tls: SSLContext | None = None) -> None:
        """Start serving the built pages in folder `pages`.

        Args:
            pages: the folder into which `web/` was built.
            address: this computer's address to listen on.
            port: the port to listen on; 0 for a free one.
            tls: the certificate for HTTPS; None for plain HTTP.

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
                f"The page server cannot listen at {address}, port {port or 'any'}: {_reason(error)}.",
                hint="Choose an address of this computer, and a port that nothing else uses (0: any).",
            ) from error

    @contextmanager
    def visit(
        self,
        files: Mapping[str, Path],
        *,
        encoding: Encoding = "identity",
        cacheable: bool = False,
        isolated: bool = True,
        receivers: Mapping[str, Receiver] | None = None,
        turn_lapses_s: float | None = None,
    ) -> Iterator[Visit]:
        """Yield a visit, under whose secret path the pages and `files` (name to file) can be fetched.

        Args:
            files: further files that can be fetched.
            encoding: how bodies are sent; all are compressed before this returns.
            cacheable: whether a browser may cache responses while the path exists.
            isolated: whether pages are cross-origin isolated.
            receivers: maps a name to the function that takes JSON sent there by a page.
            turn_lapses_s: seconds without sent data after which the page loses its download turn; needed if no program
                drives the page and would report that it is gone.

        Raises:
            Unsupported: the Python package for the compression is missing.
            BlockFailed: there is no space for compressed copies.
        """
        served = {**self._pages, **files}
        as_sent: AbstractContextManager[Mapping[Path, Path]] = (
            nullcontext({}) if encoding == "identity" else compressed(served.values(), encoding)
        )
        with as_sent as smaller:
            visit = Visit(
                served,
                encoding=encoding,
                smaller=smaller,
                cacheable=cacheable,
                isolated=isolated,
                receivers=receivers,
                turn_lapses_s=turn_lapses_s,
            )
            self._visits[visit.token] = visit
            try:
                yield visit
            finally:
                del self._visits[visit.token]
                with suppress(RuntimeError):  # the server is closed
                    self._loop.call_soon_threadsafe(self._turns.leave, visit.token)

    @property
    def open_visits(self) -> int:
        """How many visits are open."""
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

        self._turns = DownloadQueue()
        application = web.Application(client_max_size=LARGEST_POST)
        application.router.add_get(f"/{{token}}/{TURN}", self._take_turn, allow_head=False)
        application.router.add_delete(f"/{{token}}/{TURN}", self._leave_turn)
        application.router.add_get("/{token}/{name:.*}", self._answer)
        application.router.add_post("/{token}/{name:.*}", self._receive)
        application.on_response_prepare.append(note_first_byte)
        self._runner = web.AppRunner(
            application, access_log=None, logger=_logger(), handle_signals=False, shutdown_timeout=0.5
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, address, port, ssl_context=tls).start()
        return int(self._runner.addresses[0][1])

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        visit = self._visits.get(request.match_info["token"])
        name = request.match_info["name"]
        file = visit.files.get(name) if visit else None
        if visit is None or file is None or not file.is_file():
            raise web.HTTPNotFound(headers={**HEADERS, **NEVER_KEPT})
        return logged_file(visit, name, file, takes(request, visit.encoding))

    async def _take_turn(self, request: web.Request) -> web.StreamResponse:
        visit = self._visit(request)
        await self._turns.take(visit.token)
        if visit.token not in self._visits:
            self._turns.leave(visit.token)
        self._visit(request)
        self._let_lapse(visit)
        return _json("your turn")

    def _let_lapse(self, visit: Visit) -> None:
        """Poll until the turn is given up, and take it away from a page that fetches nothing."""
        if visit.turn_lapses_s is None or self._turns.holder != visit.token:
            return
        left = visit.turn_lapses_s - visit.quiet_s
        if left > 0:
            self._loop.call_later(left, self._let_lapse, visit)
        else:
            self._turns.leave(visit.token)

    async def _leave_turn(self, request: web.Request) -> web.StreamResponse:
        visit = self._visit(request)
        seconds = self._turns.leave(visit.token)
        if seconds is not None:
            visit.turns.append(seconds)
        return _json("thank you")

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        """Handle data from one of our pages. Other sites do not know the token and may not send JSON."""
        from aiohttp import web

        visit = self._visit(request)
        receiver = visit.receivers.get(request.match_info["name"])
        headers = {**HEADERS, **NEVER_KEPT}
        if receiver is None:
            raise web.HTTPMethodNotAllowed("POST", ["GET", "HEAD"], headers=headers)
        ours = f"{request.scheme}://{request.host}"
        if request.content_type != "application/json" or request.headers.get("Origin", ours) != ours:
            raise web.HTTPForbidden(headers=headers)
        body = await request.read()
        try:
            return _json(await asyncio.to_thread(receiver, body))
        except MobilebenchError as error:
            return _json(RequestError(error=error.message, hint=error.hint).model_dump(), 400)

    def _visit(self, request: web.Request) -> Visit:
        from aiohttp import web

        visit = self._visits.get(request.match_info["token"])
        if visit is None:
            raise web.HTTPNotFound(headers={**HEADERS, **NEVER_KEPT})
        return visit


def _reason(error: OSError) -> str:
    """The system's message for an error; name resolution errors carry their own."""
    if error.errno is None or isinstance(error, socket.gaierror):
        return error.strerror or str(error)
    return os.strerror(error.errno)


def _logger() -> logging.Logger:
    """Logger for the server's own errors, without requests from others that are not valid HTTP."""
    from aiohttp.http_exceptions import HttpProcessingError

    def is_ours(record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))

    logger = logging.getLogger(__name__)
    logger.filters = [is_ours]
    return logger


def _json(value: Any, status: int = 200) -> web.StreamResponse:
    from aiohttp import web

    return web.Response(
        text=json.dumps(value), status=status, content_type="application/json", headers={**HEADERS, **NEVER_KEPT}
    )


class DownloadQueue:
    """A first-come, first-served lock for use in one event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: str | None = None
        self._since = 0.0

    @property
    def holder(self) -> str | None:
        """The present holder of the turn."""
        return self._holder

    async def take(self, who: str) -> None:
        """Wait for the turn; a holder keeps it."""
        if self._holder != who:
            await self._lock.acquire()
            self._holder = who
            self._since = time.monotonic()

    def leave(self, who: str) -> float | None:
        """Pass the turn on; return how many seconds it took, or None if `who` did not hold it."""
        if self._holder != who:
            return None
        self._holder = None
        self._lock.release()
        return time.monotonic() - self._since


CERTIFICATE_DAYS = 30


def self_signed(hosts: Sequence[str]) -> ssl.SSLContext:
    """Create a TLS context for a server with these names and addresses; neither key nor certificate is kept.

    Raises:
        BadInput: the program `openssl`, which makes it, is missing or fails.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        raise BadInput(
            "The program openssl, which creates the certificate, is not installed.",
            hint="Install it, or serve without TLS (--no-tls): threads are then missing, and results say so.",
        )
    names = ",".join(f"{'IP' if _is_address(host) else 'DNS'}:{host}" for host in hosts)
    with tempfile.TemporaryDirectory(prefix="mobilebench-tls-") as name:
        key, certificate = Path(name) / "key.pem", Path(name) / "certificate.pem"
        argv = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        argv += ["-days", str(CERTIFICATE_DAYS), "-subj", "/CN=mobilebench", "-addext", f"subjectAltName={names}"]
        argv += ["-keyout", str(key), "-out", str(certificate)]
        made = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        if made.returncode != 0:
            last = (made.stderr.strip().splitlines() or ["it printed nothing"])[-1]
            raise BadInput(f"openssl could not create a certificate: {last}.", hint="Serve without TLS (--no-tls).")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    return context


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
