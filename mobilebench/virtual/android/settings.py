"""`settings get|put|delete|list`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mobilebench.virtual.android.device import CommandOutput, Device, lines
from mobilebench.virtual.state import State, with_value

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
            found = key in _table(device.state, table)
            device.files.change(lambda state: with_value(state, f"settings.{table}.{key}", None))
            return CommandOutput(f"Deleted {int(found)} rows\n")
        case ["list" | "get" | "put" | "delete", table, *_] if table not in _TABLES:
            return CommandOutput(stderr=f"Invalid namespace '{table}'\n", code=255)
    return CommandOutput(stderr="Invalid command: settings get|put|delete|list NAMESPACE [KEY [VALUE]]\n", code=255)


def _table(state: State, name: str) -> Mapping[str, str]:
    tables = {"system": state.settings.system, "secure": state.settings.secure, "global": state.settings.global_}
    return tables[name]
