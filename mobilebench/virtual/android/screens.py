"""What is on the phone's display, as views that can be dumped, touched and drawn."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol
from xml.sax.saxutils import quoteattr

from mobilebench.virtual.android.first_run import Question
from mobilebench.virtual.state import Screen, State

Bounds = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""
DISPLAY_ID = "4619827259835644672"
SYSTEM = "com.android.systemui"
LAUNCHER_PACKAGE = "com.android.launcher3"


@dataclass(frozen=True)
class View:
    """A view on the display."""

    kind: str
    """Class, such as `android.widget.Button`."""
    package: str
    bounds: Bounds
    resource: str = ""
    text: str = ""
    description: str = ""
    clickable: bool = False
    editable: bool = False
    scrollable: bool = False
    focused: bool = False
    opens: str = ""
    """Package of the app that a touch opens."""

    def holds(self, x: float, y: float) -> bool:
        left, top, right, bottom = self.bounds
        return left <= x < right and top <= y < bottom


@dataclass
class Interface:
    """What the user did on the display; it is lost when the phone restarts."""

    at_home: bool = False
    """Whether the launcher is in front of a running browser."""
    shade: str = ""
    """`notifications` or `quick_settings`, if that is pulled down."""
    recent: bool = False
    """Whether the list of recent apps is shown."""
    address: str = ""
    """Text in the browser's address bar."""
    focused: str = ""
    """Resource of the text field that has the focus."""
    clipboard: str | None = None
    volume: int = 7
    toast: str = ""
    toast_until: float = 0.0
    last_toast: str = ""

    def show_toast(self, text: str, seconds: float) -> None:
        self.toast, self.last_toast = text, text
        self.toast_until = time.monotonic() + seconds

    def close_overlays(self) -> bool:
        """Close what lies over the app; whether there was anything."""
        was_there = bool(self.shade or self.recent)
        self.shade, self.recent = "", False
        return was_there


class Shown(Protocol):
    """The parts of the phone that decide what is on the display."""

    @property
    def state(self) -> State: ...
    @property
    def question(self) -> Question | None: ...
    @property
    def front(self) -> str: ...
    @property
    def interface(self) -> Interface: ...
    @property
    def running(self) -> str | None: ...
    @property
    def packages(self) -> list[str]: ...


def rotation(state: State) -> int:
    """Quarter turns of the display: the setting's if rotation is frozen, else that of a phone that lies upright."""
    settings = state.settings.system
    turned = settings.get("user_rotation", "0")
    return int(turned) if settings.get("accelerometer_rotation") == "0" and turned in {"1", "2", "3"} else 0


PHYSICAL_DENSITY = 420
"""Dots per inch."""
FORCED_SIZE = "global.display_size_forced"
FORCED_DENSITY = "secure.display_density_forced"
"""Settings in which Android keeps what `wm` has forced."""


def forced_size(state: State) -> tuple[int, int] | None:
    """Width and height that `wm size` has forced while the display is upright, or None."""
    found = re.fullmatch(r"(\d{1,6}),(\d{1,6})", state.settings.global_.get("display_size_forced", ""))
    return (int(found[1]), int(found[2])) if found else None


def forced_density(state: State) -> int | None:
    """The density that `wm density` has forced, or None."""
    text = state.settings.secure.get("display_density_forced", "")
    return int(text) if re.fullmatch(r"\d{1,6}", text) else None


def turned(state: State) -> Screen:
    """The screen with the width and the height that apps see: forced or its own, in its present rotation."""
    width, height = forced_size(state) or (state.screen.width, state.screen.height)
    screen = replace(state.screen, width=width, height=height)
    return replace(screen, width=screen.height, height=screen.width) if rotation(state) % 2 else screen


def views(shown: Shown) -> list[View]:
    """The views on the display, from back to front; none if the screen is off."""
    state, interface = shown.state, shown.interface
    screen = turned(state)
    if not state.screen.on:
        return []
    if state.screen.locked:
        return _lock_screen(screen)
    if question := shown.question:
        return _question(question, screen)
    if interface.shade:
        return _shade(interface.shade, screen)
    if interface.recent:
        return [_view("android.view.View", LAUNCHER_PACKAGE, screen, "overview_panel", (0.05, 0.1, 0.95, 0.9))]
    package = shown.front.partition("/")[0]
    if package not in (shown.running, LAUNCHER_PACKAGE):
        return [_view("android.widget.TextView", package, screen, "stage", (0.0, 0.0, 1.0, 1.0))]
    if shown.running and not interface.at_home:
        return _browser(shown.running, interface, screen)
    return _launcher(shown.packages, screen)


def hierarchy(shown: Shown) -> str:
    """The view hierarchy, in the form of `uiautomator dump`."""
    screen = turned(shown.state)
    found = views(shown)
    package = found[0].package if found else SYSTEM
    frame = View("android.widget.FrameLayout", package, (0, 0, screen.width, screen.height))
    inner = "".join(_node(number, view) for number, view in enumerate(found))
    whole = _node(0, frame).removesuffix("/>") + f">{inner}</node>"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    return f'{head}<hierarchy rotation="{rotation(shown.state)}">{whole}</hierarchy>'


def touched(found: Iterable[View], x: float, y: float) -> View | None:
    """The view at this place that takes touches, or None."""
    return next(
        (view for view in reversed(list(found)) if (view.clickable or view.editable) and view.holds(x, y)), None
    )


def _view(
    kind: str, package: str, screen: Screen, resource: str, share: tuple[float, float, float, float], text: str = ""
) -> View:
    left, top, right, bottom = share
    width, height = screen.width, screen.height
    bounds = (round(left * width), round(top * height), round(right * width), round(bottom * height))
    return View(kind, package, bounds, f"{package}:id/{resource}", text)


def _lock_screen(screen: Screen) -> list[View]:
    return [
        _view("android.widget.TextView", SYSTEM, screen, "keyguard_clock", (0.1, 0.12, 0.9, 0.22), "Locked"),
        _view("android.widget.ImageView", SYSTEM, screen, "lock_icon_view", (0.45, 0.85, 0.55, 0.9)),
    ]


def _question(question: Question, screen: Screen) -> list[View]:
    found = []
    for button in question.buttons:
        is_title = button.resource.endswith("alertTitle")
        kind = "android.widget.TextView" if is_title else "android.widget.Button"
        found.append(
            View(kind, question.package, button.bounds(screen), button.resource, button.text, clickable=not is_title)
        )
    return found


def _shade(which: str, screen: Screen) -> list[View]:
    name = "quick_settings_panel" if which == "quick_settings" else "notification_stack_scroller"
    text = "Quick settings" if which == "quick_settings" else "No notifications"
    return [_view("android.widget.FrameLayout", SYSTEM, screen, name, (0.0, 0.0, 1.0, 0.9), text)]


def _browser(package: str, interface: Interface, screen: Screen) -> list[View]:
    bar = _view("android.widget.EditText", package, screen, "url_bar", (0.1, 0.04, 0.85, 0.09), interface.address)
    page = _view("android.webkit.WebView", package, screen, "compositor_view_holder", (0.0, 0.1, 1.0, 1.0))
    focused = interface.focused == bar.resource
    return [replace(page, scrollable=True), replace(bar, editable=True, clickable=True, focused=focused)]


def _launcher(packages: Iterable[str], screen: Screen) -> list[View]:
    names = {package: _label(package) for package in packages if _label(package)}
    found = []
    for number, (package, name) in enumerate(names.items()):
        row, column = divmod(number, 4)
        share = (0.05 + 0.225 * column, 0.6 + 0.1 * row, 0.05 + 0.225 * column + 0.2, 0.6 + 0.1 * row + 0.08)
        view = _view("android.widget.TextView", LAUNCHER_PACKAGE, screen, "icon", share, name)
        found.append(replace(view, clickable=True, description=name, opens=package))
    return found


_LABELS = {
    "com.android.settings": "Settings", "com.android.chrome": "Chrome", "com.chrome.beta": "Chrome Beta",
    "com.chrome.dev": "Chrome Dev", "com.chrome.canary": "Chrome Canary", "org.chromium.chrome": "Chromium",
    "org.mozilla.firefox": "Firefox", "org.mozilla.firefox_beta": "Firefox Beta",
    "org.mozilla.fenix": "Firefox Nightly",
}  # fmt: skip


def _label(package: str) -> str:
    return _LABELS.get(package, "")


def _node(number: int, view: View) -> str:
    left, top, right, bottom = view.bounds
    texts = {
        "text": view.text,
        "resource-id": view.resource,
        "class": view.kind,
        "package": view.package,
        "content-desc": view.description,
    }
    flags = {
        "checkable": False,
        "checked": False,
        "clickable": view.clickable,
        "enabled": True,
        "focusable": view.clickable or view.editable,
        "focused": view.focused,
        "scrollable": view.scrollable,
        "long-clickable": view.editable,
        "password": False,
        "selected": False,
    }
    words = [f"{name}={quoteattr(value)}" for name, value in texts.items()]
    words += [f'{name}="{str(value).lower()}"' for name, value in flags.items()]
    return f'<node index="{number}" {" ".join(words)} bounds="[{left},{top}][{right},{bottom}]"/>'
