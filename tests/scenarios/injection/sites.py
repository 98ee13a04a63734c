"""Sites on loopback whose pages make injection difficult, each by its path."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PLAIN = "<!doctype html><title>plain</title><body><p>text<script>pageValue = 42</script>"
STRICT = {"Content-Security-Policy": "default-src 'none'; require-trusted-types-for 'script'; frame-ancestors 'none'"}


@dataclass
class Site:
    """A running site."""

    origin: str
    asked: list[str] = field(default_factory=list)
    """Paths that were asked for, in order."""
    release: threading.Event = field(default_factory=threading.Event)
    """Set at the end, so that a page that never comes lets its thread go."""


@dataclass(frozen=True)
class Answer:
    body: str = PLAIN
    headers: dict[str, str] = field(default_factory=dict)
    status: int = 200
    waits: bool = False
    """It comes only when the site ends."""


PAGES: dict[str, Answer] = {
    "/plain": Answer(),
    "/strict": Answer("<!doctype html><title>strict</title><p>text", STRICT),
    "/meta": Answer(
        "<!doctype html><meta http-equiv=Content-Security-Policy content=\"default-src 'none'\"><title>meta</title><p>x"
    ),
    "/late-policy": Answer(
        "<!doctype html><title>late</title><script>const policy = document.createElement('meta');"
        "policy.httpEquiv = 'Content-Security-Policy'; policy.content = \"default-src 'none'\";"
        "document.head.append(policy)</script>"
    ),
    "/around": Answer(
        "<!doctype html><title>around</title><script>document.write("
        "`<iframe src='http://other.localhost:${location.port}/strict-inside'></iframe>`)</script>"
    ),
    "/strict-inside": Answer(
        "<!doctype html><title>inside</title><p>x",
        {"Content-Security-Policy": "default-src 'none'; require-trusted-types-for 'script'"},
    ),
    "/works": Answer(
        "<!doctype html><title>works</title><script>answered = new Promise((ok) => {"
        "new Worker(URL.createObjectURL(new Blob(['postMessage(42)']))).onmessage = ({data}) => ok(data) })</script>"
    ),
    "/redirect": Answer("", {"Location": "/plain"}, 302),
    "/hurries": Answer("<!doctype html><title>hurries</title><script>location.replace('/plain')</script>"),
    "/loop": Answer("", {"Location": "/loop"}, 302),
    "/never": Answer(waits=True),
    "/half": Answer("<!doctype html><title>half</title><img src=/never>"),
    "/missing": Answer("<!doctype html>no such page", status=404),
    "/empty": Answer("", status=204),
    "/download": Answer("bytes", {"Content-Disposition": "attachment; filename=x.bin"}),
    "/sandboxed": Answer(headers={"Content-Security-Policy": "sandbox"}),
    "/frames": Answer("<!doctype html><title>frames</title><iframe src=/plain></iframe><iframe src=/strict></iframe>"),
    "/dialog": Answer("<!doctype html><title>dialog</title><script>onclick = () => alert('stop')</script><p>x"),
    "/greets": Answer("<!doctype html><title>greets</title><script>alert('hello')</script><p>x"),
    "/worker.js": Answer(
        "oninstall = () => skipWaiting(); onactivate = e => e.waitUntil(clients.claim());"
        "onfetch = e => e.respondWith(new Response('taken by the service worker', {status: 418}))",
        {"Content-Type": "text/javascript"},
    ),
    "/serviced": Answer(
        "<!doctype html><title>serviced</title><script>navigator.serviceWorker.register('/worker.js');"
        "controlled = new Promise(ok => navigator.serviceWorker.oncontrollerchange = () => ok(true))</script>"
    ),
}


@contextmanager
def site() -> Iterator[Site]:
    """A site with `PAGES`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            running.asked.append(self.path)
            answer = PAGES.get(self.path.partition("?")[0], PAGES["/missing"])
            if answer.waits:
                running.release.wait()
                return
            body = answer.body.encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": "text/html", **answer.headers}.items():
                self.send_header(name, value)
            if answer.status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        running = Site(f"http://127.0.0.1:{server.server_address[1]}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield running
        finally:
            running.release.set()
            server.shutdown()
