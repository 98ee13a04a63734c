"""Browsers on a phone: which one is started, what is ended for it, and where it is reached."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from mobilebench.errors import BadInput, BlockFailed, Unsupported
from mobilebench.targets.android import chrome
from mobilebench.targets.android.apps import BROWSERS, DRIVEN
from mobilebench.targets.android.chrome import FLAGS_FILE, PhoneBrowsers
from mobilebench.targets.android.restore import AppStarted, DebugAppBefore, FileBefore, Forwarded, SettingBefore

SOCKET = "localabstract:chrome_devtools_remote"
EVERY = dict.fromkeys(DRIVEN, "1.0")


class FakeConditions:
    """What is done to the phone, in order; its sockets lead to ports of this computer."""

    def __init__(self, sockets: dict[str, int]) -> None:
        self.sockets = sockets
        self.done: list[str] = []
        self.put: list[object] = []

    def set_setting(self, namespace, key, value):
        return SettingBefore(namespace=namespace, key=key, value=None)

    def change_file(self, path, content):
        self.done.append(f"{path}: {content.decode().strip()}")
        return FileBefore(path=path, content=None)

    def set_debug_app(self, package):
        self.done.append(f"debug {package}")
        return DebugAppBefore(package=None)

    def stop_app(self, package):
        self.done.append(f"stop {package}")

    def wake_screen(self):
        self.done.append("wake")

    def start_app(self, package, start):
        self.done.append(start)
        return AppStarted(package=package)

    def listening(self):
        return [name.removeprefix("localabstract:") for name in self.sockets]

    def forward(self, remote):
        return Forwarded(local=f"tcp:{self.sockets.get(remote, 1)}", remote=remote)

    def put_back(self, changes):
        self.put += changes


@pytest.fixture
def devtools() -> Iterator[Callable[..., int]]:
    """Starts DevTools endpoints that say what they are; their ports."""
    servers = []

    def start(**version: str) -> int:
        class Version(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(version).encode())

            def log_message(self, *arguments):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Version)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server.server_address[1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@contextmanager
def browsers(sockets, installed=EVERY):
    conditions = FakeConditions(sockets)
    yield PhoneBrowsers("S1", conditions, installed, None), conditions


@pytest.mark.parametrize("name", [name for name, app in DRIVEN.items() if app.is_chrome])
def test_of_several_chromes_the_others_are_ended_because_they_share_a_socket(name, devtools):
    app = DRIVEN[name]
    port = devtools(Browser="Chrome/120.0.1", **{"Android-Package": app.package})
    with browsers({SOCKET: port}) as (phone, conditions):
        handle = phone.running(name, ["--x=1"])
    assert (handle.name, handle.version, handle.program) == (name, "120.0.1", app.package)
    assert handle.address == f"http://127.0.0.1:{port}"
    stopped = {line.removeprefix("stop ") for line in conditions.done if line.startswith("stop ")}
    assert stopped == {other.package for other in DRIVEN.values() if other.is_chrome} - {app.package}
    assert conditions.done[0].startswith(f"{FLAGS_FILE}: _ --disable-fre")
    assert conditions.done[0].endswith(" --x=1")
    assert conditions.done[1] == f"debug {app.package}"
    assert conditions.done[-1].startswith(f"am start -n {app.package}/")


def test_a_chrome_that_is_alone_ends_nothing(devtools):
    port = devtools(Browser="Chrome/120.0.1")
    with browsers({SOCKET: port}, {"chrome": "1", "chrome@samsung": "2"}) as (phone, conditions):
        phone.running("chrome")
    assert not [line for line in conditions.done if line.startswith("stop")]


def test_a_browser_stays_for_blocks_that_want_it_the_same(devtools):
    port = devtools(Browser="Chrome/120.0.1")
    with browsers({SOCKET: port}) as (phone, conditions):
        first = phone.running("chrome")
        assert phone.running("chrome") is first
        assert conditions.put == []
        assert phone.running("chrome", ["--y"]) is not first
        assert AppStarted(package="com.android.chrome") in conditions.put
        assert phone.running("chrome@beta").program == "com.chrome.beta"


@pytest.mark.parametrize(
    ("name", "socket"), [("chrome@samsung", "Terrace_devtools_remote"), ("chrome@edge", "x_devtools_remote_77")]
)
def test_a_browser_of_another_maker_is_looked_for_among_the_sockets(name, socket, devtools):
    package = DRIVEN[name].package
    wrong = devtools(Browser="Chrome/1", **{"Android-Package": "com.android.chrome"})
    right = devtools(Browser="Other/24.0.2", **{"Android-Package": package})
    view = devtools(Browser="WebView/1", **{"Android-Package": package})
    sockets = {
        "localabstract:webview_devtools_remote_12": view,
        SOCKET: wrong,
        "localabstract:odd name;_devtools_remote": wrong,
        f"localabstract:{socket}": right,
    }
    with browsers(sockets) as (phone, conditions):
        handle = phone.running(name)
    assert (handle.address, handle.version, handle.flags) == (f"http://127.0.0.1:{right}", "24.0.2", ())
    assert conditions.done == ["wake", f"am start -p {package} -a android.intent.action.VIEW -d about:blank"]


def test_a_browser_without_a_socket_is_unsupported_and_put_back(monkeypatch):
    monkeypatch.setattr(chrome, "_SOCKET_SECONDS", 0.2)
    with (
        browsers({}) as (phone, conditions),
        pytest.raises(Unsupported, match="Samsung Internet on phone S1 opens no DevTools socket"),
    ):
        phone.running("chrome@samsung")
    assert AppStarted(package="com.sec.android.app.sbrowser") in conditions.put


def test_another_app_at_the_socket_is_named_and_put_back(devtools):
    port = devtools(Browser="Chrome/1", **{"Android-Package": "com.example.browser"})
    with (
        browsers({SOCKET: port}) as (phone, conditions),
        pytest.raises(BlockFailed, match=r"com\.example\.browser answers .*, not com\.android\.chrome"),
    ):
        phone.running("chrome")
    assert len(conditions.put) == 5


@pytest.mark.parametrize(
    ("name", "flags", "kind", "words"),
    [
        ("firefox", [], Unsupported, "firefox on phone S1 cannot be driven"),
        ("chrome@nightly", [], Unsupported, "chrome@nightly on phone S1 cannot be driven"),
        ("chrome@edge", ["--x"], Unsupported, "Edge on phone S1 cannot be started with flags"),
        ("chrome", ["--x --y"], BadInput, "cannot be written"),
    ],
)
def test_what_cannot_be_had_changes_nothing(name, flags, kind, words):
    with browsers({}) as (phone, conditions), pytest.raises(kind, match=words):
        phone.running(name, flags)
    assert (conditions.done, conditions.put) == ([], [])


def test_a_browser_that_is_not_installed_is_named_with_its_package():
    with (
        browsers({}, {}) as (phone, _),
        pytest.raises(Unsupported, match=r"no Chrome Beta on phone S1 \(com\.chrome\.beta\)"),
    ):
        phone.running("chrome@beta")


def test_every_package_is_known_once():
    assert len(set(BROWSERS.values())) == len(BROWSERS)
