"""Foreign pages in a real Chromium and Firefox: how they are opened, and the name of all that they do instead."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from mobilebench.browsers import chrome, firefox
from mobilebench.browsers.launching import RunningBrowser
from mobilebench.browsers.server import self_signed
from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.scenarios.base import NEXT_STEPS, ScenarioFailed
from mobilebench.scenarios.injection.foreign_page import ForeignPage
from mobilebench.scenarios.injection.opening import foreign_page
from tests.browsers.processes import kill_pages, wait_until
from tests.scenarios.injection.sites import Site, site

pytestmark = [pytest.mark.browser, pytest.mark.slow]

both = pytest.mark.parametrize("browser", ["chrome", "firefox"], indirect=True)

Launch = Callable[[], AbstractContextManager[RunningBrowser]]

MODULE = "import(URL.createObjectURL(new Blob(['export const x = 6 * 7'], {type: 'text/javascript'}))).then(m => m.x)"
WASM = "WebAssembly.compile(new Uint8Array([0,97,115,109,1,0,0,0])).then(m => String(m))"
WORKER = """new Promise((ok, no) => {
    const worker = new Worker(URL.createObjectURL(new Blob(['postMessage(6 * 7)'], {type: 'text/javascript'})));
    worker.onmessage = ({data}) => ok(data);
    worker.onerror = () => no(new Error('refused'));
})"""


@both
@pytest.mark.parametrize("path", ["/plain", "/strict", "/meta", "/frames", "/sandboxed"])
def test_scripts_wasm_and_workers_run_in_any_page(page: ForeignPage, loopback: Site, path: str) -> None:
    opened = page.open(f"{loopback.origin}{path}")
    assert (opened.url, opened.redirected, opened.isolated) == (f"{loopback.origin}{path}", False, False)
    world = page.world()
    assert world.evaluate(MODULE) == 42
    assert world.evaluate("eval('6 * 7')") == 42
    assert world.evaluate(WASM)
    assert world.evaluate(WORKER) == 42


@both
@pytest.mark.parametrize("path", ["/plain", "/strict", "/frames"])
def test_any_page_can_be_isolated(page: ForeignPage, loopback: Site, path: str) -> None:
    opened = page.open(f"{loopback.origin}{path}", isolate=True)
    assert opened.isolated
    assert page.world().evaluate("typeof SharedArrayBuffer") == "function"


@both
def test_frames_of_an_isolated_page_are_still_loaded(page: ForeignPage, loopback: Site) -> None:
    loopback.asked.clear()
    opened = page.open(f"{loopback.origin}/frames", isolate=True)
    assert opened.frames == 2
    assert {"/plain", "/strict"} <= set(loopback.asked)
    assert page.world().evaluate("frames[0].document.title") == "plain"


@both
def test_a_frame_is_found_by_its_address(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/frames")
    world = page.world(frame="/plain")
    assert world.evaluate("document.title") == "plain"
    assert world.evaluate(WORKER) == 42
    with pytest.raises(Unsupported, match="no frame whose address contains /nowhere"):
        page.world(frame="/nowhere")


@both
def test_a_page_may_go_on_by_a_script_while_it_loads(page: ForeignPage, loopback: Site) -> None:
    assert page.open(f"{loopback.origin}/hurries").url == f"{loopback.origin}/plain"


@both
def test_a_world_shares_the_document_and_no_globals(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/plain")
    world = page.world()
    world.evaluate("ours = 1")
    assert world.evaluate("[typeof pageValue, document.title]") == ["undefined", "plain"]
    assert page.page.evaluate("[typeof ours, pageValue]", timeout=60) == ["undefined", 42]


def test_a_service_worker_does_not_stop_us(page: ForeignPage) -> None:
    with site() as own:  # the service worker stays for the whole origin
        page.open(f"{own.origin}/serviced")
        page.page.evaluate("controlled", timeout=60)
        world = page.world()
        assert world.evaluate("Boolean(navigator.serviceWorker.controller)") is True
        assert world.evaluate(MODULE) == 42
        assert page.open(f"{own.origin}/plain", isolate=True).isolated


@both
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
    with pytest.raises(ScenarioFailed) as caught:
        page.open(f"{loopback.origin}{path}")
    assert caught.value.outcome == outcome
    assert caught.value.hint == NEXT_STEPS[caught.value.outcome]


@both
@pytest.mark.parametrize("path", ["/never", "/half"])
def test_a_page_that_never_loads(page: ForeignPage, loopback: Site, path: str) -> None:
    with pytest.raises(ScenarioFailed) as caught:
        page.open(f"{loopback.origin}{path}", timeout=1)
    assert caught.value.outcome == "never loaded"


@both
def test_a_server_that_is_not_there(page: ForeignPage) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        with pytest.raises(ScenarioFailed) as caught:
            page.open(f"http://127.0.0.1:{port}/")
    assert caught.value.outcome == "unreachable"


@both
def test_an_invalid_certificate(page: ForeignPage) -> None:
    with secure_site() as url, pytest.raises(ScenarioFailed) as caught:
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


@both
def test_a_redirect_is_followed_and_reported(page: ForeignPage, loopback: Site) -> None:
    opened = page.open(f"{loopback.origin}/redirect", isolate=True)
    assert opened.redirected
    assert opened.url == f"{loopback.origin}/plain"
    assert opened.isolated


@both
def test_a_page_that_navigates_is_noticed(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/plain")
    world = page.world()
    page.wait(0)
    page.page.evaluate(f"void setTimeout(() => {{ location.href = '{loopback.origin}/strict' }}, 0)", timeout=60)
    with pytest.raises(ScenarioFailed) as caught:
        page.wait(30)
    assert caught.value.outcome == "left"
    assert "/strict" in caught.value.message
    with pytest.raises(ScenarioFailed) as caught:
        world.evaluate("1")
    assert caught.value.outcome == "left"


@both
def test_a_change_of_the_fragment_is_no_navigation(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/plain")
    world = page.world()
    page.page.evaluate("location.hash = 'there'; history.pushState(null, '', '/plain?x=1')", timeout=60)
    page.wait(0.1)
    assert world.evaluate("location.search") == "?x=1"


@both
def test_a_dialog_is_closed_and_noted(page: ForeignPage, loopback: Site) -> None:
    opened = page.open(f"{loopback.origin}/greets")
    assert opened.dialogs == ("alert: hello",)
    assert page.world().evaluate("6 * 7") == 42


@pytest.mark.parametrize("launch", [chrome.launch, firefox.launch])
def test_a_crash_is_named(launch: Launch, loopback: Site) -> None:
    with launch() as running, foreign_page(running.address) as page:
        page.open(f"{loopback.origin}/plain")
        kill_pages(running.pid)
        with pytest.raises(ScenarioFailed) as caught:
            page.wait(30)
    assert caught.value.outcome == "crashed"


@pytest.mark.parametrize("launch", [chrome.launch, firefox.launch])
def test_a_lost_browser_is_named(launch: Launch, loopback: Site) -> None:
    with launch() as running, foreign_page(running.address) as page:
        page.open(f"{loopback.origin}/plain")
        os.kill(running.pid, signal.SIGKILL)
        with pytest.raises(ScenarioFailed) as caught:
            page.wait(30)
    assert caught.value.outcome == "disconnected"


@pytest.mark.parametrize("launch", [chrome.launch, firefox.launch])
def test_a_page_that_is_busy_forever_is_named(launch: Launch, loopback: Site) -> None:
    with launch() as running, foreign_page(running.address) as page:
        page.open(f"{loopback.origin}/plain")
        world = page.world()
        page.page.evaluate("void setTimeout(() => { for (;;); }, 0)", timeout=60)
        with pytest.raises(ScenarioFailed) as caught:
            for _ in range(100):
                world.evaluate("new Promise(done => setTimeout(done, 10))", timeout=1)
    assert caught.value.outcome == "no answer"


def test_everything_is_switched_off_again(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/strict", isolate=True)
    page.close()
    page.call("Page.navigate", {"url": f"{loopback.origin}/strict?again"})
    with pytest.raises(ScenarioFailed, match="again"):
        page.wait(30)
    expression = "[crossOriginIsolated, (() => { try { return eval('1') } catch { return 'refused' } })()]"
    params = {"expression": expression, "returnByValue": True, "allowUnsafeEvalBlockedByCSP": False}
    assert page.call("Runtime.evaluate", params)["result"]["value"] == [False, "refused"]


@pytest.mark.parametrize("browser", ["firefox"], indirect=True)
def test_firefox_holds_and_changes_nothing_any_more(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/meta", isolate=True)
    page.close()
    for path in ("/strict", "/meta"):
        page.page.open(f"{loopback.origin}{path}")
        assert page.page.evaluate("crossOriginIsolated", timeout=60) is False
        with pytest.raises(BlockFailed, match="CSP"):
            page.page.evaluate(WASM, timeout=60)


@pytest.mark.parametrize("browser", ["firefox"], indirect=True)
def test_a_policy_that_a_script_sets_is_unsupported_in_firefox(page: ForeignPage, loopback: Site) -> None:
    with pytest.raises(Unsupported, match="no way to lift"):
        page.open(f"{loopback.origin}/late-policy")


@pytest.mark.parametrize("browser", ["firefox"], indirect=True)
def test_a_document_with_a_policy_is_asked_for_once(page: ForeignPage, loopback: Site) -> None:
    loopback.asked.clear()
    opened = page.open(f"{loopback.origin}/meta?a=(1)*{{2}}")
    assert (opened.title, opened.http_status, opened.redirected) == ("meta", 200, False)
    assert [path for path in loopback.asked if path.startswith("/meta")] == ["/meta?a=(1)*{2}"]
    assert page.world().evaluate("document.querySelectorAll('meta').length") == 1


@both
def test_a_frame_of_another_site_has_a_process_of_its_own(page: ForeignPage, loopback: Site) -> None:
    opened = page.open(f"{loopback.origin}/around")
    assert (opened.frames, opened.frames_elsewhere, opened.frames_failed) == (1, 1, 0)
    world = page.world(frame="/strict-inside")
    assert world.evaluate("[document.title, location.hostname]") == ["inside", "other.localhost"]
    assert world.evaluate("eval('6 * 7')") == 42
    assert world.call_function("(a) => a.x", {"x": 7}) == 7
    assert page.world().evaluate(WORKER) == 42


def test_chrome_loads_no_frames_of_other_sites_into_an_isolated_page(page: ForeignPage, loopback: Site) -> None:
    opened = page.open(f"{loopback.origin}/around", isolate=True)
    assert (opened.isolated, opened.frames_failed) == (True, 1)
    with pytest.raises(Unsupported, match="no frame") as caught:
        page.world(frame="/strict-inside")
    assert "isolated" in (caught.value.hint or "")


@pytest.mark.parametrize("browser", ["firefox"], indirect=True)
def test_firefox_isolates_frames_of_other_sites_too(page: ForeignPage, loopback: Site) -> None:
    assert page.open(f"{loopback.origin}/around", isolate=True).isolated
    assert page.world(frame="/strict-inside").evaluate("[document.title, crossOriginIsolated]") == ["inside", True]


def test_workers_of_the_page_run_while_it_is_opened(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/works")
    assert page.page.evaluate("answered", timeout=60) == 42


@both
def test_an_exception_of_our_script_is_no_outcome_of_the_page(page: ForeignPage, loopback: Site) -> None:
    page.open(f"{loopback.origin}/plain")
    with pytest.raises(BlockFailed, match="no such thing") as caught:
        page.world().evaluate("Promise.reject(new Error('no such thing'))")
    assert not isinstance(caught.value, ScenarioFailed)


def test_the_tab_is_closed(browser: RunningBrowser, loopback: Site) -> None:
    with foreign_page(browser.address) as page:
        page.open(f"{loopback.origin}/plain")
    with foreign_page(browser.address) as page:
        wait_until(lambda: not tabs_of(loopback, page))  # the browser answers before the tab is gone


def tabs_of(site: Site, page: ForeignPage) -> list[dict[str, Any]]:
    """The open tabs that show a page of the site."""
    targets = page.call("Target.getTargets")["targetInfos"]
    return [one for one in targets if one["url"].startswith(site.origin) and one["type"] == "page"]
