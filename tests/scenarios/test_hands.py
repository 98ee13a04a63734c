"""The commands by which a browser is given real input."""

from __future__ import annotations

from typing import Any

import pytest

from mobilebench.browsers.bidi import BidiNotices, BidiPage
from mobilebench.scenarios.hands import Hands, hands_of

Call = tuple[str, dict[str, Any]]


class Recording:
    """Keeps the commands instead of sending them."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def call(self, method: str, params: dict[str, Any] | None = None, *, timeout: float = 15.0) -> dict[str, Any]:
        self.calls.append((method, params or {}))
        return {}


@pytest.fixture
def chrome() -> tuple[Hands, list[Call]]:
    page: Any = Recording()
    return hands_of(page), page.calls


@pytest.fixture
def firefox(monkeypatch: pytest.MonkeyPatch) -> tuple[Hands, list[Call]]:
    exchange: Any = None
    page = BidiPage(BidiNotices(), exchange, "tab1")
    recording = Recording()
    monkeypatch.setattr(page, "call", recording.call)
    return hands_of(page), recording.calls


def test_a_click_in_chrome(chrome: tuple[Hands, list[Call]]) -> None:
    hands, calls = chrome
    hands.click(3.5, 4)
    assert [(params["type"], params["x"], params["y"], params["buttons"]) for _, params in calls] == [
        ("mousePressed", 3.5, 4, 1),
        ("mouseReleased", 3.5, 4, 0),
    ]


@pytest.mark.parametrize(
    ("key", "kind", "text", "code"),
    [
        ("a", "keyDown", "a", 65),
        (" ", "keyDown", " ", 0),
        ("Enter", "keyDown", "\r", 13),
        ("Backspace", "rawKeyDown", None, 8),
    ],
)
def test_a_key_in_chrome(chrome: tuple[Hands, list[Call]], key: str, kind: str, text: str | None, code: int) -> None:
    hands, calls = chrome
    hands.press(key)
    (_, down), (_, up) = calls
    assert (down["type"], down.get("text"), down["windowsVirtualKeyCode"], down["key"]) == (kind, text, code, key)
    assert up["type"] == "keyUp"
    assert "text" not in up


def test_the_wheel_in_chrome(chrome: tuple[Hands, list[Call]]) -> None:
    hands, calls = chrome
    hands.scroll(10, 20, -160)
    assert calls == [
        ("Input.dispatchMouseEvent", {"type": "mouseWheel", "x": 10, "y": 20, "deltaX": 0, "deltaY": -160})
    ]


def test_everything_in_firefox(firefox: tuple[Hands, list[Call]]) -> None:
    hands, calls = firefox
    hands.click(3.6, 4.2)
    hands.press("Enter")
    hands.press("x")
    hands.scroll(10, 20, -160)
    assert {method for method, _ in calls} == {"input.performActions"}
    assert {params["context"] for _, params in calls} == {"tab1"}
    click, enter, letter, wheel = (params["actions"][0]["actions"] for _, params in calls)
    assert [one["type"] for one in click] == ["pointerMove", "pointerDown", "pointerUp"]
    assert (click[0]["x"], click[0]["y"]) == (4, 4)
    assert [(one["type"], one["value"]) for one in enter] == [("keyDown", "\ue007"), ("keyUp", "\ue007")]
    assert letter[0]["value"] == "x"
    assert wheel == [{"type": "scroll", "x": 10, "y": 20, "deltaX": 0, "deltaY": -160}]
