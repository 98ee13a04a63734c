"""Commands that read and change the phone's state: `getprop`, `settings`, `svc`, `cmd` and others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mobilebench.virtual.android.apps import am
from mobilebench.virtual.android.device import Command, CommandOutput, Device, lines
from mobilebench.virtual.android.dumpsys import battery
from mobilebench.virtual.android.modes import notification, set_fixed_performance, settings_refusal
from mobilebench.virtual.android.package_manager import pm
from mobilebench.virtual.android.window_manager import wm
from mobilebench.virtual.state import State, with_value

_RADIOS = {"wifi": "wifi_on", "data": "mobile_data", "bluetooth": "bluetooth_on"}
"""The setting in which Android keeps whether a radio is on."""


async def svc(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Keep the screen on, and switch radios."""

    def put(name: str, value: str) -> CommandOutput:
        device.files.change(lambda state: with_value(state, f"settings.global.{name}", value))
        return CommandOutput()

    stay = {"true": "7", "false": "0", "usb": "2", "ac": "1", "wireless": "4"}
    match list(arguments):
        case ["power", "stayon", when] if when in stay:
            return put("stay_on_while_plugged_in", stay[when])
        case [("wifi" | "data" | "bluetooth") as radio, ("enable" | "disable") as verb]:
            return put(_RADIOS[radio], "1" if verb == "enable" else "0")
    usage = lines("Available commands:", "    power stayon", *(f"    {radio} enable|disable" for radio in _RADIOS))
    return CommandOutput(stderr=usage, code=255)


async def cmd(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Run a service's own commands."""
    same: dict[str, Command] = {"activity": am, "package": pm, "settings": settings, "window": wm}
    match list(arguments):
        case ["activity", "instrument", *_]:
            return CommandOutput("Error: must be invoked through 'am instrument'.\n", code=255)
        case [service, *rest] if service in same:
            return await same[service](device, rest)
        case ["power", "set-fixed-performance-mode-enabled", value]:
            return set_fixed_performance(device, value)
        case ["notification", *rest]:
            return notification(device, rest)
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
    if refusal := settings_refusal(device, words):
        return refusal
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
