"""The questions that a freshly installed Chrome asks before it opens anything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from mobilebench.virtual.state import Screen as Display

Then = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Button:
    """What can be touched, as a share of the display's width and height."""

    resource: str
    text: str
    left: float
    top: float
    right: float
    bottom: float

    def bounds(self, display: Display) -> tuple[int, int, int, int]:
        """Left, top, right and bottom in pixels."""
        width, height = display.width, display.height
        return (
            round(self.left * width),
            round(self.top * height),
            round(self.right * width),
            round(self.bottom * height),
        )


@dataclass(frozen=True)
class Question:
    """One screen; every button of it answers it."""

    component: str
    buttons: tuple[Button, ...]

    @property
    def package(self) -> str:
        return self.component.partition("/")[0]


def questions(package: str) -> list[Question]:
    """What is asked, in turn: an account, and whether the browser may send notifications."""
    permissions = "com.android.permissioncontroller"
    return [
        Question(
            f"{package}/org.chromium.chrome.browser.firstrun.FirstRunActivity",
            (
                Button(f"{package}:id/signin_fre_continue_button", "Continue as virtual", 0.1, 0.80, 0.9, 0.85),
                Button(f"{package}:id/signin_fre_dismiss_button", "Use without an account", 0.1, 0.87, 0.9, 0.92),
            ),
        ),
        Question(
            f"{permissions}/{permissions}.permission.ui.GrantPermissionsActivity",
            (
                Button(f"{permissions}:id/permission_allow_button", "Allow", 0.15, 0.60, 0.85, 0.65),
                Button(f"{permissions}:id/permission_deny_button", "Deny", 0.15, 0.67, 0.85, 0.72),
            ),
        ),
    ]


class FirstRun:
    """What is asked now, and what goes on when everything is answered."""

    def __init__(self) -> None:
        self._asked: list[Question] = []
        self._then: Then | None = None

    @property
    def now(self) -> Question | None:
        """The screen in front."""
        return self._asked[0] if self._asked else None

    def begin(self, package: str, then: Then) -> None:
        """Ask everything; `then` opens the browser."""
        self._asked = questions(package)
        self._then = then

    def end(self) -> None:
        """The browser was ended: nothing is asked any more."""
        self._asked = []
        self._then = None

    async def touch(self, x: int, y: int, display: Display) -> bool:
        """Whether the touch answered the last question."""
        if self.now is None or not any(_holds(button.bounds(display), x, y) for button in self.now.buttons):
            return False
        self._asked.pop(0)
        then = self._then
        if self._asked or then is None:
            return False
        self.end()
        await then()
        return True


def hierarchy(question: Question | None, front: str, display: Display) -> str:
    """What is on the display, as `uiautomator dump` tells it."""
    package = question.package if question else front
    buttons = question.buttons if question else ()
    whole = (0, 0, display.width, display.height)
    nodes = [_node(package, "android.widget.Button", one.resource, one.text, one.bounds(display)) for one in buttons]
    inside = _node(package, "android.widget.FrameLayout", "", "", whole).removesuffix("/>") + ">" + "".join(nodes)
    return f'<?xml version="1.0" encoding="UTF-8" standalone="yes"?><hierarchy rotation="0">{inside}</node></hierarchy>'


def _node(package: str, kind: str, resource: str, text: str, bounds: tuple[int, int, int, int]) -> str:
    left, top, right, bottom = bounds
    clickable = "true" if resource else "false"
    words = {"text": text, "resource-id": resource, "class": kind, "package": package, "content-desc": ""}
    said = " ".join(f"{name}={quoteattr(value)}" for name, value in words.items())
    return f'<node index="0" {said} clickable="{clickable}" enabled="true" bounds="[{left},{top}][{right},{bottom}]"/>'


def _holds(bounds: tuple[int, int, int, int], x: int, y: int) -> bool:
    left, top, right, bottom = bounds
    return left <= x < right and top <= y < bottom
