"""Dialogs of the system that appear over the app in front, until they are answered or cleared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mobilebench.virtual.android.first_run import Button, Question
from mobilebench.virtual.state import Screen

Action = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Dialog(Question):
    """A dialog; `component` is what `dumpsys window` calls its window."""

    owner: str
    """The package whose window it is."""
    covers: bool = False
    """Whether it is an activity that takes the whole screen."""

    @property
    def package(self) -> str:
        return self.owner


def dialog(kind: str, app: str) -> Dialog:
    """The dialog of this kind (`anr`, `crash`, `update`, `usb`) over the app of this package."""
    settings, services = "com.android.settings", "com.google.android.gms"
    if kind == "anr":
        return Dialog(
            f"Application Not Responding: {app}",
            (
                _title(f"{app} isn't responding"),
                Button("android:id/aerr_close", "Close app", 0.1, 0.50, 0.9, 0.55),
                Button("android:id/aerr_wait", "Wait", 0.1, 0.56, 0.9, 0.61),
            ),
            "android",
        )
    if kind == "crash":
        return Dialog(
            f"Application Error: {app}",
            (
                _title(f"{app} keeps stopping"),
                Button("android:id/aerr_app_info", "App info", 0.1, 0.50, 0.9, 0.55),
                Button("android:id/aerr_close", "Close app", 0.1, 0.56, 0.9, 0.61),
            ),
            "android",
        )
    if kind == "update":
        return Dialog(
            f"{services}/{services}.update.SystemUpdateActivity",
            (
                _title("System update available"),
                Button(f"{services}:id/suw_navbar_next", "Restart now", 0.55, 0.9, 0.95, 0.95),
                Button(f"{services}:id/suw_navbar_back", "Later", 0.05, 0.9, 0.45, 0.95),
            ),
            services,
            covers=True,
        )
    return Dialog(
        f"{settings}/{settings}.connecteddevice.usb.UsbModeChooserActivity",
        (
            _title("Use USB to"),
            Button("android:id/button1", "Charge this device", 0.1, 0.50, 0.9, 0.55),
            Button("android:id/button2", "Transfer files", 0.1, 0.56, 0.9, 0.61),
        ),
        settings,
    )


def _title(text: str) -> Button:
    return Button("android:id/alertTitle", text, 0.1, 0.42, 0.9, 0.47)


class Dialogs:
    """The dialog in front, and touches on it."""

    def __init__(self) -> None:
        self.now: Dialog | None = None
        self._answered: Action | None = None

    def show(self, shown: Dialog, answered: Action) -> None:
        """Show a dialog; `answered` runs after any of its buttons was touched."""
        self.now, self._answered = shown, answered

    def end(self) -> None:
        self.now = self._answered = None

    async def app_ended(self, package: str) -> None:
        """Close the dialog that says that this app hangs or has crashed."""
        if self.now is not None and self.now.component.endswith(f": {package}"):
            await self.dismiss()

    async def left_behind(self) -> None:
        """Close a dialog that is an activity, because another one has come in front."""
        if self.now is not None and self.now.covers:
            await self.dismiss()

    async def touch(self, x: int, y: int, display: Screen) -> str:
        """Handle a touch; return the resource of the button that it answered, or an empty text."""
        buttons = self.now.buttons if self.now else ()
        for button in buttons:
            left, top, right, bottom = button.bounds(display)
            if left <= x < right and top <= y < bottom and not button.resource.endswith("alertTitle"):
                answered = self._answered
                self.end()
                if answered:
                    await answered()
                return button.resource
        return ""

    async def dismiss(self) -> bool:
        """The key BACK; whether there was a dialog to close."""
        answered, was_there = self._answered, self.now is not None
        self.end()
        if answered:
            await answered()
        return was_there
