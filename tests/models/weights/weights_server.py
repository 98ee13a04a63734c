"""A small file server on loopback that misbehaves as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

CHUNK = 1 << 16


@dataclass
class Site:
    """What the server has, and how it answers. Requests are kept in `asked`, oldest first."""

    content: bytes = b""
    etag: str | None = '"1"'
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    """After how many bytes of its answer the connection is cut; one an answer, then none is."""
    statuses: list[int] = field(default_factory=list)
    """Answered instead of the file; one a request."""
    redirect: str | None = None
    ignores_if_range: bool = False
    length: int | None = None
    """Stated instead of the real one."""
    chunked: bool = False
    hold_at: int | None = None
    """After so many bytes of an answer it waits for `go_on`."""
    go_on: threading.Event = field(default_factory=threading.Event)
    holding: threading.Event = field(default_factory=threading.Event)
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""
    port: int = 0


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    """Serve on a free port of loopback until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            site.asked.append({"path": self.path, **{key.lower(): value for key, value in self.headers.items()}})
            _answer(self, site)

        def do_CONNECT(self) -> None:
            site.asked.append({"path": f"CONNECT {self.path}"})
            self.send_response(200)
            self.end_headers()
            self.close_connection = False

        def log_message(self, *arguments: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *arguments: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    site.port = server.server_address[1]
    site.url = f"http://127.0.0.1:{site.port}/weights.safetensors"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.go_on.set()
        server.shutdown()
        server.server_close()


def _answer(handler: BaseHTTPRequestHandler, site: Site) -> None:
    handler.close_connection = True
    if site.statuses:
        handler.send_response(site.statuses.pop(0))
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    if site.redirect:
        handler.send_response(302)
        handler.send_header("Location", site.redirect)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    begin = _begin(handler, site)
    if begin and begin >= len(site.content):
        handler.send_response(416)
        handler.send_header("Content-Range", f"bytes */{len(site.content)}")
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    handler.send_response(206 if begin else 200)
    if site.etag:
        handler.send_header("ETag", site.etag)
    if begin:
        handler.send_header("Content-Range", f"bytes {begin}-{len(site.content) - 1}/{len(site.content)}")
    if site.chunked:
        handler.send_header("Transfer-Encoding", "chunked")
    else:
        handler.send_header("Content-Length", str(site.length or len(site.content) - begin))
    handler.end_headers()
    _send(handler, site, site.content[begin:])


def _begin(handler: BaseHTTPRequestHandler, site: Site) -> int:
    asked = handler.headers.get("Range")
    condition = handler.headers.get("If-Range")
    if not asked or not site.ranges or (condition != site.etag and not site.ignores_if_range):
        return 0
    return int(asked.removeprefix("bytes=").rstrip("-"))


def _send(handler: BaseHTTPRequestHandler, site: Site, body: bytes) -> None:
    end = site.cuts.pop(0) if site.cuts else len(body)
    sent = 0
    while sent < end:
        if site.hold_at is not None and sent >= site.hold_at:
            site.holding.set()
            site.go_on.wait(60)
        piece = body[sent : min(sent + CHUNK, end)]
        handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if site.chunked else piece)
        sent += len(piece)
    if site.chunked and end == len(body):
        handler.wfile.write(b"0\r\n\r\n")
