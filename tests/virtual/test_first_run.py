"""Chrome's first-run screens, and the automation that answers them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mobilebench.virtual import automation
from mobilebench.virtual.android.device import Device
from mobilebench.virtual.android.intents import VIEW
from mobilebench.virtual.automation import AutomationRefused, Screen, answer
from mobilebench.virtual.config import Program
from mobilebench.virtual.state import BadState, State, with_value
from tests.virtual.test_commands import ask, make_device

START = ("am", "start", "-p", "com.android.chrome", "-a", VIEW, "-d", "about:blank")


@pytest.fixture
def device(tmp_path: Path) -> Device:
    """A phone whose Chrome shows first-run screens."""
    device = make_device(tmp_path, chromium=Program("/nowhere/chromium", "156.0.8078.79"))
    device.files.change(lambda state: with_value(state, "browser.first_run", True))
    device.files.change(lambda state: with_value(state, "browser.camera", False))
    return device


@pytest.fixture
def opened(device: Device, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records how Chrome is opened instead of opening it."""
    noted: list[str] = []

    async def note(url: str, flags: list[str], package: str) -> None:
        noted.append(f"{package} {url} {flags}")

    monkeypatch.setattr(device.chrome, "open", note)
    return noted


def front(device: Device) -> str:
    found = re.search(r"mCurrentFocus=Window\{\S+ \S+ (\S+)\}", ask(device, "dumpsys", "window").stdout)
    assert found is not None
    return found[1]


def button(device: Device, name: str) -> tuple[str, str]:
    """The middle of a button, as arguments of `input tap`."""
    xml = ask(device, "uiautomator", "dump", "/dev/tty").stdout
    found = re.search(rf':id/{name}".*?bounds="\[(\d+),(\d+)\]\[(\d+),(\d+)\]"', xml)
    assert found is not None, xml
    left, top, right, bottom = (int(number) for number in found.groups())
    return str((left + right) // 2), str((top + bottom) // 2)


def test_chrome_opens_after_the_last_first_run_screen_and_asks_only_once(device: Device, opened: list[str]) -> None:
    assert "Starting" in ask(device, *START).stdout
    assert front(device).endswith("FirstRunActivity")
    assert opened == []
    ask(device, "input", "tap", *button(device, "signin_fre_dismiss_button"))
    assert front(device).endswith("GrantPermissionsActivity")
    ask(device, "input", "tap", *button(device, "permission_deny_button"))
    assert opened == ["com.android.chrome about:blank []"]
    assert not device.state.browser.first_run
    ask(device, *START)
    assert len(opened) == 2


def test_a_touch_beside_the_buttons_does_nothing(device: Device) -> None:
    ask(device, *START)
    ask(device, "input", "tap", "1", "1")
    assert front(device).endswith("FirstRunActivity")


def test_a_chrome_that_was_ended_asks_again(device: Device) -> None:
    ask(device, *START)
    ask(device, "input", "tap", *button(device, "signin_fre_dismiss_button"))
    ask(device, "am", "force-stop", "com.android.chrome")
    assert "launcher" in front(device)
    ask(device, *START)
    assert front(device).endswith("FirstRunActivity")


def test_further_browsers_are_installed_by_name() -> None:
    state = with_value(State(), "browser.others", "com.chrome.beta, org.mozilla.firefox")
    assert state.browser.packages == ["com.chrome.beta", "org.mozilla.firefox"]
    with pytest.raises(BadState, match=r"com\.example cannot be installed"):
        with_value(State(), "browser.others", "com.example")


def test_an_installed_channel_is_listed_and_started(device: Device, opened: list[str]) -> None:
    device.files.change(lambda state: with_value(state, "browser.others", "com.chrome.beta"))
    device.files.change(lambda state: with_value(state, "browser.first_run", False))
    assert "versionName=156" in ask(device, "dumpsys", "package", "com.chrome.beta").stdout
    ask(device, "am", "start", "-p", "com.chrome.beta", "-a", VIEW, "-d", "about:blank")
    assert opened == ["com.chrome.beta about:blank []"]


class FakeScreen(Screen):
    def __init__(self) -> None:
        self.touched: list[tuple[float, float]] = []

    def hierarchy(self) -> str:
        facts = 'class="Button" package="p" content-desc="" clickable="true" enabled="true" bounds="[10,20][30,60]"'
        return f'<hierarchy><node text="No" resource-id="p:id/no" {facts}/></hierarchy>'

    def touch(self, x: float, y: float) -> bool:
        self.touched.append((x, y))
        return True


def test_the_automation_finds_by_selector_and_touches() -> None:
    screen = FakeScreen()
    selector = {"mask": 4194304, "resourceIdMatches": ".*:id/(no|never)"}
    assert answer(screen, "exist", [selector]) is True
    assert answer(screen, "objInfo", [selector])["visibleBounds"] == {"left": 10, "top": 20, "right": 30, "bottom": 60}
    assert answer(screen, "click", [20, 40]) is True
    assert screen.touched == [(20, 40)]
    assert answer(screen, "count", [{"text": "Yes"}]) == 0
    with pytest.raises(AutomationRefused, match="UiObjectNotFoundException"):
        answer(screen, "objInfo", [{"text": "Yes"}])
    with pytest.raises(AutomationRefused, match="has no fly"):
        answer(screen, "fly", [])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["/", "com.wetest.uia2.Main", "-p", "9008"], "could not find class"),
        (["/", "com.example.Main"], "runs no Android programs"),
    ],
)
def test_without_its_class_app_process_ends(words, says, monkeypatch, capsys) -> None:
    monkeypatch.setenv("CLASSPATH", "/nowhere/u2.jar")
    assert automation.main("127.0.0.1", "/nowhere", words) == 1
    assert says in capsys.readouterr().err
