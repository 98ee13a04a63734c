"""`am` and `pm`: the phone's apps, of which the browsers are those that can be started."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mobilebench.virtual import chrome, firefox
from mobilebench.virtual.android.device import Answer, Device, lines
from mobilebench.virtual.chrome import PACKAGE, is_page
from mobilebench.virtual.running import DidNotStart
from mobilebench.virtual.state import FIREFOXES, State, with_value

_ACTIVITIES = {chrome.ACTIVITY, "org.chromium.chrome.browser.ChromeTabbedActivity"}
_DEBUG_APP = "settings.global.debug_app"
_WAITS = "settings.global.wait_for_debugger"
_VIEW = "android.intent.action.VIEW"
_COMPONENT = re.compile(r"[\w.]+/[\w.$]+")


async def am(device: Device, arguments: Sequence[str]) -> Answer:
    """Start and stop apps."""
    match list(arguments):
        case ["start" | "start-activity", *rest]:
            return await _start(device, rest)
        case ["force-stop" | "kill" | "stop-app", *options, package]:
            del options
            await _end(device, package)
            return Answer()
        case ["set-debug-app", *options, package]:
            if "--persistent" in options:
                _set_debug_app(device, package, waits="-w" in options)
            return Answer()
        case ["clear-debug-app"]:
            _set_debug_app(device, None, waits=False)
            return Answer()
        case ["instrument", *_, component]:
            failed = f"INSTRUMENTATION_FAILED: {component}"
            return Answer(lines(failed), stderr=lines("Error: a virtual phone runs no Android apps"), code=1)
        case ["broadcast", *_]:
            return Answer(lines("Broadcasting: Intent { flg=0x400000 }", "Broadcast completed: result=0"))
        case ["get-current-user"]:
            return Answer("0\n")
    return Answer(stderr=f"Unknown command: {' '.join(arguments[:1])}\n", code=255)


async def pm(device: Device, arguments: Sequence[str]) -> Answer:
    """List packages."""
    match list(arguments):
        case ["list", "packages", *rest]:
            wanted = next((word for word in rest if not word.startswith("-")), "")
            if "-3" in rest:
                return Answer()
            return Answer(lines(*(f"package:{name}" for name in device.packages if wanted in name)))
        case ["path", *_, package]:
            if package not in device.packages:
                return Answer(code=1)
            return Answer(f"package:/product/app/{package}/base.apk\n")
        case ["clear", *_, package]:
            if package not in device.browsers:
                return Answer("Failed\n", code=1)
            await _end(device, package)
            shutil.rmtree(device.config.path(f"/data/data/{package}"), ignore_errors=True)
            return Answer("Success\n")
        case ["install" | "install-create", *_]:
            return Answer(
                "Failure [INSTALL_FAILED_NO_MATCHING_ABIS: a virtual phone runs no Android apps]\n",
                code=1,
            )
        case ["uninstall", *_]:
            return Answer("Failure [DELETE_FAILED_INTERNAL_ERROR]\n", code=1)
    return Answer(stderr=f"Unknown command: {' '.join(arguments[:1])}\n", code=255)


@dataclass(frozen=True)
class _Intent:
    action: str | None = None
    data: str | None = None
    component: str | None = None
    package: str | None = None
    stop_first: bool = False
    wait: bool = False

    @property
    def text(self) -> str:
        parts = {"act": self.action, "dat": self.data, "cmp": self.component, "pkg": self.package}
        return f"Intent {{ {' '.join(f'{key}={value}' for key, value in parts.items() if value)} }}"


_VALUES_OF = {"-t": 1, "-c": 1, "-f": 1, "--user": 1, "--display": 1, "-e": 2, "--activity-brought-to-front": 0}
"""Options that do not matter here, by how many values follow them."""


def _intent(words: Sequence[str]) -> _Intent:
    intent = _Intent()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word in {"-a", "-d", "-n", "-p"} and rest:
            name = {"-a": "action", "-d": "data", "-n": "component", "-p": "package"}[word]
            intent = replace(intent, **{name: rest.pop(0)})  # type: ignore[arg-type]
        elif word == "-S":
            intent = replace(intent, stop_first=True)
        elif word == "-W":
            intent = replace(intent, wait=True)
        elif word.startswith("-"):
            del rest[: _VALUES_OF.get(word, 2 if re.fullmatch(r"--e[a-z]+", word) else 0)]
        elif "://" in word or is_page(word):
            intent = replace(intent, data=word)
        elif _COMPONENT.fullmatch(word):
            intent = replace(intent, component=word)
        else:
            intent = replace(intent, package=word)
    return intent


async def _start(device: Device, words: Sequence[str]) -> Answer:
    intent = _intent(words)
    starting = lines(f"Starting: {intent.text}")
    package = _browser_for(intent)
    if package not in device.browsers:
        if intent.component:
            owner, _, activity = intent.component.partition("/")
            full = f"{owner}/{owner}{activity}" if activity.startswith(".") else intent.component
            missing = lines("Error type 3", f"Error: Activity class {{{full}}} does not exist.")
            return Answer(starting, stderr=missing, code=1)
        missing = lines(f"Error: Activity not started, unable to resolve {intent.text}")
        return Answer(starting, stderr=missing, code=1)
    assert package is not None
    began = time.monotonic()
    running = package in (device.chrome.running, device.firefox.running)
    try:
        if intent.stop_first:
            await _end(device, package)
        await _open(device, package, intent.data)
    except DidNotStart as error:
        return Answer(starting, stderr=lines(f"Error: {error}"), code=1)
    took = round((time.monotonic() - began) * 1000)
    told = ""
    if running and not intent.stop_first:
        told = "Warning: Activity not started, intent has been delivered to currently running top-most instance.\n"
    if intent.wait:
        activity = device.front
        told += lines("Status: ok", "LaunchState: COLD", f"Activity: {activity}", f"TotalTime: {took}", "Complete")
    return Answer(starting + told)


async def _open(device: Device, package: str, url: str | None) -> None:
    if package in FIREFOXES:
        await device.firefox.open(package, url, firefox.read_config(_for_debugging(device, package)))
        return

    async def chrome_opens() -> None:
        await device.chrome.open(url, chrome.read_flags(_for_debugging(device, package)), package)

    if not device.state.browser.first_run or device.chrome.running == package:
        await chrome_opens()
    elif device.first_run.now is None:

        async def answered() -> None:
            device.files.change(_asks_no_more)
            await chrome_opens()

        device.first_run.begin(package, answered)


def _asks_no_more(state: State) -> State:
    return with_value(state, "browser.first_run", False)


async def _end(device: Device, package: str) -> None:
    if package == device.chrome.running:
        await device.chrome.stop()
    if package == device.firefox.running:
        await device.firefox.stop()
    if package not in FIREFOXES:
        device.first_run.end()


def _browser_for(intent: _Intent) -> str | None:
    """The package that would be started, whether it is there or not; None: no browser."""
    if intent.component:
        package, _, activity = intent.component.partition("/")
        known = {firefox.ACTIVITY} if package in FIREFOXES else _ACTIVITIES
        return package if activity in known else None
    if intent.package is not None:
        return intent.package
    return PACKAGE if intent.action == _VIEW and intent.data is not None and is_page(intent.data) else None


def _set_debug_app(device: Device, package: str | None, *, waits: bool) -> None:
    """As Android does it: two settings at once."""
    device.files.change(lambda state: with_value(with_value(state, _DEBUG_APP, package), _WAITS, "1" if waits else "0"))


def _for_debugging(device: Device, package: str) -> str:
    """As on a phone that is sold: only the app chosen for debugging reads its file in the shell's folder."""
    if device.state.settings.global_.get("debug_app") != package:
        return ""
    path = firefox.config_file(package) if package in FIREFOXES else chrome.FLAGS_FILE
    with contextlib.suppress(OSError):
        return Path(device.config.path(path)).read_text(encoding="utf-8", errors="replace")
    return ""
