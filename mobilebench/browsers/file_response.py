"""The page server's response with a file: with headers, compressed if requested, and logged."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from mobilebench.browsers.page_session import SENT, Served, Visit
from mobilebench.core.records import Encoding

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
HEADERS = {
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
NEVER_KEPT = {"Cache-Control": "no-store"}
_KEPT = {"Cache-Control": "private, max-age=86400, immutable"}


def _connection_of(request: web.BaseRequest) -> Any:
    """The request's socket, as the event loop exposes it; None if it is already cut."""
    return request.transport and request.transport.get_extra_info("socket")


def takes(request: web.Request, encoding: Encoding) -> bool:
    """Whether the browser accepts this encoding."""
    offered = request.headers.get("Accept-Encoding", "").lower().split(",")
    return encoding in [one.partition(";")[0].strip() for one in offered if not one.replace(" ", "").endswith(";q=0")]


async def note_first_byte(_request: web.Request, response: web.StreamResponse) -> None:
    """Record when the response begins; called by the server."""
    note = getattr(response, "note_first_byte", None)
    if note is not None:
        note()


def logged_file(visit: Visit, name: str, file: Path, encoded: bool) -> web.StreamResponse:
    """Response with a visit's file, or with its compressed copy if one exists and the browser accepts it."""
    from aiohttp import web

    started = time.monotonic()

    class LoggedFile(web.FileResponse):
        """A response whose `prepare` sends the whole body, so that the log records what was really sent."""

        first_byte: float | None = None

        def note_first_byte(self) -> None:
            self.first_byte = time.monotonic()

        async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
            visit.begin()
            whole = False
            try:
                with visit.over(_connection_of(request)):
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
                bytes=(self.content_length or 0) if whole and self.status in SENT else 0,
                encoding=cast(Encoding, said) if said in get_args(Encoding) else "identity",
                whole=whole,
                started=started,
                first_byte=self.first_byte or ended,
                ended=ended,
            )

    headers = {**HEADERS, **(_KEPT if visit.cacheable else NEVER_KEPT), "Content-Type": _mime(file)}
    if visit.encoding != "identity":
        headers["Vary"] = "Accept-Encoding"
    sent = visit.smaller.get(file) if encoded else None
    if sent is not None:
        headers["Content-Encoding"] = visit.encoding
    return LoggedFile(sent or file, headers=headers)


def _mime(file: Path) -> str:
    return _MIME.get(file.suffix, "application/octet-stream")
