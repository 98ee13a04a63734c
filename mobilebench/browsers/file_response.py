"""The page server's response with a file: with headers, compressed if requested, and logged.

Compressed copies are made once, before they are requested, and kept in the cache.
"""

from __future__ import annotations

import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from mobilebench.browsers.page_session import SENT, Served, Visit
from mobilebench.core import atomic_files, file_locks, paths
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.hashing import known_sha256
from mobilebench.core.records import Encoding

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.abc import AbstractStreamWriter

_MIME = {
    ".avif": "image/avif",
    ".bin": "application/octet-stream",
    ".css": "text/css",
    ".gif": "image/gif",
    ".htm": "text/html",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".m4v": "video/mp4",
    ".mjs": "text/javascript",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp3": "audio/mpeg",
    ".mp4": "video/mp4",
    ".ogg": "audio/ogg",
    ".ogv": "video/ogg",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".wasm": "application/wasm",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".xhtml": "application/xhtml+xml",
}
_ISOLATING = {"Cross-Origin-Embedder-Policy": "require-corp", "Cross-Origin-Opener-Policy": "same-origin"}
HEADERS = {
    **_ISOLATING,
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
            sent_encoding = self.headers.get("Content-Encoding", "identity")
            return Served(
                name=name,
                file=file,
                status=self.status,
                bytes=(self.content_length or 0) if whole and self.status in SENT else 0,
                encoding=cast(Encoding, sent_encoding) if sent_encoding in get_args(Encoding) else "identity",
                whole=whole,
                started=started,
                first_byte=self.first_byte or ended,
                ended=ended,
            )

    headers = {**HEADERS, **(_KEPT if visit.cacheable else NEVER_KEPT), "Content-Type": _mime(file)}
    if not visit.isolated:
        headers = {name: value for name, value in headers.items() if name not in _ISOLATING}
    if visit.encoding != "identity":
        headers["Vary"] = "Accept-Encoding"
    sent = visit.smaller.get(file) if encoded else None
    if sent is not None:
        headers["Content-Encoding"] = visit.encoding
    return LoggedFile(sent or file, headers=headers)


def _mime(file: Path) -> str:
    return _MIME.get(file.suffix, "application/octet-stream")


Compression = Literal["gzip", "br"]

GZIP_LEVEL = 6
"""The default level of gzip and most servers."""
BROTLI_QUALITY = 5
"""The level of servers that compress on the fly; 11 takes minutes for a large model."""

_CHUNK = 1 << 20
_GZIP_FORMAT = 31


@contextmanager
def compressed(files: Iterable[Path], how: Compression) -> Iterator[Mapping[Path, Path]]:
    """Map every file to its compressed copy; the copies are not pruned from the cache within the context.

    Raises:
        Unsupported: the Python package for this compression is missing.
        BlockFailed: there is no space for the copies.
    """
    distinct = list(dict.fromkeys(files))
    with file_locks.shared(paths.compressed_lock()), ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield dict(zip(distinct, pool.map(lambda file: _compressed_copy(file, how), distinct), strict=True))


def _compressed_copy(file: Path, how: Compression) -> Path:
    level = GZIP_LEVEL if how == "gzip" else BROTLI_QUALITY
    made = paths.compressed() / f"{known_sha256(file)}-{how}{level}"
    if not made.is_file():
        try:
            _compress(file, made, how)
        except OSError as error:
            raise BlockFailed(
                f"{file.name} could not be compressed into {made.parent}: {error.strerror or error}.",
                hint="Free some space there (`mobilebench models prune`), or use --encoding identity.",
            ) from error
    return made


def _compress(file: Path, made: Path, how: Compression) -> None:
    """Compress into a temporary name, then rename, because several processes may do it at once."""
    add, finish = _gzip() if how == "gzip" else _brotli()
    with atomic_files.replacing(made) as draft, draft.open("wb") as target, file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            target.write(add(chunk))
        target.write(finish())


def _gzip() -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    compressor = zlib.compressobj(GZIP_LEVEL, wbits=_GZIP_FORMAT)
    return compressor.compress, compressor.flush


def _brotli() -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    try:
        import brotli
    except ImportError:
        raise Unsupported(
            "The Python package brotli is not installed, so files cannot be compressed with Brotli.",
            hint="Install mobilebench's requirements again, or use --encoding gzip.",
        ) from None
    compressor = brotli.Compressor(quality=BROTLI_QUALITY)
    return compressor.process, compressor.finish
