"""`am`: starts and ends browsers, and runs the instrumentation of an installed app."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mobilebench.virtual import browsers
from mobilebench.virtual.android.device import CommandOutput, Device, lines
from mobilebench.virtual.android.instrumentation import instrument
from mobilebench.virtual.android.intents import (
    COMMAND_IS_NAMED_SINCE,
    LAUNCHER,
    MAIN,
    VIEW,
    ActivityRefused,
    Intent,
    manifest,
    resolve,
)
from mobilebench.virtual.browsers import DidNotStart
from mobilebench.virtual.state import FIREFOXES, State, with_value

_DEBUG_APP = "settings.global.debug_app"
_WAITS = "settings.global.wait_for_debugger"


async def am(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Start and stop apps."""
    match list(arguments):
        case ["start" | "start-activity", *rest]:
            return await _start(device, rest)
        case ["force-stop" | "kill" | "stop-app", *options, package]:
            del options
            await end_app(device, package)
            return CommandOutput()
        case ["set-debug-app", *options, package]:
            if "--persistent" in options:
                _set_debug_app(device, package, waits="-w" in options)
            return CommandOutput()
        case ["clear-debug-app"]:
            _set_debug_app(device, None, waits=False)
            return CommandOutput()
        case ["instrument", *words]:
            return await instrument(device, words)
        case ["broadcast", *_]:
            return CommandOutput(lines("Broadcasting: Intent { flg=0x400000 }", "Broadcast completed: result=0"))
        case ["get-current-user"]:
            return CommandOutput("0\n")
    return CommandOutput(stderr=f"Unknown command: {' '.join(arguments[:1])}\n", code=255)


@dataclass(frozen=True)
class Start:
    """A parsed command line of `am start`."""

    intent: Intent
    stop_first: bool = False
    wait: bool = False


class BadArguments(Exception):
    """The error that `am` prints for a command line that it cannot parse."""


_VALUES_OF = {"-t": 1, "-f": 1, "--display": 1, "--windowingMode": 1, "--activityType": 1, "--task": 1, "-R": 1}
"""Ignored options, with the number of values that follow each."""
_ALONE = re.compile(r"-[DN]|--(?:activity|receiver|grant|include|exclude|debug|selector|track|lock)[-a-z]*")


def parse_start(words: Sequence[str]) -> Start:
    """Parse the words after `am start`. Raises `BadArguments`."""
    start = Start(Intent())
    remaining = list(words)
    while remaining:
        word = remaining.pop(0)
        if word in _FIELDS or word in {"-n", "-c", "--user"} or word in _VALUES_OF:
            if not remaining:
                raise BadArguments(f'Argument expected after "{word}"')
            start = _with_option(start, word, remaining.pop(0))
        elif word == "-S":
            start = replace(start, stop_first=True)
        elif word == "-W":
            start = replace(start, wait=True)
        elif re.fullmatch(r"-e|--e[a-z]+", word):
            del remaining[: 1 if word == "--esn" else 2]
        elif word.startswith("-") and not _ALONE.fullmatch(word):
            raise BadArguments(f"Unknown option: {word}")
        elif not word.startswith("-"):
            start = replace(start, intent=_with_word(start.intent, word))
    if start.intent == Intent():
        raise BadArguments("Intent expected")
    return start


_FIELDS = {"-a": "action", "-d": "data", "-p": "package"}


def _with_option(start: Start, option: str, value: str) -> Start:
    intent = start.intent
    if option in _FIELDS:
        return replace(start, intent=replace(intent, **{_FIELDS[option]: value}))  # type: ignore[arg-type]
    if option == "-c":
        return replace(start, intent=replace(intent, categories=(*intent.categories, value)))
    if option == "-n":
        return replace(start, intent=replace(intent, component=_component(value)))
    if option == "--user" and value not in {"0", "current", "cur"}:
        raise _NoUser(value)
    return start


class _NoUser(BadArguments):
    """Another user than the phone's only one was named."""


def _with_word(intent: Intent, word: str) -> Intent:
    """Add the last word: a URL, or a component or package, which are launched."""
    if ":" in word:
        return replace(intent, data=word, action=intent.action or VIEW)
    intent = replace(intent, component=_component(word)) if "/" in word else replace(intent, package=word)
    if intent.action is None:
        return replace(intent, action=MAIN, categories=intent.categories or (LAUNCHER,))
    return intent


def _component(text: str) -> str:
    """Expand `package/.Name` to the full component name."""
    package, slash, name = text.partition("/")
    if not slash or not name:
        raise BadArguments(f"Bad component name: {text}")
    return f"{package}/{package}{name}" if name.startswith(".") else text


async def _start(device: Device, words: Sequence[str]) -> CommandOutput:
    try:
        start = parse_start(words)
        installed = {package: manifest(package) for package in device.browsers}
        starting = lines(f"Starting: {start.intent.text}")
        package = resolve(start.intent, installed, device.api)
    except _NoUser as error:
        return CommandOutput(stderr=lines(f"Error: Activity not started, user {error} is not running"), code=0)
    except BadArguments as error:
        return CommandOutput(
            stderr=lines(_exception(device.api), f"java.lang.IllegalArgumentException: {error}"), code=255
        )
    except ActivityRefused as error:
        return CommandOutput(starting, stderr=lines(*error.lines), code=error.code)
    began = time.monotonic()
    device.note("ActivityTaskManager", f"START u0 {{{start.intent.text.removeprefix('Intent { ').removesuffix(' }')}}}")
    running = package in (device.chrome.running, device.firefox.running)
    try:
        if start.stop_first:
            await end_app(device, package)
        await _open(device, package, start.intent.data)
    except DidNotStart as error:
        device.note("ActivityManager", f"Process {package} has died: {error}", level="E")
        return CommandOutput(starting, stderr=lines(f"Error: {error}"), code=1)
    if not running:
        device.note("ActivityManager", f"Start proc {device.chrome.pid or 0}:{package}/u0a120 for top-activity")
    took = round((time.monotonic() - began) * 1000)
    warning = ""
    if running and not start.stop_first:
        sentence = "Activity not started, intent has been delivered to currently running top-most instance."
        warning = lines(f"Warning: {sentence}")
    waited = ""
    if start.wait:
        waited = lines("Status: ok", "LaunchState: COLD", f"Activity: {device.front}", f"TotalTime: {took}", "Complete")
    return CommandOutput(starting + waited, stderr=warning)


def _exception(api: int) -> str:
    return "\nException occurred while executing 'start':" if api >= COMMAND_IS_NAMED_SINCE else "Error:"


async def _open(device: Device, package: str, url: str | None) -> None:
    """Bring a browser to the front, started if it does not run. Raises `DidNotStart`."""
    device.apps.leave()
    device.interface.at_home = False
    device.interface.close_overlays()
    await device.dialogs.left_behind()
    device.interface.address = url or device.interface.address
    if package in FIREFOXES:
        await device.firefox.open(package, url, browsers.read_gecko_config(_debug_app_file(device, package)))
        return

    async def chrome_opens() -> None:
        flags = browsers.read_chrome_flags(_debug_app_file(device, package))
        camera = browsers.CAMERA if device.state.browser.camera else ()
        await device.chrome.open(url, [*camera, *flags], package)
        await device.settle_pages()

    if not device.state.browser.first_run or device.chrome.running == package:
        await chrome_opens()
    elif device.first_run.now is None:

        async def answered() -> None:
            device.files.change(_first_run_answered)
            await chrome_opens()

        device.first_run.begin(package, answered)


def _first_run_answered(state: State) -> State:
    return with_value(state, "browser.first_run", False)


async def launch(device: Device, package: str) -> None:
    """Bring an installed browser to the front, and start it if it does not run. Raises `DidNotStart`."""
    if package in device.browsers:
        device.note("ActivityTaskManager", f"START u0 {{act={MAIN} cat=[{LAUNCHER}] pkg={package}}}")
        await _open(device, package, None)


async def end_browsers(device: Device) -> None:
    """End the browser that runs."""
    for package in filter(None, (device.chrome.running, device.firefox.running)):
        await end_app(device, package)


async def end_app(device: Device, package: str) -> None:
    """End a browser or an installed app."""
    if await device.apps.stop(package):
        return
    if package in (device.chrome.running, device.firefox.running):
        device.note("ActivityManager", f"Force stopping {package} appid=10120 user=0: from pid 4711")
    if package == device.chrome.running:
        await device.chrome.stop()
    if package == device.firefox.running:
        await device.firefox.stop()
    await device.dialogs.app_ended(package)
    if package not in FIREFOXES:
        device.first_run.end()
    if device.running is None:
        device.interface.at_home = False
        device.interface.address = device.interface.focused = ""


def _set_debug_app(device: Device, package: str | None, *, waits: bool) -> None:
    """Set the debug app as Android does, with two settings at once."""
    device.files.change(lambda state: with_value(with_value(state, _DEBUG_APP, package), _WAITS, "1" if waits else "0"))


def _debug_app_file(device: Device, package: str) -> str:
    """Whether this is the debug app: as on retail phones, only that app reads its file in the shell's folder."""
    if device.state.settings.global_.get("debug_app") != package:
        return ""
    path = browsers.gecko_config_file(package) if package in FIREFOXES else browsers.CHROME_FLAGS_FILE
    with contextlib.suppress(OSError):
        return Path(device.config.path(path)).read_text(encoding="utf-8", errors="replace")
    return ""
