"""`mobilebench serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from mobilebench.cli.output import say, split
from mobilebench.cli.results import Out, StoreAt, open_store
from mobilebench.cli.site import Anonymise, Newest, Reader, Suites
from mobilebench.core.errors import BadInput

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from mobilebench.results.store import Store

_LOOK_SECONDS = 0.2


def serve(
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Serve other devices too, at this address of this computer (0.0.0.0: at all). HTTPS is used, and "
            "browsers warn once about its certificate.",
        ),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 selects a free one.")] = 0,
    no_tls: Annotated[
        bool,
        typer.Option(
            "--no-tls", help="With --listen: use plain HTTP. Pages then have no threads, and their results say so."
        ),
    ] = False,
    history: Annotated[
        bool,
        typer.Option(
            "--history",
            help="Serve the pages of `mobilebench site DIR` over the stored runs instead: only read, and only to this "
            "computer. With it, --listen takes 127.0.0.1 (the default) or ::1.",
        ),
    ] = False,
    suite: Suites = None,
    newest: Newest = None,
    anonymise: Anonymise = False,
    out: Out = None,
    store_at: StoreAt = None,
) -> None:
    """Serve a page on which a person chooses a model, an engine and a backend, measures them, and keeps the result.

    Only a person who knows the printed address can open the page. Results are stored as runs of the suite `manual`.
    With --history, the history of all stored runs is served instead. Ctrl-C stops the server.

    Examples:

    - `mobilebench serve`

    - `mobilebench serve --listen 0.0.0.0`

    - `mobilebench serve --history --port 8080`

    - `mobilebench serve --history --listen ::1`
    """
    if history:
        _serve_history(
            listen, port, out, store_at, lambda store: Reader(store, split(suite), newest, anonymise=anonymise)
        )
        return
    if suite or newest or anonymise:
        raise BadInput("--suite, --nights and --anonymise are for the history.", hint="Add --history.")
    from mobilebench.browsers.server import LOOPBACK, PageServer
    from mobilebench.core import paths
    from mobilebench.engines.builds import PAGES, require_current
    from mobilebench.session.manual import Manual

    require_current([PAGES])
    address = listen or LOOPBACK
    context = None
    if listen and not no_tls:
        from mobilebench.browsers.server import self_signed

        context = self_signed(_reached_by(listen))
    server = PageServer(paths.web_pages(), address=address, port=port, tls=context)
    try:
        with open_store(out, store_at, create=True) as store:
            manual = Manual(server, store, "lan" if listen else "loopback")
            try:
                ended = _asked_to_end()
                with server.visit({}, receivers=manual.receivers) as visit:
                    scheme = "https" if context else "http"
                    for host in _reached_by(address):
                        say(f"{scheme}://{_in_url(host)}:{server.port}{visit.path}manual.html")
                    say("Open the address in a browser. Ctrl-C stops the server.")
                    while not ended.wait(_LOOK_SECONDS):
                        pass
            finally:
                manual.close()
    finally:
        server.close()


def _serve_history(
    listen: str | None, port: int, out: Path | None, store_at: str | None, reading: Callable[[Store], Reader]
) -> None:
    from mobilebench.site.server import LOOPBACK, HistoryServer, Live, require_loopback

    address = require_loopback(listen or LOOPBACK)
    with open_store(out, store_at) as store:
        ended = _asked_to_end()
        reader = reading(store)
        server = HistoryServer(Live(reader, state=reader.state), address, port)
        try:
            say(server.url)
            say("Open the address in a browser of this computer. Ctrl-C stops the server.")
            while not ended.wait(_LOOK_SECONDS):
                pass
        finally:
            server.close()


def _asked_to_end() -> threading.Event:
    """A flag that Ctrl-C, SIGTERM or SIGHUP sets once the main thread runs; a signal to another thread does not wake
    it.
    """
    import signal
    import threading

    from mobilebench.cli import process

    ended = threading.Event()
    for name in process.ending_signals():
        signal.signal(name, lambda *_: ended.set())
    return ended


def _reached_by(address: str) -> list[str]:
    """The addresses at which other devices reach a server that listens on this one."""
    import socket

    if address not in ("0.0.0.0", "::"):  # noqa: S104 - compared, not listened at
        return [address]
    found = ["127.0.0.1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent: this only selects the outgoing interface
        except OSError:
            return found
        return [probe.getsockname()[0], *found]


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
