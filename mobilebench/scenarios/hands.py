"""Real input: the browser makes events from these commands as it does from a mouse and a keyboard."""

from __future__ import annotations

from typing import Any, Protocol

from mobilebench.browsers.bidi import BidiPage
from mobilebench.browsers.page import Page

INPUT_SECONDS = 60.0
"""The browser acknowledges an input when the page has handled it, which a busy page does late."""

_NAMED_KEYS = {"Enter": (13, "\r", "\ue007"), "Backspace": (8, "", "\ue003"), "Tab": (9, "", "\ue004")}
"""Name of a key to its Windows key code, the text that it types, and its code point in WebDriver."""


class Hands(Protocol):
    """Mouse and keyboard of a page. Each method returns when the browser has delivered the input.

    Every method raises `BlockFailed` as the methods of `Page` do.
    """

    def click(self, x: float, y: float) -> None:
        """Press and release the left button here (CSS pixels of the window)."""
        ...

    def press(self, key: str) -> None:
        """Press and release one key: a character, or `Enter`, `Backspace` or `Tab`."""
        ...

    def scroll(self, x: float, y: float, down: float) -> None:
        """Turn the wheel over this place by so many pixels; negative: up."""
        ...


def hands_of(page: Page) -> Hands:
    """The hands for a page, by the protocol that drives it."""
    return _BidiHands(page) if isinstance(page, BidiPage) else _CdpHands(page)


class _CdpHands:
    def __init__(self, page: Page) -> None:
        self._page = page

    def click(self, x: float, y: float) -> None:
        where = {"x": x, "y": y, "button": "left", "clickCount": 1}
        self._send("Input.dispatchMouseEvent", {"type": "mousePressed", "buttons": 1, **where})
        self._send("Input.dispatchMouseEvent", {"type": "mouseReleased", "buttons": 0, **where})

    def press(self, key: str) -> None:
        code, text, _ = _NAMED_KEYS.get(key, (ord(key[0].upper()) if key.isalnum() else 0, key, key))
        named = {"key": key, "windowsVirtualKeyCode": code}
        typed = {"text": text, "unmodifiedText": text} if text else {}
        self._send("Input.dispatchKeyEvent", {"type": "keyDown" if text else "rawKeyDown", **named, **typed})
        self._send("Input.dispatchKeyEvent", {"type": "keyUp", **named})

    def scroll(self, x: float, y: float, down: float) -> None:
        self._send("Input.dispatchMouseEvent", {"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": down})

    def _send(self, method: str, params: dict[str, Any]) -> None:
        self._page.call(method, params, timeout=INPUT_SECONDS)


class _BidiHands:
    def __init__(self, page: BidiPage) -> None:
        self._page = page

    def click(self, x: float, y: float) -> None:
        moves = [
            {"type": "pointerMove", "x": round(x), "y": round(y)},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._send({"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves})

    def press(self, key: str) -> None:
        value = _NAMED_KEYS[key][2] if key in _NAMED_KEYS else key
        down_up = [{"type": kind, "value": value} for kind in ("keyDown", "keyUp")]
        self._send({"type": "key", "id": "keyboard", "actions": down_up})

    def scroll(self, x: float, y: float, down: float) -> None:
        turn = {"type": "scroll", "x": round(x), "y": round(y), "deltaX": 0, "deltaY": round(down)}
        self._send({"type": "wheel", "id": "wheel", "actions": [turn]})

    def _send(self, source: dict[str, Any]) -> None:
        params = {"context": self._page.context, "actions": [source]}
        self._page.call("input.performActions", params, timeout=INPUT_SECONDS)
