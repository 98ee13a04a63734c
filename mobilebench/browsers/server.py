"""The page server: the built pages and the models, to this computer's own browsers and, reversed, to phones.

It listens on loopback only. Every visit (one block) has its own secret path, so nothing is cached from one
block to the next, and its own log of what was really served. Only files named beforehand can be asked for:
a request is looked up among them, never turned into a path.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Condition, Thread
from typing import TYPE_CHECKING

from mobilebench.errors import BadInput
from mobilebench.sums import sha256_of

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.abc import AbstractStreamWriter

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
    "Cache-Control": "no-store",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_START_SECONDS = 15
_LOG_SECONDS = 2


@dataclass(frozen=True)
class Served:
    """One request that was answered with a file."""

    name: str
    """As the page asked for it, below the visit's secret path."""
    file: Path
    bytes: int
    """Sent in this answer."""
    started: float
    ended: float
    """Seconds of `time.monotonic()`."""

    @property
    def sha256(self) -> str:
        """Of the whole file."""
        status = self.file.stat()
        return _sha256(self.file, status.st_size, status.st_mtime_ns)


class Visit:
    """One block's share of the server."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.token = secrets.token_urlsafe(16)
        self.files = files
        self._log: list[Served] = []
        self._under_way = 0
        self._changed = Condition()

    @property
    def path(self) -> str:
        """Where its files lie on the server, with slashes on both ends."""
        return f"/{self.token}/"

    def served(self) -> list[Served]:
        """Every answer so far. One that is under way is waited for: a page has the last byte before we know that."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, _LOG_SECONDS)
            return list(self._log)

    def begin(self) -> None:
        """An answer is under way."""
        with self._changed:
            self._under_way += 1

    def end(self, served: Served | None) -> None:
        """It has ended; with None, no file was sent."""
        with self._changed:
            self._under_way -= 1
            if served is not None:
                self._log.append(served)
            self._changed.notify_all()


class PageServer:
    """Serves visits on a loopback port until `close`. Safe to use from several threads."""

    def __init__(self, pages: Path) -> None:
        """Start serving the built pages in folder `pages`.

        Raises:
            BadInput: the pages have not been built.
        """
        self._pages = {file.relative_to(pages).as_posix(): file for file in pages.rglob("*") if file.is_file()}
        if "bench.html" not in self._pages:
            raise BadInput(f"There are no built pages in {pages}.", hint="Build them with `make web`.")
        self._visits: dict[str, Visit] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="mobilebench-pages", daemon=True)
        self._thread.start()
        self.port: int = asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(_START_SECONDS)

    @contextmanager
    def visit(self, files: Mapping[str, Path]) -> Iterator[Visit]:
        """A secret path under which the pages and `files` (name to file) can be fetched while this is open."""
        visit = Visit({**self._pages, **files})
        self._visits[visit.token] = visit
        try:
            yield visit
        finally:
            del self._visits[visit.token]

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

    async def _start(self) -> int:
        from aiohttp import web

        application = web.Application()
        application.router.add_get("/{token}/{name:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return int(self._runner.addresses[0][1])

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        from aiohttp import web

        visit = self._visits.get(request.match_info["token"])
        name = request.match_info["name"]
        file = visit.files.get(name) if visit else None
        if visit is None or file is None or not file.is_file():
            raise web.HTTPNotFound(headers=_HEADERS)
        return _logged_file(visit, name, file)


def _logged_file(visit: Visit, name: str, file: Path) -> web.StreamResponse:
    from aiohttp import web

    started = time.monotonic()

    class LoggedFile(web.FileResponse):
        """Its `prepare` sends the whole body, so that what is logged really went out."""

        async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
            served: Served | None = None
            visit.begin()
            try:
                writer = await super().prepare(request)
                if request.method == "GET" and self.status in (200, 206):
                    served = Served(name, file, self.content_length or 0, started, time.monotonic())
                return writer
            finally:
                visit.end(served)

    return LoggedFile(file, headers={**_HEADERS, "Content-Type": _mime(file)})


def _mime(file: Path) -> str:
    return _MIME.get(file.suffix, "application/octet-stream")


@lru_cache(maxsize=1024)
def _sha256(file: Path, _size: int, _changed_ns: int) -> str:
    return sha256_of(file)
