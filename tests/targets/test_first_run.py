"""Pressing buttons with uiautomator2, and its failures."""

from __future__ import annotations

import sys
import time
from threading import Event, Timer
from types import ModuleType, SimpleNamespace

import pytest

from mobilebench.core.errors import BlockFailed
from mobilebench.targets.android.first_run import Automation
from tests.pinning import Pinned


class NotFound(Exception):
    """The error that uiautomator2 raises if no element matches."""


class FakeDevice:
    """A device of uiautomator2 with these buttons, by resource id."""

    def __init__(self, *buttons):
        self.buttons = list(buttons)
        self.clicked = []
        self.stopped = 0
        self.jsonrpc = SimpleNamespace(objInfo=self._info, click=self._click)

    def __call__(self, **selector):
        return SimpleNamespace(selector=selector)

    def stop_uiautomator(self, wait):
        self.stopped += 1

    def _info(self, selector, http_timeout):
        assert set(selector) == {"resourceIdMatches"}
        if not self.buttons:
            raise NotFound
        return self.buttons[0]

    def _click(self, x, y, http_timeout):
        self.clicked.append((x, y))


@pytest.fixture(autouse=True)
def exceptions(monkeypatch):
    """A stand-in for the package, with the one error class that is needed."""
    module = ModuleType("uiautomator2.exceptions")
    module.UiObjectNotFoundError = NotFound
    monkeypatch.setitem(sys.modules, "uiautomator2", ModuleType("uiautomator2"))
    monkeypatch.setitem(sys.modules, "uiautomator2.exceptions", module)


def automation(device, cancel=None):
    screen = Automation("S1", cancel)
    screen._connect = device if callable(device) and not isinstance(device, FakeDevice) else lambda: device
    return screen


BOUNDS = {"left": 10, "top": 20, "right": 30, "bottom": 60}


@pytest.mark.parametrize(
    ("info", "text"),
    [
        ({"text": "Nein danke", "resourceName": "p:id/no", "visibleBounds": BOUNDS}, "Nein danke"),
        ({"text": "", "resourceName": "p:id/no_button", "bounds": BOUNDS}, "no_button"),
    ],
)
def test_the_middle_of_a_button_is_touched_and_its_text_returned(info, text):
    device = FakeDevice(info)
    screen = automation(device)
    assert screen.press(".*") == text
    assert device.clicked == [(20, 40)]
    screen.close()
    screen.close()
    assert device.stopped == 1


def test_nothing_is_touched_if_no_button_matches():
    device = FakeDevice()
    assert automation(device).press(".*") is None
    assert device.clicked == []


def test_a_uiautomator2_server_that_does_not_start_is_an_error(pinned: Pinned):
    def broken():
        raise RuntimeError("server  quit\nunexpectedly")

    with pinned.raises(BlockFailed):
        automation(broken).press(".*")


def test_a_call_that_hangs_is_given_up_when_the_run_is_cancelled(pinned: Pinned):
    cancel, never = Event(), Event()
    Timer(0.1, cancel.set).start()
    began = time.monotonic()
    with pinned.raises(BlockFailed):
        automation(never.wait, cancel).press(".*")
    assert time.monotonic() - began < 30
    never.set()
