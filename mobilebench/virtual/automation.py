"""The part of `app_process` that uiautomator2 uses: its server, on top of this phone's own commands.

The display comes from `uiautomator dump`, and touches go to `input tap`. It runs as a separate process, so that it
can be ended as on a phone; only the standard library is imported here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

MAIN = "com.wetest.uia2.Main"
_LONGEST = 1 << 20
_NOT_FOUND = "androidx.test.uiautomator.UiObjectNotFoundException"
_EXACT = {"text": "text", "resourceId": "resource-id", "className": "class", "packageName": "package"}
_MATCHES = {f"{name}Matches": attribute for name, attribute in _EXACT.items()}


class AutomationRefused(Exception):
    """The error that a call returns instead of a result."""


class Screen:
    """The display's content, and touches on it."""

    def hierarchy(self) -> str:
        """The view hierarchy as XML."""
        output = _run("uiautomator", "dump", "/dev/tty")
        return output[: output.rindex(">") + 1] if ">" in output else output

    def matching(self, selector: Mapping[str, Any]) -> list[dict[str, str]]:
        """Attributes of all nodes that match a selector, in the order of the hierarchy."""
        nodes = ElementTree.fromstring(self.hierarchy()).iter("node")  # noqa: S314 - written by this phone itself
        return [node.attrib for node in nodes if _node_matches(node.attrib, selector)]

    def first_matching(self, selector: Mapping[str, Any]) -> dict[str, str]:
        """The first matching node. Raises `AutomationRefused` if there is none."""
        nodes = self.matching(selector)
        at = int(selector.get("instance", 0))
        if at >= len(nodes):
            raise AutomationRefused(f"{_NOT_FOUND}: {json.dumps(selector)}")
        return nodes[at]

    def touch(self, x: float, y: float) -> bool:
        _run("input", "tap", str(round(x)), str(round(y)))
        return True


def answer(screen: Screen, method: str, params: Sequence[Any]) -> Any:
    """Run one call and return its result. Raises `AutomationRefused`."""
    calls: dict[str, Callable[..., Any]] = {
        "deviceInfo": lambda: {"productName": "virtual", "screenOn": True},
        "dumpWindowHierarchy": lambda *_: screen.hierarchy(),
        "exist": lambda selector: bool(screen.matching(selector)),
        "waitForExists": lambda selector, _milliseconds: bool(screen.matching(selector)),
        "count": lambda selector: len(screen.matching(selector)),
        "objInfo": lambda selector: info(screen.first_matching(selector)),
        "click": lambda x, y, *_: screen.touch(x, y),
    }
    if method not in calls:
        raise AutomationRefused(f"a virtual phone has no {method}")
    return calls[method](*params)


def info(node: Mapping[str, str]) -> dict[str, Any]:
    """A node as uiautomator2's object info."""
    numbers = [int(number) for number in re.findall(r"-?\d+", node["bounds"])]
    bounds = dict(zip(("left", "top", "right", "bottom"), numbers, strict=True))
    return {
        "text": node["text"],
        "resourceName": node["resource-id"],
        "className": node["class"],
        "packageName": node["package"],
        "contentDescription": node["content-desc"],
        "clickable": node["clickable"] == "true",
        "enabled": True,
        "bounds": bounds,
        "visibleBounds": bounds,
    }


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
            self._say(json.dumps(reply).encode(), 200)

        def _say(self, body: bytes, status: int) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Do not log: the output is not read."""

    ThreadingHTTPServer((address, port), Calls).serve_forever()


def main(address: str, arguments: Sequence[str]) -> int:
    """Run `CLASSPATH=JAR app_process / CLASS -p PORT`; only uiautomator2's class is supported, and JAR has to exist."""
    match arguments:
        case [_, name, "-p", port] if name == MAIN and port.isdecimal():
            if not Path(os.environ.get("CLASSPATH", "")).is_file():
                sys.stderr.write(f"Error: could not find class '{name}'\n")
                return 1
            sys.stdout.write("[server] INFO: Starting Server (virtual)\n")
            sys.stdout.flush()
            serve(address, int(port), Screen())
            return 0
    sys.stderr.write("Error: a virtual phone runs no Android programs\n")
    return 1


def _node_matches(node: Mapping[str, str], selector: Mapping[str, Any]) -> bool:
    exact = all(node[attribute] == selector[key] for key, attribute in _EXACT.items() if key in selector)
    return exact and all(re.fullmatch(selector[key], node[of]) for key, of in _MATCHES.items() if key in selector)


def _run(*argv: str) -> str:
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout
