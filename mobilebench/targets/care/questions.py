"""What the doctor asks a phone, in one command, and parsers of the answers.

All answers are text from a device: they are cut to a limit, matched strictly, and never run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mobilebench.core.errors import BlockFailed
from mobilebench.recorders import reading
from mobilebench.recorders.reading import Void
from mobilebench.targets.android.description import sections
from mobilebench.targets.android.files import BLOCK_FOLDER, FILES, HOME
from mobilebench.targets.android.front import LOCK_SCREEN
from mobilebench.targets.android.shell import SCRATCH, Shell, failure, forbidden
from mobilebench.targets.base import ShellResult

BUSY_SECONDS = 0.5
"""Between the two readings of `/proc/stat`."""
TOGETHER_SECONDS = 15.0
"""Time limit for all questions in one command."""
ALONE_SECONDS = 5.0
"""Time limit per question, if the phone did not answer all of them together."""
_LONGEST_ANSWER = 1 << 16
"""Characters; longer answers are cut, because no question has a longer true answer."""
_MARK = "@mobilebench "

GLOBAL = (
    "adb_enabled",
    "always_finish_activities",
    "animator_duration_scale",
    "development_settings_enabled",
    "device_provisioned",
    "low_power",
    "stay_on_while_plugged_in",
    "transition_animation_scale",
    "window_animation_scale",
)
SYSTEM = ("accelerometer_rotation", "screen_brightness", "screen_off_timeout", "user_rotation")
"""Settings that are read, by table. Some of them every phone has: a phone that lists none did not answer."""
_WRITTEN = "development_settings_enabled"
"""The setting that is written with the value that it has, to see whether adb may write settings."""
WRITTEN, NOT_SET = "written", "not set"

_REFUSED = "Permission Denial|ermission denied|find service|xception|^cmd: |^Error|not found|DUMP TIMEOUT"
_POWER = "mWakefulness="
_KEYGUARD = f"{LOCK_SCREEN}|showing=|secure="


def _settings(table: str, keys: tuple[str, ...]) -> str:
    return f"settings list {table} 2>&1 | grep -E '^({'|'.join(keys)})=|{_REFUSED}'"


QUESTIONS: Mapping[str, str] = {
    "busy": f"grep '^cpu ' /proc/stat 2>&1; sleep {BUSY_SECONDS:g}; grep '^cpu ' /proc/stat 2>&1",
    "clock": "date +%s 2>&1",
    "storage": f"df -k {SCRATCH} 2>&1",
    "battery": "dumpsys battery 2>&1",
    "thermal": "dumpsys thermalservice 2>&1",
    "power": f"dumpsys power 2>&1 | grep -E '{_POWER}|{_REFUSED}'",
    "keyguard": f"dumpsys window policy 2>&1 | grep -E '{_KEYGUARD}|{_REFUSED}'",
    "global": _settings("global", GLOBAL),
    "system": _settings("system", SYSTEM),
    "writing": f'v=$(settings get global {_WRITTEN} 2>/dev/null); case "$v" in 0|1) '
    f'settings put global {_WRITTEN} "$v" 2>&1 && echo {WRITTEN};; *) echo "{NOT_SET}";; esac',
    "leftovers": f"for f in {HOME}/restore.json {HOME}/*.part {FILES}/*/*.part {BLOCK_FOLDER}; do "
    '[ -e "$f" ] && echo "$f"; done; echo .',
}
"""Name to shell command; all are ours, and nothing is inserted from outside."""


def ask(shell: Shell) -> dict[str, str | Void]:
    """Ask everything in one command; if a service hangs, each question in a command of its own.

    Raises:
        TargetLost: the phone went away.
    """
    script = "; ".join(f"echo '{_MARK}{name}'; {question}" for name, question in QUESTIONS.items())
    try:
        answer = shell.script(f"{script}; true", timeout=TOGETHER_SECONDS)
    except BlockFailed as error:
        if error.fault != "hang":
            return dict.fromkeys(QUESTIONS, Void(error.message.rstrip(".")))
        with ThreadPoolExecutor(max_workers=len(QUESTIONS)) as pool:
            return dict(zip(QUESTIONS, pool.map(lambda name: _ask_alone(shell, name), QUESTIONS), strict=True))
    found = sections(answer.stdout.decode(errors="replace"))
    missing = Void("the phone's answer does not contain it")
    return {name: found[name][:_LONGEST_ANSWER] if name in found else missing for name in QUESTIONS}


def _ask_alone(shell: Shell, name: str) -> str | Void:
    try:
        answer = shell.script(QUESTIONS[name], timeout=ALONE_SECONDS)
    except BlockFailed as error:
        hung = f"the phone did not answer within {ALONE_SECONDS:g} s"
        return Void(hung if error.fault == "hang" else error.message.rstrip("."))
    return answer.stdout.decode(errors="replace").strip("\r\n")[:_LONGEST_ANSWER]


# Parsers

_CPU = re.compile(r"^cpu +(\d{1,19}(?: \d{1,19}){3,9})\s*$", re.MULTILINE)
_COUNTED = 8
"""Columns of `/proc/stat` up to `steal`; those after it are contained in the others."""


def parse_busy(text: str) -> float | Void:
    """Share (0 … 1) of all cores' time that was used between two readings of the `cpu` line of `/proc/stat`."""
    if "denied" in text:
        return Void("the phone does not let a shell read /proc/stat")
    readings = [[int(field) for field in line.split()][:_COUNTED] for line in _CPU.findall(text)]
    if len(readings) != 2 or len(readings[0]) != len(readings[1]):
        return Void("/proc/stat does not show the cores' time twice")
    spent = [after - before for before, after in zip(*readings, strict=True)]
    total, idle = sum(spent), sum(spent[3:5])
    if total <= 0 or not 0 <= idle <= total:
        return Void("the counters of /proc/stat did not advance")
    return float(1 - idle / total)


def parse_clock(text: str) -> int | Void:
    """Seconds since 1970 by the phone's clock, from `date +%s`."""
    return int(text.strip()) if re.fullmatch(r"\d{1,12}", text.strip()) else Void("the phone's clock could not be read")


def parse_free_mb(text: str) -> float | Void:
    """Free megabytes, from the last line of `df -k` (size, used, available, percentage)."""
    found = re.findall(r"(?<!\S)\d{1,15}\s+\d{1,15}\s+(\d{1,15})\s+\d{1,3}%", text)
    return int(found[-1]) * 1024 / 1e6 if found else Void("the phone's `df` shows no free space")


def parse_settings(text: str, keys: tuple[str, ...]) -> dict[str, str] | Void:
    """Values of `settings list` by key; a key that is not set is missing."""
    values = dict(re.findall(rf"^({'|'.join(keys)})=(.{{0,200}}?)\s*$", text, re.MULTILINE))
    if values:
        return values
    why = failure(ShellResult(b"", text.encode(errors="replace"), 0))
    if why is None and text.strip():
        why = text.strip().splitlines()[0][:200]
    return Void(f"the phone's settings cannot be read: {why or 'it lists none'}")


def parse_number(text: str | None) -> float | None:
    """A finite decimal number of a setting; None for anything else."""
    return float(text) if text is not None and re.fullmatch(r"-?\d{1,12}(\.\d{1,9})?", text.strip()) else None


def parse_awake(text: str) -> bool | Void:
    """Whether the phone is awake with its screen on, from `dumpsys power`."""
    if why := reading.refusal("power", text):
        return Void(why)
    found = re.search(r"\bmWakefulness=(\w{1,20})\b", text)
    return found[1] == "Awake" if found else Void("the phone does not report whether it is awake")


@dataclass(frozen=True)
class Keyguard:
    """The lock screen."""

    shown: bool
    has_secret: bool | None
    """Whether a PIN, pattern or password is set; None if the phone does not say."""


_SHOWN = re.compile(rf"(?<![\w.])(?:{LOCK_SCREEN}|showing)=(true|false)(?!\w)")
_SECURE = re.compile(r"(?<![\w.])secure=(true|false)(?!\w)")


def parse_keyguard(text: str) -> Keyguard | Void:
    """The lock screen, from `dumpsys window policy`; Android's versions name its state differently."""
    if why := reading.refusal("window", text):
        return Void(why)
    shown = _SHOWN.findall(text)
    if not shown:
        return Void("the phone does not report its lock screen")
    secure = _SECURE.findall(text)
    return Keyguard("true" in shown, ("true" in secure) if secure else None)


def parse_writing(text: str) -> str | Void | None:
    """Why adb may not write settings; None if it may."""
    result = ShellResult(b"", text.encode(errors="replace"), 0)
    if why := forbidden(result):
        return why
    lines = text.strip().splitlines()
    if lines[-1:] == [WRITTEN] and failure(result) is None:
        return None
    if lines[-1:] == [NOT_SET]:
        return Void(f"it was not tried, because {_WRITTEN} is not set")
    return Void(f"writing a setting failed: {failure(result) or 'no answer'}")


def parse_leftovers(text: str) -> list[str] | Void:
    """Names of files and folders that a killed run left in mobilebench's folder."""
    lines = text.strip().splitlines()
    if lines[-1:] != ["."]:
        return Void("mobilebench's folder on the phone could not be read")
    prefix = f"{HOME}/"
    return [line.removeprefix(prefix)[:100] for line in lines[:-1] if line.startswith(prefix)]
