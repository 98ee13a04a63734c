"""Real browsers on this computer, driven and ended in every way that has a name: nothing is left of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Timer

import pytest

from mobilebench.browsers import builds, launching
from mobilebench.browsers.connect import open_page
from mobilebench.core.errors import BlockFailed
from tests.browsers.processes import group, kill_pages, processes_with, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("browser", ["chrome", "firefox"])]


@contextmanager
def isolated_page(body: str) -> Iterator[str]:
    """A page on loopback with the headers that isolate it; its address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@contextmanager
def closed_port() -> Iterator[int]:
    """A port at which nothing listens, and which nobody else can take meanwhile."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        yield int(probe.getsockname()[1])


def test_it_runs_an_isolated_page_and_leaves_nothing(browser: str, temporary: Path) -> None:
    with builds.launch(browser) as running:
        assert running.version == builds.installed()[browser]
        with isolated_page("<script>x = 6 * 7</script>") as url, open_page(running.address) as page:
            page.tell_cores(12)
            page.open(url)
            read = (
                "[x, document.visibilityState, document.hasFocus(), crossOriginIsolated, navigator.hardwareConcurrency]"
            )
            assert page.evaluate(read, timeout=60) == [42, "visible", True, True, 12]
        assert group(running.pid)
        assert [folder.name for folder in temporary.iterdir()] == [running.profile.name]
    wait_until(lambda: not group(running.pid))
    assert list(temporary.iterdir()) == []


def test_a_proxy_in_the_environment_is_not_asked(
    browser: str, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with (
        isolated_page("<script>x = 'reached'</script>") as url,
        builds.launch(browser) as running,
        open_page(running.address) as page,
    ):
        page.open(url)
        assert page.evaluate("x", timeout=60) == "reached"


def test_an_exception_and_a_missing_page_are_reported(browser: str, temporary: Path) -> None:
    with builds.launch(browser) as running, open_page(running.address) as page:
        with pytest.raises(BlockFailed, match="threw an exception: Error: later") as raised:
            page.evaluate("(async () => { throw new Error('later') })()", timeout=60)
        assert raised.value.fault == "page error"
        refused = r"could not open the page: .*CONNECTION_REFUSED"
        with closed_port() as port, pytest.raises(BlockFailed, match=refused) as raised:
            page.open(f"http://127.0.0.1:{port}/")
        assert raised.value.fault == "cut connection"


def test_a_browser_that_is_killed_is_named(browser: str, temporary: Path) -> None:
    with (
        pytest.raises(
            BlockFailed, match=r"connection to the browser was cut .*: [\w-]+ was killed \(signal 9\)"
        ) as raised,
        builds.launch(browser) as running,
        open_page(running.address) as page,
    ):
        Timer(0.3, os.kill, [running.pid, signal.SIGKILL]).start()
        page.evaluate("new Promise(() => {})", timeout=60)
    assert raised.value.fault == "crash"
    wait_until(lambda: not group(running.pid))
    assert list(temporary.iterdir()) == []


def test_a_browser_that_is_killed_before_its_page_is_opened_is_named(browser: str, temporary: Path) -> None:
    with (
        pytest.raises(BlockFailed, match="connection to the browser was cut") as raised,
        builds.launch(browser) as running,
    ):
        os.killpg(running.pid, signal.SIGKILL)
        with open_page(running.address):
            pass
    assert raised.value.fault == "crash"
    assert list(temporary.iterdir()) == []


def test_a_browser_that_is_killed_while_it_starts_is_named(
    browser: str, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait = launching.wait_for_address

    def killed(name: str, process: subprocess.Popen[bytes], *rest: object) -> str:
        os.killpg(process.pid, signal.SIGKILL)
        return wait(name, process, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(launching, "wait_for_address", killed)
    with pytest.raises(BlockFailed, match=r"ended while it started \(exit code -9\)") as raised, builds.launch(browser):
        pass
    assert raised.value.fault == "crash"
    assert list(temporary.iterdir()) == []


def test_a_page_whose_process_is_killed_is_named(browser: str, temporary: Path) -> None:
    with (
        isolated_page("<p>soon gone</p>") as url,
        pytest.raises(BlockFailed, match=r"page.* (was killed|crashed).* memory") as raised,
        builds.launch(browser) as running,
        open_page(running.address) as page,
    ):
        page.open(url)
        Timer(0.3, kill_pages, [running.pid]).start()
        page.evaluate("new Promise(() => {})", timeout=60)
    assert raised.value.fault == "crash"


def test_an_endless_loop_is_given_up(browser: str, temporary: Path) -> None:
    with (
        pytest.raises(BlockFailed, match="The page never answered within 1 s") as raised,
        builds.launch(browser) as running,
        open_page(running.address) as page,
    ):
        page.evaluate("(() => { for (;;); })()", timeout=0.6)
    assert raised.value.fault == "hang"
    wait_until(lambda: not group(running.pid))


def test_an_answer_of_hundreds_of_megabytes_is_not_taken(browser: str, temporary: Path) -> None:
    with (
        pytest.raises(BlockFailed, match=r"too large for a measurement: more than") as raised,
        builds.launch(browser) as running,
        open_page(running.address) as page,
    ):
        page.evaluate("'x'.repeat(150e6)", timeout=60)
    assert raised.value.fault == "bad answer"


def test_it_dies_with_a_killed_mobilebench(browser: str, temporary: Path) -> None:
    script = (
        "import tempfile, time\n"
        f"tempfile.tempdir = {str(temporary)!r}\n"
        "from mobilebench.browsers import builds\n"
        f"with builds.launch({browser!r}) as running:\n"
        "    print(running.profile, running.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    owner = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    profile, pid = owner.stdout.readline().split()
    assert processes_with(profile)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    wait_until(lambda: not group(int(pid)))
    with builds.launch(browser):
        assert not Path(profile).exists()
