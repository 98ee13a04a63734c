"""Chrome on the phone: a real Chromium behind adb forward, with pages behind adb reverse."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mobilebench.virtual import phones
from tests.virtual.conftest import Desk, wait_until

pytestmark = [pytest.mark.adb, pytest.mark.browser]

START = "am start -p com.android.chrome -a android.intent.action.VIEW"


@contextmanager
def page(text: str) -> Iterator[int]:
    """Serves a cross-origin isolated page that writes its findings into its title."""
    script = f"document.title = ['{text}', crossOriginIsolated, isSecureContext].join(' ')"

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.end_headers()
            self.wfile.write(f"<!doctype html><script>{script}</script>".encode())

        def log_message(self, *words: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def ask(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return json.load(answer)


def titles(port: int) -> list[str]:
    return [tab["title"] for tab in ask(port, "/json/list")]


def test_chrome_shows_an_isolated_page_and_ends(desk: Desk, tmp_path: Path) -> None:
    (phone,) = phones.up(1)
    (tmp_path / "flags").write_text("_ --user-agent=Marked --force-color-profile=srgb\n")
    desk.run(phone, "push", str(tmp_path / "flags"), "/data/local/tmp/chrome-command-line")
    desk.shell(phone, "am set-debug-app --persistent com.android.chrome")
    with page("hello") as here:
        desk.run(phone, "reverse", "tcp:8000", f"tcp:{here}")
        desk.shell(phone, f"{START} -d http://127.0.0.1:8000/")
        port = int(desk.run(phone, "forward", "tcp:0", "localabstract:chrome_devtools_remote").stdout)
        version = ask(port, "/json/version")
        wait_until(lambda: "hello true true" in titles(port))
        again = desk.run(phone, "shell", f"{START} -d http://127.0.0.1:8000/?second")
        assert again.returncode == 0 and b"Warning: Activity not started" in again.stderr
        wait_until(lambda: titles(port).count("hello true true") == 2)
    installed = desk.shell(phone, "dumpsys package com.android.chrome | grep versionName")
    assert installed == f"versionName={version['Browser'].removeprefix('Chrome/')}"
    assert version["User-Agent"] == "Marked"
    assert "TOTAL PSS" in desk.shell(phone, "dumpsys meminfo com.android.chrome")
    desk.shell(phone, "am force-stop com.android.chrome")
    wait_until(lambda: desk.shell(phone, "ps -e -o comm | grep -c chrom || true") == "0")
    with pytest.raises(OSError):
        ask(port, "/json/version")
    phones.down()


def test_flags_are_read_only_when_chrome_is_the_debug_app(one_desk: Desk, tmp_path: Path) -> None:
    (phone,) = phones.up(1, wipe=True)
    (tmp_path / "flags").write_text("_ --user-agent=Marked\n")
    one_desk.run(phone, "push", str(tmp_path / "flags"), "/data/local/tmp/chrome-command-line")
    one_desk.shell(phone, f"{START} -d about:blank")
    port = int(one_desk.run(phone, "forward", "tcp:0", "localabstract:chrome_devtools_remote").stdout)
    assert ask(port, "/json/version")["User-Agent"] != "Marked"
    phones.down()


def test_two_phones_have_two_chromes(one_desk: Desk) -> None:
    pair = phones.up(2, wipe=True)
    with page("one") as one, page("two") as two:
        ports = []
        for phone, here in zip(pair, (one, two), strict=True):
            one_desk.run(phone, "reverse", "tcp:8000", f"tcp:{here}")
            one_desk.shell(phone, f"{START} -d http://localhost:8000/")
            ports.append(int(one_desk.run(phone, "forward", "tcp:0", "localabstract:chrome_devtools_remote").stdout))
        wait_until(lambda: "one true true" in titles(ports[0]) and "two true true" in titles(ports[1]))
    phones.down()
