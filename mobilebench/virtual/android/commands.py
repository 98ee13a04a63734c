"""All commands of the phone that its daemon answers."""

from __future__ import annotations

from mobilebench.virtual.android.apps import am, pm
from mobilebench.virtual.android.controls import cmd, input_, svc, uiautomator, wm
from mobilebench.virtual.android.device import Command
from mobilebench.virtual.android.dumpsys import dumpsys
from mobilebench.virtual.android.properties import getprop, setprop
from mobilebench.virtual.android.settings import settings

COMMANDS: dict[str, Command] = {
    "am": am,
    "cmd": cmd,
    "dumpsys": dumpsys,
    "getprop": getprop,
    "input": input_,
    "pm": pm,
    "setprop": setprop,
    "settings": settings,
    "svc": svc,
    "uiautomator": uiautomator,
    "wm": wm,
}
