"""How each part of a phone's state is read and set: settings, and state that has a command of its own.

Values are short words that are checked before they reach a shell. Nothing is run here.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from mobilebench.targets.android.front import LOCK_SCREEN

Namespace = Literal["global", "system", "secure"]

CPUFREQ = "/sys/devices/system/cpu/cpufreq"
CLOCK_NAME = r"policy\d{1,3}/scaling_(?:governor|min_freq)"
"""The clock controls, by their path below `CPUFREQ`."""


@dataclass(frozen=True)
class Setting:
    """An Android setting, and the value that it gets."""

    namespace: Namespace
    key: str
    value: str

    @property
    def title(self) -> str:
        return f"the setting {self.key}"

    @property
    def set_by(self) -> str:
        return f"settings put {self.namespace} {self.key} {self.value}"


@dataclass(frozen=True)
class State:
    """A part of the state that has a command of its own (`STATES`, or a clock), and the value that it gets."""

    name: str
    value: str

    @property
    def title(self) -> str:
        return title(self.name)

    @property
    def set_by(self) -> str:
        return set_command(self.name, self.value)


@dataclass(frozen=True)
class PinnedClocks:
    """The governor and the lowest clock of each cluster; which clusters there are is read from the phone."""

    @property
    def title(self) -> str:
        return "the clocks"

    @property
    def set_by(self) -> str:
        return "cpufreq/policy*/scaling_governor"


Control = Setting | State | PinnedClocks


@dataclass(frozen=True)
class _Kind:
    """A part of the phone's state."""

    title: str
    commands: Mapping[str, str]
    """The command that sets each value."""
    question: str | None = None
    """The command that shows the present value; None if Android does not tell it."""
    meaning: Callable[[str], str | None] = str.strip
    """The value that an answer stands for; None if it is none."""
    unknown: str = ""
    """The value that it counts as having where it cannot be read."""
    lacking: str | None = None
    """How the command answers, for every value, on a phone that does not have it."""


_ZEN_MODES = {"0": "off", "null": "off", "1": "priority", "2": "none", "3": "alarms"}
"""Android's `zen_mode`; it is not set before the mode is used for the first time."""


def _wakefulness(answer: str) -> str | None:
    if "mWakefulness=" not in answer:
        return None
    if "mWakefulness=Awake" not in answer:
        return "off"
    return "locked" if "=true" in answer else "on"


def _switch(answer: str) -> str | None:
    """Android's numbers: 0 off, 1 on, 2 on in spite of the airplane mode, 3 (Wi-Fi) off because of it."""
    return {"0": "off", "1": "on", "2": "on", "3": "off"}.get(answer.strip())


def _radio(name: str, setting: str, what: str) -> _Kind:
    commands = {"on": f"svc {name} enable", "off": f"svc {name} disable"}
    return _Kind(what, commands, f"settings get global {setting}", _switch)


STATES: Mapping[str, _Kind] = {
    "screen": _Kind(
        "the screen",
        {
            "on": "input keyevent KEYCODE_WAKEUP; wm dismiss-keyguard",
            "off": "input keyevent KEYCODE_SLEEP",
        },
        f"dumpsys power | grep -o 'mWakefulness=[A-Za-z]*'; dumpsys window | grep -oE '({LOCK_SCREEN})=true'; true",
        _wakefulness,
    ),
    "do_not_disturb": _Kind(
        "do-not-disturb",
        {mode: f"cmd notification set_dnd {mode}" for mode in ("off", "priority", "none", "alarms")},
        "settings get global zen_mode",
        lambda answer: _ZEN_MODES.get(answer.strip()),
    ),
    "fixed_performance": _Kind(
        "fixed performance",
        {value: f"cmd power set-fixed-performance-mode-enabled {value}" for value in ("true", "false")},
        unknown="false",
        lacking="Failed to set FIXED_PERFORMANCE mode",
    ),
    "wifi": _radio("wifi", "wifi_on", "Wi-Fi"),
    "mobile_data": _radio("data", "mobile_data", "mobile data"),
    "bluetooth": _radio("bluetooth", "bluetooth_on", "Bluetooth"),
}
NAMES = rf"^(?:{'|'.join(STATES)}|{CLOCK_NAME})$"
VALUES = r"^[A-Za-z0-9_]{1,40}$"
POLICIES = f"ls {CPUFREQ}"
"""Lists the clusters."""

_POLICY = re.compile(r"\bpolicy\d{1,3}\b")


def title(name: str) -> str:
    """What it is called in sentences."""
    return STATES[name].title if name in STATES else name


def question(name: str) -> str | None:
    """The command that shows the present value; None if there is none."""
    return STATES[name].question if name in STATES else f"cat {CPUFREQ}/{name}"


def meaning(name: str, answer: str) -> str | None:
    """The value that the answer to `question` stands for; None if it is none."""
    if name in STATES:
        return STATES[name].meaning(answer)
    text = answer.strip()
    return text if allows(name, text) else None


def assumed(name: str) -> str:
    """The value that something without a `question` counts as having before it is changed."""
    return STATES[name].unknown


def is_lacking(name: str, answer: str) -> bool:
    """Whether a command's answer shows that the phone does not have this state, so that nothing was changed."""
    text = STATES[name].lacking if name in STATES else None
    return text is not None and text in answer


def remembered(name: str, value: str) -> str:
    """The value to put back. A screen that shows its lock screen is switched off, which locks it again."""
    return "off" if (name, value) == ("screen", "locked") else value


def allows(name: str, value: str) -> bool:
    """Whether there is such a state, and it can have this value."""
    if name in STATES:
        return value in STATES[name].commands
    digits_only = name.endswith("_freq")
    return re.fullmatch(CLOCK_NAME, name) is not None and (
        re.fullmatch(r"[0-9]{1,9}" if digits_only else VALUES, value) is not None
    )


def set_command(name: str, value: str) -> str:
    """The command that sets a value. The clocks need root: adbd's own, or one of the two common kinds of `su`.

    Raises:
        KeyError: there is no such state, or it cannot have this value.
    """
    if not allows(name, value):
        raise KeyError(f"{name} {value}")
    if name in STATES:
        return STATES[name].commands[value]
    write = f"echo {value} > {CPUFREQ}/{name}"
    quoted = shlex.quote(write)
    return f"{{ {write}; }} 2>/dev/null || su 0 sh -c {quoted} 2>/dev/null || su -c {quoted}"


def policies(answer: str) -> list[str]:
    """The clusters in the answer to `POLICIES`."""
    return list(dict.fromkeys(_POLICY.findall(answer)))
