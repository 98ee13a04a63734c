"""The first-run screens that a newly installed Chrome shows before it opens a page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mobilebench.virtual.state import Screen as Display

Action = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Button:
    """A touchable button; its position is a share of the display's width and height."""

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
    """One screen; each of its buttons answers it."""

    component: str
    buttons: tuple[Button, ...]

    @property
    def package(self) -> str:
        return self.component.partition("/")[0]


def questions(package: str) -> list[Question]:
    """The screens in order: account, then permission for notifications."""
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
    """The first-run screens still to be answered, and the action that follows the last one."""

    def __init__(self) -> None:
        self._remaining: list[Question] = []
        self._then: Action | None = None

    @property
    def now(self) -> Question | None:
        """The screen in front, or None."""
        return self._remaining[0] if self._remaining else None

    def begin(self, package: str, then: Action) -> None:
        """Show all screens; `then` opens the browser after the last answer."""
        self._remaining = questions(package)
        self._then = then

    def end(self) -> None:
        """Drop all screens, because the browser was ended."""
        self._remaining = []
        self._then = None

    async def touch(self, x: int, y: int, display: Display) -> bool:
        """Handle a touch; return whether it answered the last screen."""
        if self.now is None or not any(_holds(button.bounds(display), x, y) for button in self.now.buttons):
            return False
        self._remaining.pop(0)
        then = self._then
        if self._remaining or then is None:
            return False
        self.end()
        await then()
        return True


def _holds(bounds: tuple[int, int, int, int], x: int, y: int) -> bool:
    left, top, right, bottom = bounds
    return left <= x < right and top <= y < bottom
