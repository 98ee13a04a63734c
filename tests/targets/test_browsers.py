"""Browsers on a phone: which one is started, which others are ended, and where it is reached."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from mobilebench.browsers import builds
from mobilebench.core.errors import BadInput, BlockFailed, Unsupported
from mobilebench.targets.android import browsers as module
from mobilebench.targets.android import discovery, first_run
from mobilebench.targets.android.apps import KNOWN_BROWSERS
from mobilebench.targets.android.browsers import CHROME_FLAGS_FILE, PhoneBrowsers
from mobilebench.targets.android.restore import (
    AppStarted,
    AutomationPrepared,
    DebugAppBefore,
    FileBefore,
    Forwarded,
    SettingBefore,
)
from mobilebench.targets.android.shell import NotAllowed
from tests.pinning import Pinned

SOCKET = "localabstract:chrome_devtools_remote"
EVERY = dict.fromkeys(KNOWN_BROWSERS, "1.0")
TAB = "com.android.chrome/com.google.android.apps.chrome.Main"
ASKING = "com.android.chrome/org.chromium.chrome.browser.firstrun.FirstRunActivity"
LENT = AutomationPrepared(had_jar=False, was_running=False)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Only the builds that a test declares, and no waiting for tabs or first-run screens."""
    monkeypatch.setenv(builds.VARIABLE, "")
    monkeypatch.setattr(module, "_PAGE_SECONDS", 0.0)
    monkeypatch.setattr(module, "_QUIET_SECONDS", 0.0)
    monkeypatch.setattr(module, "_LOOK_SECONDS", 0.02)


class FakeConditions:
    """Records the changes to the phone in order; its sockets lead to ports of this computer."""

    def __init__(self, sockets: dict[str, int]) -> None:
        self.sockets = sockets
        self.screens = [TAB]
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

    def start_app(self, package, starts):
        self.done.append(starts[0])
        return AppStarted(package=package)

    def front(self):
        return self.screens[0]

    def prepare_automation(self):
        self.done.append("lend screen")
        return LENT

    def listening(self):
        return [name.removeprefix("localabstract:") for name in self.sockets]

    def forward(self, remote=None):
        local = f"tcp:{self.sockets.get(remote, 1)}"
        return Forwarded(local=local, remote=remote or local)

    def put_back(self, changes):
        self.put += changes


@pytest.fixture
def devtools() -> Iterator[Callable[..., int]]:
    """Starts DevTools endpoints with these version records; returns their ports."""
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


class FakeScreen:
    """Presses one button of each first-run screen; the next screen follows."""

    def __init__(self, conditions, knows=True):
        self.conditions = conditions
        self.knows = knows
        self.closed = False

    def press(self, buttons):
        if not self.knows:
            return None
        shown = self.conditions.screens.pop(0)
        return f"No to {shown.rpartition('.')[2]}"

    def close(self):
        self.closed = True


@contextmanager
def browsers(sockets, installed=EVERY):
    conditions = FakeConditions(sockets)
    yield PhoneBrowsers("S1", conditions, installed, None), conditions


def test_a_phone_whose_settings_adb_cannot_change_is_measured_with_a_note(devtools, monkeypatch, pinned: Pinned):
    port = devtools(Browser="Chrome/120.0.1", **{"Android-Package": "com.android.chrome"})

    def refuse(*arguments):
        raise NotAllowed("fake-1: the setting could not be changed: SecurityException", hint="Allow it.")

    with browsers({SOCKET: port}) as (phone, conditions):
        monkeypatch.setattr(conditions, "set_setting", refuse)
        monkeypatch.setattr(conditions, "wake_screen", lambda: "SecurityException: INJECT_EVENTS")
        notes = phone.running("chrome").notes
    assert notes[0].startswith("the screen may go off: fake-1: the setting could not be changed: SecurityException")
    assert notes[0].endswith("Allow it.")
    pinned(notes[1])
    assert not any(isinstance(step, SettingBefore) for step in conditions.put)


@pytest.mark.parametrize("name", [name for name, app in KNOWN_BROWSERS.items() if app.is_chrome])
def test_other_chrome_builds_are_ended_because_they_share_a_socket(name, devtools):
    app = KNOWN_BROWSERS[name]
    port = devtools(Browser="Chrome/120.0.1", **{"Android-Package": app.package})
    with browsers({SOCKET: port}) as (phone, conditions):
        handle = phone.running(name, ["--x=1"])
    assert (handle.name, handle.version, handle.program) == (name, "120.0.1", app.package)
    assert handle.address == f"http://127.0.0.1:{port}"
    stopped = {line.removeprefix("stop ") for line in conditions.done if line.startswith("stop ")}
    assert stopped == {other.package for other in KNOWN_BROWSERS.values() if other.is_chrome} - {app.package}
    assert conditions.done[0].startswith(f"{CHROME_FLAGS_FILE}: _ --disable-fre")
    assert conditions.done[0].endswith(" --x=1")
    assert conditions.done[1] == f"debug {app.package}"
    assert conditions.done[-1].startswith(f"am start -p {app.package} ")


def test_a_chrome_that_is_alone_ends_nothing(devtools):
    port = devtools(Browser="Chrome/120.0.1")
    with browsers({SOCKET: port}, {"chrome": "1", "chrome@samsung": "2"}) as (phone, conditions):
        phone.running("chrome")
    assert not [line for line in conditions.done if line.startswith("stop")]


def test_a_browser_stays_open_for_the_next_block_with_the_same_flags(devtools):
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
def test_a_browser_of_another_maker_is_found_among_the_sockets(name, socket, devtools):
    package = KNOWN_BROWSERS[name].package
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


def test_a_browser_without_a_socket_is_unsupported_and_put_back(monkeypatch, pinned: Pinned):
    monkeypatch.setattr(module, "_SOCKET_SECONDS", 0.2)
    with (
        browsers({}) as (phone, conditions),
        pinned.raises(Unsupported),
    ):
        phone.running("chrome@samsung")
    assert AppStarted(package="com.sec.android.app.sbrowser") in conditions.put


def test_another_app_at_the_socket_is_named_and_put_back(devtools, pinned: Pinned):
    port = devtools(Browser="Chrome/1", **{"Android-Package": "com.example.browser"})
    with (
        browsers({SOCKET: port}) as (phone, conditions),
        pinned.raises(BlockFailed),
    ):
        phone.running("chrome")
    assert len(conditions.put) == 5


@pytest.mark.parametrize(
    ("name", "flags", "kind"),
    [
        ("chrome@nightly", [], Unsupported),
        ("chrome@edge", ["--x"], Unsupported),
        ("chrome@samsung", ["--x"], Unsupported),
        ("chrome", ['--x="y"'], BadInput),
        ("chrome", ["--x\n"], BadInput),
        ("chrome", ["x"], BadInput),
        ("chrome", ["--x=" + 90_000 * "y"], BadInput),
        ("firefox", ["x"], BadInput),
    ],
    ids=["unknown", "edge", "samsung", "quotes", "line break", "no flag", "too long", "firefox"],
)
def test_an_unsupported_browser_or_flag_changes_nothing(name, flags, kind, pinned: Pinned):
    with browsers({}) as (phone, conditions), pinned.raises(kind):
        phone.running(name, flags)
    assert (conditions.done, conditions.put) == ([], [])


def test_a_browser_that_is_not_installed_is_named_with_its_package(pinned: Pinned):
    with (
        browsers({}, {}) as (phone, _),
        pinned.raises(Unsupported),
    ):
        phone.running("chrome@beta")


def test_every_package_is_known_once():
    assert len({app.package for app in KNOWN_BROWSERS.values()}) == len(KNOWN_BROWSERS)


class TestBuilds:
    """`--browser-path NAME=PACKAGE FLAGS`."""

    def test_builds_of_one_package_take_turns_and_the_flags_file_is_put_back_between_them(self, devtools, declare):
        declare(["chrome@plain=com.android.chrome", "chrome@flat=com.android.chrome '--js-flags=--a --b' --x"])
        port = devtools(Browser="Chrome/120.0.1")
        installed = {"chrome": "1", "chrome@plain": "1", "chrome@flat": "1", "chrome@beta": "1"}
        with browsers({SOCKET: port}, installed) as (phone, conditions):
            flat = phone.running("chrome@flat", ["--page"])
            assert (flat.program, flat.flags[-3:]) == ("com.android.chrome", ("--js-flags=--a --b", "--x", "--page"))
            assert conditions.done[0].endswith(' "--js-flags=--a --b" --x --page')
            assert phone.running("chrome@flat", ["--page"]) is flat
            plain = phone.running("chrome@plain")
            assert "--x" not in plain.flags
            assert [step.path for step in conditions.put if isinstance(step, FileBefore)] == [CHROME_FLAGS_FILE]
        stopped = [line for line in conditions.done if line.startswith("stop ")]
        assert stopped == ["stop com.chrome.beta"] * 2

    def test_phones_are_described_with_the_builds_that_are_declared(self, monkeypatch, declare):
        declare(["chrome@mine=com.example.my_browser"])
        monkeypatch.setattr(discovery, "phone", lambda serial, state: [build.name for build in builds.of_phones()])
        assert discovery.phones({"S1": "device", "S2": "device"}) == [["chrome@mine"]] * 2

    def test_an_unknown_package_is_found_among_the_sockets(self, devtools, declare):
        declare(["chrome@mine=com.example.my_browser"])
        port = devtools(Browser="Mine/3.2", **{"Android-Package": "com.example.my_browser"})
        with browsers({"localabstract:my_devtools_remote": port}, {"chrome@mine": "3.2"}) as (phone, _):
            assert phone.running("chrome@mine").version == "3.2"

    @pytest.mark.parametrize(
        "build",
        ["chrome@x=org.mozilla.firefox", "firefox@x=com.android.chrome", "chrome@x=com.microsoft.emmx --y"],
    )
    def test_builds_that_cannot_be_driven_are_unsupported(self, build, declare, pinned: Pinned):
        (name,) = declare([build])
        with browsers({}, {name: "1"}) as (phone, conditions), pinned.raises(Unsupported):
            phone.running(name)
        assert conditions.done == []


class TestFirstRun:
    def screens(self, monkeypatch, conditions, *shown, knows=True):
        conditions.screens = [*shown, TAB]
        screen = FakeScreen(conditions, knows)
        monkeypatch.setattr(module, "Automation", lambda serial, cancel: screen)
        monkeypatch.setattr("mobilebench.targets.android.first_run._SETTLE_SECONDS", 0.0)
        return screen

    def test_first_run_screens_before_the_socket_opens_are_answered_and_noted(self, monkeypatch, devtools):
        with browsers({}) as (phone, conditions):
            denied = "com.google.android.permissioncontroller/com.android.permission.ui.GrantPermissionsActivity"
            screen = self.screens(monkeypatch, conditions, ASKING, denied)
            port = devtools(Browser="Chrome/120.0.1")
            press = screen.press

            def open_after_the_last(buttons):
                text = press(buttons)
                if conditions.screens == [TAB]:
                    monkeypatch.setattr(
                        module, "devtools_version", lambda address, package: "120" if conditions.screens else None
                    )
                    conditions.sockets[SOCKET] = port
                return text

            screen.press = open_after_the_last
            handle = phone.running("chrome")
        assert handle.notes == (
            "first-run screen FirstRunActivity was answered with “No to FirstRunActivity”",
            "first-run screen GrantPermissionsActivity was answered with “No to GrantPermissionsActivity”",
        )
        assert screen.closed
        assert conditions.put == [LENT]

    def test_first_run_screens_of_a_browser_that_answers_are_found_too(self, monkeypatch, devtools):
        port = devtools(Browser="Chrome/120.0.1")
        with browsers({SOCKET: port}) as (phone, conditions):
            self.screens(monkeypatch, conditions, ASKING)
            assert len(phone.running("chrome").notes) == 1

    def test_automation_is_not_prepared_for_a_browser_that_asks_nothing(self, devtools):
        port = devtools(Browser="Chrome/120.0.1")
        with browsers({SOCKET: port}) as (phone, conditions):
            assert phone.running("chrome").notes == ()
        assert "lend screen" not in conditions.done

    def test_an_unknown_first_run_screen_is_an_error_and_everything_is_put_back(
        self, monkeypatch, devtools, pinned: Pinned
    ):
        monkeypatch.setattr("mobilebench.targets.android.first_run._PATIENCE_SECONDS", 0.05)
        port = devtools(Browser="Chrome/120.0.1")
        with browsers({SOCKET: port}) as (phone, conditions):
            screen = self.screens(monkeypatch, conditions, ASKING, knows=False)
            with pinned.raises(BlockFailed):
                phone.running("chrome")
        assert screen.closed
        assert LENT in conditions.put and AppStarted(package="com.android.chrome") in conditions.put

    def test_the_error_for_a_browser_that_never_answers_names_the_screen(self, monkeypatch, pinned: Pinned):
        monkeypatch.setattr(module, "_START_SECONDS", 0.1)
        with browsers({}) as (phone, _), pinned.raises(BlockFailed):
            phone.running("chrome")


@pytest.mark.parametrize(
    ("component", "asking"),
    [
        (ASKING, True),
        ("com.android.chrome/.firstrun.LightweightFirstRunActivity", True),
        ("com.android.chrome/org.chromium.chrome.browser.signin.SigninAndHistorySyncActivity", True),
        ("com.google.android.permissioncontroller/com.android.permissioncontroller.ui.GrantPermissionsActivity", True),
        ("com.android.packageinstaller/.permission.ui.GrantPermissionsActivity", True),
        ("com.google.android.permissioncontroller/.SafetyCenterActivity", False),
        ("com.chrome.beta/org.chromium.chrome.browser.firstrun.FirstRunActivity", False),
        (TAB, False),
        ("", False),
    ],
)
def test_which_screens_ask(component, asking):
    assert first_run.asks(component, "com.android.chrome") is asking


class TestFirefox:
    def test_it_is_started_by_the_file_of_its_package_and_reached_at_the_port_that_it_names(self, devtools):
        port = devtools()
        with browsers({None: port}, {"firefox": "153.7.0"}) as (phone, conditions):
            handle = phone.running("firefox", ["a.b=1", "MOZ_LOG=all", "--kiosk"])
        assert (handle.address, handle.version) == (f"ws://127.0.0.1:{port}", "153.7.0")
        path, _, text = conditions.done[0].partition(": ")
        assert path == "/data/local/tmp/org.mozilla.firefox-geckoview-config.yaml"
        config = yaml.safe_load(text)
        assert config["args"] == ["--remote-debugging-port", str(port), "--kiosk"]
        assert (config["prefs"]["a.b"], config["prefs"]["remote.prefs.recommended"]) == (1, False)
        assert config["env"] == {"MOZ_LOG": "all"}
        assert conditions.done[1:] == [
            "debug org.mozilla.firefox",
            "wake",
            "am start -n org.mozilla.firefox/org.mozilla.fenix.IntentReceiverActivity"
            " -a android.intent.action.VIEW -d http://127.0.0.1/",
        ]

    def test_every_block_has_a_fresh_one(self, devtools):
        with browsers({None: devtools()}, {"firefox": "1"}) as (phone, conditions):
            phone.running("firefox")
            phone.running("firefox")
        assert conditions.put.count(AppStarted(package="org.mozilla.firefox")) == 1
