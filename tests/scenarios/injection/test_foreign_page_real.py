"""Foreign pages in a real Chromium: how they are opened, and the name of everything that they do instead."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mobilebench.browsers import chrome
from mobilebench.browsers.launching import RunningBrowser
from mobilebench.browsers.server import self_signed
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.scenarios.base import NEXT_STEPS
from mobilebench.scenarios.injection.foreign_page import ForeignPage, foreign_page
from mobilebench.scenarios.injection.outcomes import PageFailed
from tests.browsers.processes import kill_pages
from tests.scenarios.injection.sites import Site, site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MODULE = "import(URL.createObjectURL(new Blob(['export const x = 6 * 7'], {type: 'text/javascript'}))).then(m => m.x)"
WORKER = """new Promise((ok, no) => {
    const worker = new Worker(URL.createObjectURL(new Blob(['postMessage(6 * 7)'], {type: 'text/javascript'})));
    worker.onmessage = ({data}) => ok(data);
    worker.onerror = () => no(new Error('refused'));
})"""


@pytest.mark.parametrize("path", ["/plain", "/strict", "/meta", "/frames", "/sandboxed"])
def test_scripts_wasm_and_workers_run_in_any_page(page: ForeignPage, loopback: Site, path: str) -> None:
    opened = page.open(f"{loopback.origin}{path}")
    assert (opened.url, opened.redirected, opened.isolated) == (f"{loopback.origin}{path}", False, False)
    world = page.world()
    assert world.evaluate(MODULE) == 42
    assert world.evaluate("eval('6 * 7')") == 42
    assert world.evaluate("WebAssembly.compile(new Uint8Array([0,97,115,109,1,0,0,0])).then(m => String(m))")
    assert world.evaluate(WORKER) == 42


@pytest.mark.parametrize("path", ["/plain", "/strict", "/frames"])
def test_any_page_can_be_isolated(page: ForeignPage, loopback: Site, path: str) -> None:
    opened = page.open(f"{loopback.origin}{path}", isolate=True)
    assert opened.isolated
    assert page.world().evaluate("typeof SharedArrayBuffer") == "function"


def test_frames_of_an_isolated_page_are_still_loaded(page: ForeignPage, loopback: Site) -> None:
    loopback.asked.clear()
    opened = page.open(f"{loopback.origin}/frames", isolate=True)
    assert opened.frames == 2
    assert {"/plain", "/strict"} <= set(loopback.asked)
    assert page.world().evaluate("frames[0].document.title") == "plain"


def test_a_frame_is_found_by_its_address(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/frames")
    world = page.world(frame="/plain")
    assert world.evaluate("document.title") == "plain"
    assert world.evaluate(WORKER) == 42
    with pytest.raises(Unsupported, match="no frame in its own process"):
        page.world(frame="/nowhere")


def test_a_page_may_go_on_by_a_script_while_it_loads(page: ForeignPage, loopback: Site) -> None:
    assert page.open(f"{loopback.origin}/hurries").url == f"{loopback.origin}/plain"


def test_a_world_shares_the_document_and_no_globals(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/plain")
    world = page.world()
    world.evaluate("ours = 1")
    assert world.evaluate("[typeof pageValue, document.title]") == ["undefined", "plain"]
    answer = page.call("Runtime.evaluate", {"expression": "[typeof ours, pageValue]", "returnByValue": True})
    assert answer["result"]["value"] == ["undefined", 42]


def test_a_service_worker_does_not_stop_us(page: ForeignPage) -> None:
    with site() as own:  # the service worker stays for the whole origin
        page.open(f"{own.origin}/serviced")
        page.call("Runtime.evaluate", {"expression": "controlled", "awaitPromise": True})
        world = page.world()
        assert world.evaluate("Boolean(navigator.serviceWorker.controller)") is True
        assert world.evaluate(MODULE) == 42
        assert page.open(f"{own.origin}/plain", isolate=True).isolated


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/loop", "too many redirects"),
        ("/missing", "error page"),
        ("/empty", "not a page"),
        ("/download", "not a page"),
    ],
)
def test_a_page_that_is_none_has_a_name(page: ForeignPage, loopback: Site, path: str, outcome: str) -> None:
    with pytest.raises(PageFailed) as caught:
        page.open(f"{loopback.origin}{path}")
    assert caught.value.outcome == outcome
    assert caught.value.hint == NEXT_STEPS[caught.value.outcome]


@pytest.mark.parametrize("path", ["/never", "/half"])
def test_a_page_that_never_loads(page: ForeignPage, loopback: Site, path: str) -> None:
    with pytest.raises(PageFailed) as caught:
        page.open(f"{loopback.origin}{path}", timeout=1)
    assert caught.value.outcome == "never loaded"


def test_a_server_that_is_not_there(page: ForeignPage) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(PageFailed) as caught:
            page.open(f"http://127.0.0.1:{port}/")
    assert caught.value.outcome == "unreachable"


def test_an_invalid_certificate(page: ForeignPage) -> None:
    with secure_site() as url, pytest.raises(PageFailed) as caught:
        page.open(url)
    assert caught.value.outcome == "invalid TLS"


@contextmanager
def secure_site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        server.socket = self_signed(["127.0.0.1"]).wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def test_a_redirect_is_followed_and_reported(page: ForeignPage, loopback: Site) -> None:
    opened = page.open(f"{loopback.origin}/redirect", isolate=True)
    assert opened.redirected
    assert opened.url == f"{loopback.origin}/plain"
    assert opened.isolated


def test_a_page_that_navigates_is_noticed(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/plain")
    world = page.world()
    page.wait(0)
    page.call("Runtime.evaluate", {"expression": f"location.href = '{loopback.origin}/strict'"})
    with pytest.raises(PageFailed) as caught:
        page.wait(30)
    assert caught.value.outcome == "left"
    assert "/strict" in caught.value.message
    with pytest.raises(PageFailed) as caught:
        world.evaluate("1")
    assert caught.value.outcome == "left"


def test_a_change_of_the_fragment_is_no_navigation(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/plain")
    world = page.world()
    page.call("Runtime.evaluate", {"expression": "location.hash = 'there'; history.pushState(null, '', '/plain?x=1')"})
    page.wait(0.1)
    assert world.evaluate("location.search") == "?x=1"


def test_a_dialog_is_closed_and_noted(page: ForeignPage, loopback: Site) -> None:
    opened = page.open(f"{loopback.origin}/greets")
    assert opened.dialogs == ("alert: hello",)
    assert page.world().evaluate("6 * 7") == 42


def test_a_crash_is_named(loopback: Site) -> None:
    with chrome.launch() as running, foreign_page(running.address) as page:
        page.open(f"{loopback.origin}/plain")
        kill_pages(running.pid)
        with pytest.raises(PageFailed) as caught:
            page.wait(30)
    assert caught.value.outcome == "crashed"


def test_a_lost_browser_is_named(loopback: Site) -> None:
    with chrome.launch() as running, foreign_page(running.address) as page:
        page.open(f"{loopback.origin}/plain")
        os.kill(running.pid, signal.SIGKILL)
        with pytest.raises(PageFailed) as caught:
            page.wait(30)
    assert caught.value.outcome == "disconnected"


def test_a_page_that_is_busy_forever_is_named(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/plain")
    world = page.world()
    page.call("Runtime.evaluate", {"expression": "setTimeout(() => { for (;;); }, 0)"})
    with pytest.raises(PageFailed) as caught:
        for _ in range(100):
            world.evaluate("new Promise(done => setTimeout(done, 10))", timeout=1)
    assert caught.value.outcome == "no answer"
    page.call("Runtime.terminateExecution")


def test_everything_is_switched_off_again(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/strict", isolate=True)
    page.close()
    page.call("Page.navigate", {"url": f"{loopback.origin}/strict?again"})
    with pytest.raises(PageFailed, match="again"):
        page.wait(30)
    expression = "[crossOriginIsolated, (() => { try { return eval('1') } catch { return 'refused' } })()]"
    params = {"expression": expression, "returnByValue": True, "allowUnsafeEvalBlockedByCSP": False}
    assert page.call("Runtime.evaluate", params)["result"]["value"] == [False, "refused"]


def test_firefox_is_unsupported_with_a_reason() -> None:
    with pytest.raises(Unsupported, match="WebDriver BiDi has no command"), foreign_page("ws://127.0.0.1:1"):
        pytest.fail("it was opened")


def test_an_exception_of_our_script_is_no_outcome_of_the_page(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/plain")
    with pytest.raises(BlockFailed, match="no such thing") as caught:
        page.world().evaluate("Promise.reject(new Error('no such thing'))")
    assert not isinstance(caught.value, PageFailed)


def test_the_tab_is_closed(browser: RunningBrowser, loopback: Site) -> None:
    with foreign_page(browser.address) as page:
        page.open(f"{loopback.origin}/plain")
    with foreign_page(browser.address) as page:
        targets = page.call("Target.getTargets")["targetInfos"]
    assert not [one for one in targets if one["url"].startswith(loopback.origin) and one["type"] == "page"]
