"""`dumpsys activity exit-info`: ended processes and the reasons, as set in the phone's state."""

from __future__ import annotations

from collections.abc import Sequence

from mobilebench.virtual.android.device import Device, lines

_REASONS = {"2": "SIGNALED", "3": "LOW_MEMORY", "4": "APP CRASH(EXCEPTION)", "5": "APP CRASH(NATIVE)"}


def activity(device: Device, arguments: Sequence[str]) -> str:
    """The only part of this service on a virtual phone: the last exit of each process, newest first."""
    match list(arguments):
        case ["exit-info"]:
            wanted = list(device.browsers)
        case ["exit-info", package]:
            wanted = [package]
        case _:
            return f"Bad activity command, or no activities match: {' '.join(arguments)}\n"
    text = ["ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)"]
    for package in wanted:
        exits = [(*value.partition(" "), name) for name, value in device.state.exits.items() if _belongs(name, package)]
        text += [f"  package: {package}", "    Historical Process Exit for uid=10123"]
        for number, (reason, _, at, name) in enumerate(sorted(exits, key=lambda one: one[2], reverse=True)):
            word = _REASONS.get(reason, "UNKNOWN")
            text += [
                f"        ApplicationExitInfo #{number}:",
                f"          timestamp={at} pid=4711 realUid=99001 packageUid=10123 definingUid=10123 user=0",
                f"          process={name} reason={reason} ({word}) subreason=0 (UNKNOWN) status=0",
                "          importance=100 pss=0.00 rss=180MB description=null state=empty trace=null",
            ]
    return lines(*text)


def _belongs(process: str, package: str) -> bool:
    return process.partition(":")[0] == package
