"""Commands that read and change the phone's state: `getprop`, `settings`, `input`, `wm`, `svc`, `cmd` and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mobilebench.virtual.android.apps import am, end_browsers, pm
from mobilebench.virtual.android.device import Command, CommandOutput, Device, lines
from mobilebench.virtual.android.dumpsys import battery
from mobilebench.virtual.android.first_run import hierarchy
from mobilebench.virtual.browsers import DidNotStart
from mobilebench.virtual.state import State, with_value

_GESTURES = {"tap", "swipe", "text", "press", "roll", "draganddrop", "motionevent", "keycombination"}


async def input_(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Handle keys that affect the screen, and touches that answer Chrome's first-run screens."""
    words = [word for word in arguments if word not in {"touchscreen", "keyboard", "--longpress"}]
    if words[:1] == ["keyevent"] and len(words) > 1:
        for key in words[1:]:
            _press(device, key.removeprefix("KEYCODE_"))
        return CommandOutput()
    if words[:1] == ["tap"]:
        return await _tap(device, words[1:])
    if words and words[0] in _GESTURES:
        return CommandOutput()
    return CommandOutput(stderr=f"Error: Unknown command: {' '.join(words[:1])}\n", code=255)


async def _tap(device: Device, words: Sequence[str]) -> CommandOutput:
    try:
        x, y = (round(float(word)) for word in words)
    except ValueError:
        return CommandOutput(stderr="Error: Invalid arguments for command: tap\n", code=255)
    try:
        device.files.touched()
        screen = device.state.screen
        if screen.locked or not screen.on:
            return CommandOutput()
        if device.dialogs.now is None:
            await device.first_run.touch(x, y, screen)
        elif (await device.dialogs.touch(x, y, screen)).endswith("aerr_close"):
            await end_browsers(device)
    except DidNotStart as error:
        return CommandOutput(stderr=f"Error: {error}\n", code=1)
    return CommandOutput()


async def uiautomator(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """`uiautomator dump FILE`: write the display's view hierarchy; `/dev/tty` is standard output."""
    if not arguments or arguments[0] != "dump":
        return CommandOutput(stderr="Usage: uiautomator <subcommand> [options]\n", code=1)
    files = [word for word in arguments[1:] if not word.startswith("--")] or ["/sdcard/window_dump.xml"]
    content = hierarchy(device.question, device.front.partition("/")[0], device.state.screen)
    answer = f"UI hierchary dumped to: {files[0]}\n"  # spelt as Android spells it
    if files[0] == "/dev/tty":
        return CommandOutput(content + answer)
    try:
        Path(device.config.path(files[0])).write_text(content, encoding="utf-8")
    except OSError as error:
        return CommandOutput(stderr=f"ERROR: could not write {files[0]}: {error.strerror}\n", code=1)
    return CommandOutput(answer)


def _press(device: Device, key: str) -> None:
    def edit(state: State) -> State:
        screen = state.screen
        if key in {"WAKEUP", "224"}:
            screen = replace(screen, on=True)
        elif key in {"SLEEP", "223"}:
            screen = replace(screen, on=False)
        elif key in {"POWER", "26"}:
            screen = replace(screen, on=not screen.on)
        elif key in {"MENU", "82"} and screen.on:
            screen = replace(screen, locked=False)
        return replace(state, screen=screen)

    device.files.change(edit)


async def wm(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Size and density of the screen, and its lock screen."""
    screen = device.state.screen
    match list(arguments):
        case ["size"]:
            return CommandOutput(f"Physical size: {screen.width}x{screen.height}\n")
        case ["density"]:
            return CommandOutput("Physical density: 420\n")
        case ["dismiss-keyguard"]:
            device.files.change(lambda state: replace(state, screen=replace(state.screen, locked=False)))
            return CommandOutput()
    return CommandOutput(stderr=f"Unknown command: {' '.join(arguments[:1])}\n", code=255)


async def svc(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Keep the screen on, and switch Wi-Fi."""

    def put(name: str, value: str) -> CommandOutput:
        device.files.change(lambda state: with_value(state, f"settings.global.{name}", value))
        return CommandOutput()

    stay = {"true": "7", "false": "0", "usb": "2", "ac": "1", "wireless": "4"}
    match list(arguments):
        case ["power", "stayon", when] if when in stay:
            return put("stay_on_while_plugged_in", stay[when])
        case ["wifi", ("enable" | "disable") as verb]:
            return put("wifi_on", "1" if verb == "enable" else "0")
    return CommandOutput(stderr="Available commands:\n    power stayon\n    wifi enable|disable\n", code=255)


async def cmd(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Run a service's own commands."""
    same: dict[str, Command] = {"activity": am, "package": pm, "settings": settings, "window": wm}
    match list(arguments):
        case [service, *rest] if service in same:
            return await same[service](device, rest)
        case ["power", "set-fixed-performance-mode-enabled", ("true" | "false") as value]:
            device.files.change(lambda state: replace(state, fixed_performance=value == "true"))
            return CommandOutput()
        case ["battery", *rest]:
            return CommandOutput(battery(device, rest))
        case ["thermalservice", "override-status", status] if status.isdigit():
            device.files.change(lambda state: with_value(state, "thermal.status", min(int(status), 6)))
            return CommandOutput()
        case ["thermalservice", "reset"]:
            device.files.change(lambda state: with_value(state, "thermal.status", None))
            return CommandOutput()
        case ["power" | "thermalservice", *_]:
            return CommandOutput(stderr=f"Unknown command: {' '.join(arguments[1:2])}\n", code=255)
        case [service, *_]:
            return CommandOutput(stderr=f"cmd: Can't find service: {service}\n", code=20)
    return CommandOutput(stderr="cmd: No service specified; use -l to list all services\n", code=20)


_TABLES = ("system", "secure", "global")


async def settings(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Read and write the tables `global`, `system` and `secure`."""
    words = list(arguments)
    while "--user" in words[:-1]:
        at = words.index("--user")
        del words[at : at + 2]
    match words:
        case ["list", table] if table in _TABLES:
            return CommandOutput(
                lines(*(f"{key}={value}" for key, value in sorted(_table(device.state, table).items())))
            )
        case ["get", table, key] if table in _TABLES:
            return CommandOutput(lines(_table(device.state, table).get(key, "null")))
        case ["put", table, key, value, *_] if table in _TABLES:
            device.files.change(lambda state: with_value(state, f"settings.{table}.{key}", value))
            return CommandOutput()
        case ["delete", table, key] if table in _TABLES:
            existed = key in _table(device.state, table)
            device.files.change(lambda state: with_value(state, f"settings.{table}.{key}", None))
            return CommandOutput(f"Deleted {int(existed)} rows\n")
        case ["list" | "get" | "put" | "delete", table, *_] if table not in _TABLES:
            return CommandOutput(stderr=f"Invalid namespace '{table}'\n", code=255)
    return CommandOutput(stderr="Invalid command: settings get|put|delete|list NAMESPACE [KEY [VALUE]]\n", code=255)


def _table(state: State, name: str) -> Mapping[str, str]:
    tables = {"system": state.settings.system, "secure": state.settings.secure, "global": state.settings.global_}
    return tables[name]


async def getprop(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Print one property, or all as `[name]: [value]`."""
    values = {**device.config.properties, **device.state.properties}
    if arguments:
        default = arguments[1] if len(arguments) > 1 else ""
        return CommandOutput(lines(values.get(arguments[0]) or default))
    return CommandOutput(lines(*(f"[{name}]: [{value}]" for name, value in sorted(values.items()))))


async def setprop(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Set a property; `ro.` properties are read-only and come from the profile."""
    if len(arguments) != 2:
        return CommandOutput(stderr="usage: setprop NAME VALUE\n", code=1)
    name, value = arguments
    if name.startswith("ro."):
        return CommandOutput(
            stderr=f"Failed to set property '{name}' to '{value}'.\nSee dmesg for error reason.\n", code=1
        )
    device.files.change(lambda state: replace(state, properties={**state.properties, name: value}))
    return CommandOutput()
