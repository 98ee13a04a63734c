"""The part of `app_process` that uiautomator2 uses: its server, on top of this phone's own commands.

The display comes from `uiautomator dump`, and touches, swipes and keys go to `input`. It runs as a separate process, so
that it can be ended as on a phone; only the standard library is imported here.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from mobilebench.virtual import control

MAIN = "com.wetest.uia2.Main"
_LONGEST = 1 << 20
_NOT_FOUND = "androidx.test.uiautomator.UiObjectNotFoundException"
_LOOKS_EVERY_S = 0.1
_TEXTS = {
    "text": "text",
    "description": "content-desc",
    "className": "class",
    "packageName": "package",
    "resourceId": "resource-id",
}
_FLAGS = {
    name: re.sub(r"([A-Z])", lambda found: f"-{found[1].lower()}", name)
    for name in (
        "checkable", "checked", "clickable", "enabled", "focusable", "focused", "longClickable", "scrollable",
        "selected",
    )
}  # fmt: skip
_KEYS = {
    "home": "HOME", "back": "BACK", "left": "DPAD_LEFT", "right": "DPAD_RIGHT", "up": "DPAD_UP", "down": "DPAD_DOWN",
    "center": "DPAD_CENTER", "menu": "MENU", "search": "SEARCH", "enter": "ENTER", "delete": "DEL", "del": "DEL",
    "recent": "APP_SWITCH", "volume_up": "VOLUME_UP", "volume_down": "VOLUME_DOWN", "volume_mute": "VOLUME_MUTE",
    "camera": "CAMERA", "power": "POWER",
}  # fmt: skip
_ROTATIONS = {"natural": 0, "n": 0, "left": 1, "l": 1, "right": 3, "r": 3, "upsidedown": 2, "u": 2}
_DOTS_PER_DP = 160

Selector = Mapping[str, Any]


class AutomationRefused(Exception):
    """The error that a call returns instead of a result."""


class Screen:
    """The display's content, and what a user does with it."""

    def __init__(self, metadata: Path = Path("/metadata/mobilebench")) -> None:
        self._metadata = metadata
        self.named: dict[str, dict[str, str]] = {}
        """Views that were found by `childByText` and its like, by the name that the caller got."""
        self.configurator: dict[str, int] = {
            "actionAcknowledgmentTimeout": 3000,
            "keyInjectionDelay": 0,
            "scrollAcknowledgmentTimeout": 200,
            "waitForIdleTimeout": 0,
            "waitForSelectorTimeout": 0,
        }

    def hierarchy(self) -> str:
        """The view hierarchy as XML."""
        output = self.run("uiautomator", "dump", "/dev/tty")
        return output[: output.rindex(">") + 1] if ">" in output else output

    def matching(self, selector: Selector | str) -> list[dict[str, str]]:
        """Attributes of all nodes that match a selector, in the order of the hierarchy."""
        if isinstance(selector, str):
            return [self.named[selector]] if selector in self.named else []
        root = ElementTree.fromstring(self.hierarchy())  # noqa: S314 - written by this phone itself
        return [node.attrib for node in _found(root, [root], selector)]

    def first_matching(self, selector: Selector | str) -> dict[str, str]:
        """The first matching node. Raises `AutomationRefused` if there is none."""
        nodes = self.matching(selector)
        if not nodes:
            raise AutomationRefused(f"{_NOT_FOUND}: {json.dumps(selector)}")
        return nodes[0]

    def touch(self, x: float, y: float) -> bool:
        self.run("input", "tap", str(round(x)), str(round(y)))
        return True

    def run(self, *argv: str) -> str:
        """Run one of the phone's commands, and return what it prints."""
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout

    def interface(self, **changes: Any) -> dict[str, Any]:
        """Change and read what no command of Android gives, such as the clipboard."""
        try:
            return control.ask(self._metadata, {"do": "interface", **changes})
        except control.NoAnswer as error:
            raise AutomationRefused(f"android.os.DeadObjectException: {error}") from None


def answer(screen: Screen, method: str, params: Sequence[Any]) -> Any:
    """Run one call and return its result. Raises `AutomationRefused`."""
    if method not in _CALLS:
        raise AutomationRefused(f"a virtual phone has no {method}")
    return _CALLS[method](screen, *params)


def info(node: Mapping[str, str]) -> dict[str, Any]:
    """A node as uiautomator2's object info."""
    numbers = [int(number) for number in re.findall(r"-?\d+", node["bounds"])]
    bounds = dict(zip(("left", "top", "right", "bottom"), numbers, strict=True))
    flags = {name: node.get(attribute) == "true" for name, attribute in _FLAGS.items()}
    return {
        "text": node["text"],
        "resourceName": node["resource-id"],
        "className": node["class"],
        "packageName": node["package"],
        "contentDescription": node["content-desc"],
        "childCount": 0,
        **flags,
        "enabled": True,
        "bounds": bounds,
        "visibleBounds": bounds,
    }


# Selectors


def _found(root: Element, within: Sequence[Element], selector: Selector) -> list[Element]:
    """Nodes below those given that match, with the children and siblings that the selector asks for."""
    nodes = [node for parent in within for node in parent.iter("node") if node is not parent or parent is root]
    nodes = [node for node in dict.fromkeys(nodes) if _node_matches(node.attrib, selector)]
    steps = zip(selector.get("childOrSibling", ()), selector.get("childOrSiblingSelector", ()), strict=False)
    if "instance" in selector:
        at = int(selector["instance"])
        nodes = nodes[at : at + 1]
    for step, inner in steps:
        parents = nodes
        if step == "sibling":
            parents = [parent for parent in root.iter() if any(node in list(parent) for node in nodes)]
        nodes = _found(root, parents, inner)
    return nodes


def _node_matches(node: Mapping[str, str], selector: Selector) -> bool:
    for key, attribute in _TEXTS.items():
        text = node[attribute]
        if key in selector and text != selector[key]:
            return False
        if (part := selector.get(f"{key}Contains")) is not None and part not in text:
            return False
        if (start := selector.get(f"{key}StartsWith")) is not None and not text.startswith(start):
            return False
        if (pattern := selector.get(f"{key}Matches")) is not None and not re.fullmatch(pattern, text):
            return False
    return all(
        node.get(attribute) == str(selector[key]).lower() for key, attribute in _FLAGS.items() if key in selector
    )


def _center(screen: Screen, selector: Selector | str) -> tuple[float, float]:
    bounds = info(screen.first_matching(selector))["bounds"]
    return (bounds["left"] + bounds["right"]) / 2, (bounds["top"] + bounds["bottom"]) / 2


def _waited(screen: Screen, selector: Selector | str, milliseconds: float, *, exists: bool) -> bool:
    until = time.monotonic() + milliseconds / 1000
    while bool(screen.matching(selector)) != exists:
        if time.monotonic() >= until:
            return False
        time.sleep(_LOOKS_EVERY_S)
    return True


def _child(screen: Screen, selector: Selector, inner: Selector, attribute: str, text: str) -> str:
    wanted = {**selector, "childOrSibling": ["child"], "childOrSiblingSelector": [inner]}
    for node in screen.matching(wanted):
        if node[attribute] == text:
            return _named(screen, node)
    raise AutomationRefused(f"{_NOT_FOUND}: {text}")


def _child_by_instance(screen: Screen, selector: Selector, inner: Selector, instance: int) -> str:
    wanted = {**selector, "childOrSibling": ["child"], "childOrSiblingSelector": [{**inner, "instance": instance}]}
    return _named(screen, screen.first_matching(wanted))


def _named(screen: Screen, node: dict[str, str]) -> str:
    name = f"view-{len(screen.named)}"
    screen.named[name] = node
    return name


# Calls


def _device_info(screen: Screen) -> dict[str, Any]:
    sizes = re.findall(r"(\d+)x(\d+)", screen.run("wm", "size"))  # the last one is in effect
    scale = int(re.findall(r"\d+", screen.run("wm", "density"))[-1]) / _DOTS_PER_DP
    turns = _rotation(screen)
    width, height = (int(side) for side in sizes[-1])
    if turns % 2:
        width, height = height, width
    focus = re.search(r"mCurrentFocus=Window\{\S+ \S+ ([^/\s}]+)", screen.run("dumpsys", "window"))
    return {
        "currentPackageName": focus[1] if focus else "",
        "displayWidth": width,
        "displayHeight": height,
        "displayRotation": turns,
        "displaySizeDpX": round(width / scale),
        "displaySizeDpY": round(height / scale),
        "naturalOrientation": turns % 2 == 0,
        "productName": screen.run("getprop", "ro.product.name").strip(),
        "screenOn": "mWakefulness=Awake" in screen.run("dumpsys", "power"),
        "sdkInt": int(screen.run("getprop", "ro.build.version.sdk").strip() or 0),
    }


def _rotation(screen: Screen) -> int:
    found = re.search(r" orientation=(\d)", screen.run("dumpsys", "display"))
    return int(found[1]) if found else 0


def _swipe(screen: Screen, from_x: float, from_y: float, to_x: float, to_y: float, steps: float = 0) -> bool:
    numbers = (from_x, from_y, to_x, to_y, steps * 5)
    screen.run("input", "swipe", *(str(round(number)) for number in numbers))
    return True


def _swipe_points(screen: Screen, points: Sequence[float], steps: int) -> bool:
    pairs = list(zip(points[::2], points[1::2], strict=False))
    return all(_swipe(screen, *start, *end, steps) for start, end in pairwise(pairs))


def _key(screen: Screen, name: str | int) -> bool:
    code = _KEYS.get(str(name).lower()) if isinstance(name, str) else str(name)
    if code is None:
        return False
    screen.run("input", "keyevent", code)
    return True


def _event(screen: Screen, action: int, x: float, y: float, _meta: int = 0) -> bool:
    return screen.touch(x, y) if action == 1 else True  # a touch counts when the finger is lifted


def _set_orientation(screen: Screen, name: str) -> bool:
    screen.run("settings", "put", "system", "accelerometer_rotation", "0")
    screen.run("settings", "put", "system", "user_rotation", str(_ROTATIONS[name]))
    return True


def _freeze_rotation(screen: Screen, freeze: bool = True) -> bool:
    screen.run("settings", "put", "system", "user_rotation", str(_rotation(screen)))
    screen.run("settings", "put", "system", "accelerometer_rotation", "0" if freeze else "1")
    return True


def _screenshot(screen: Screen, _scale: float = 1, _quality: int = 80) -> str:
    """A PNG in base64; programs find out the format by themselves."""
    del screen
    return base64.b64encode(subprocess.run(["screencap", "-p"], capture_output=True, check=False).stdout).decode()


def _set_text(screen: Screen, selector: Selector | str, text: str) -> bool:
    node = screen.first_matching(selector)
    if node["class"] != "android.widget.EditText":
        return False
    screen.interface(focused=node["resource-id"], address=text)
    return True


def _paste(screen: Screen) -> bool:
    now = screen.interface()
    if not now["focused"]:
        return False
    screen.interface(address=now["address"] + (now["clipboard"] or ""))
    return True


def _scroll(screen: Screen, selector: Selector | str, vertical: bool = True, *_: Any) -> bool:
    """Scroll within a view; False, because none of this phone's views is longer than the display."""
    view = info(screen.first_matching(selector))
    if not view["scrollable"]:
        raise AutomationRefused(f"{_NOT_FOUND}: not scrollable")
    bounds, share = view["bounds"], 0.2
    x, y = (bounds["left"] + bounds["right"]) / 2, (bounds["top"] + bounds["bottom"]) / 2
    length = (bounds["bottom"] - bounds["top"] if vertical else bounds["right"] - bounds["left"]) * share
    _swipe(screen, x, y, x - (0 if vertical else length), y - (length if vertical else 0))
    return False


def _scroll_to(screen: Screen, selector: Selector | str, wanted: Selector, _vertical: bool = True) -> bool:
    screen.first_matching(selector)
    return bool(screen.matching(wanted))


def _click(screen: Screen, first: Any, *rest: Any) -> bool:
    """Touch a place, or the middle of the view that a selector names."""
    x, y = _center(screen, first) if isinstance(first, Mapping | str) else (first, rest[0])
    return screen.touch(x, y)


def _drag_to(screen: Screen, selector: Selector | str, *to: Any) -> bool:
    x, y = _center(screen, to[0]) if isinstance(to[0], Mapping | str) else (to[0], to[1])
    return _swipe(screen, *_center(screen, selector), x, y, to[-1])


def _two_fingers(screen: Screen, selector: Selector | str, *_: Any) -> bool:
    screen.first_matching(selector)
    screen.run("input", "press")
    return True


def _toast(screen: Screen, text: str, milliseconds: float) -> bool:
    screen.interface(toast=text, seconds=milliseconds / 1000)
    return True


def _configure(screen: Screen, changes: Mapping[str, int]) -> dict[str, int]:
    screen.configurator.update({name: int(value) for name, value in changes.items() if name in screen.configurator})
    return screen.configurator


def _done(_result: Any) -> bool:
    return True


_CALLS: dict[str, Callable[..., Any]] = {
    "checkIfDisplayOn": lambda screen: _device_info(screen)["screenOn"],
    "childByDescription": lambda screen, *rest: _child(screen, rest[0], rest[1], "content-desc", rest[2]),
    "childByInstance": _child_by_instance,
    "childByText": lambda screen, *rest: _child(screen, rest[0], rest[1], "text", rest[2]),
    "clearInputText": lambda screen: _done(screen.interface(address="")),
    "clearLastToast": lambda screen: _done(screen.interface(last_toast="")),
    "clearLastTraversedText": lambda _screen: None,
    "clearTextField": lambda screen, selector: _set_text(screen, selector, ""),
    "click": _click,
    "count": lambda screen, selector: len(screen.matching(selector)),
    "deviceInfo": _device_info,
    "drag": _swipe,
    "dragTo": _drag_to,
    "dumpWindowHierarchy": lambda screen, *_: screen.hierarchy(),
    "exist": lambda screen, selector: bool(screen.matching(selector)),
    "flingBackward": _scroll,
    "flingForward": _scroll,
    "flingToBeginning": _scroll,
    "flingToEnd": _scroll,
    "freezeRotation": _freeze_rotation,
    "gesture": _two_fingers,
    "getClipboard": lambda screen: screen.interface()["clipboard"],
    "getConfigurator": lambda screen: screen.configurator,
    "getLastToast": lambda screen: screen.interface()["last_toast"] or None,
    "getLastTraversedText": lambda _screen: None,
    "getText": lambda screen, selector: screen.first_matching(selector)["text"],
    "injectInputEvent": _event,
    "longClick": _click,
    "makeToast": _toast,
    "objInfo": lambda screen, selector: info(screen.first_matching(selector)),
    "objInfoOfAllInstances": lambda screen, selector: [info(node) for node in screen.matching(selector)],
    "openNotification": lambda screen: _done(screen.interface(shade="notifications")),
    "openQuickSettings": lambda screen: _done(screen.interface(shade="quick_settings")),
    "pasteClipboard": _paste,
    "pinchIn": _two_fingers,
    "pinchOut": _two_fingers,
    "pressKey": _key,
    "pressKeyCode": lambda screen, code, _meta=0: _key(screen, code),
    "scrollBackward": _scroll,
    "scrollForward": _scroll,
    "scrollTo": _scroll_to,
    "scrollToBeginning": _scroll,
    "scrollToEnd": _scroll,
    "setClipboard": lambda screen, _label, text: _done(screen.interface(clipboard=text)),
    "setConfigurator": _configure,
    "setOrientation": _set_orientation,
    "setText": _set_text,
    "sleep": lambda screen: _done(screen.run("input", "keyevent", "SLEEP")),
    "swipe": _swipe,
    "swipePoints": _swipe_points,
    "takeScreenshot": _screenshot,
    "waitForExists": lambda screen, selector, milliseconds: _waited(screen, selector, milliseconds, exists=True),
    "waitUntilGone": lambda screen, selector, milliseconds: _waited(screen, selector, milliseconds, exists=False),
    "wakeUp": lambda screen: _done(screen.run("input", "keyevent", "WAKEUP")),
}


# The server


def serve(address: str, port: int, screen: Screen) -> None:
    """Serve calls until this process is ended."""

    class Calls(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            self._say(b"pong" if self.path == "/ping" else b"", 200 if self.path == "/ping" else 404)

        def do_POST(self) -> None:
            call = json.loads(self.rfile.read(min(int(self.headers["Content-Length"]), _LONGEST)))
            reply = {"jsonrpc": "2.0", "id": call.get("id")}
            try:
                reply["result"] = answer(screen, call["method"], call["params"])
            except AutomationRefused as refusal:
                reply["error"] = {"code": -32002, "message": str(refusal), "data": ""}
            except (TypeError, ValueError, KeyError, IndexError) as wrong:
                reply["error"] = {"code": -32602, "message": f"java.lang.IllegalArgumentException: {wrong}", "data": ""}
            self._say(json.dumps(reply).encode(), 200)

        def _say(self, body: bytes, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Do not log: the output is not read."""

    ThreadingHTTPServer((address, port), Calls).serve_forever()


def main(address: str, metadata: str, arguments: Sequence[str]) -> int:
    """Run `CLASSPATH=JAR app_process / CLASS -p PORT`; only uiautomator2's class is supported, and JAR has to exist."""
    match arguments:
        case [_, name, "-p", port] if name == MAIN and port.isdecimal():
            if not Path(os.environ.get("CLASSPATH", "")).is_file():
                sys.stderr.write(f"Error: could not find class '{name}'\n")
                return 1
            sys.stdout.write("[server] INFO: Starting Server (virtual)\n")
            sys.stdout.flush()
            serve(address, int(port), Screen(Path(metadata)))
            return 0
    sys.stderr.write("Error: a virtual phone runs no Android programs\n")
    return 1
