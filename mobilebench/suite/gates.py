"""Gates: the words of suites and of `--gate`, and the limits that follow from them for a target."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from mobilebench.core.records import GateKey, GateLimits, TargetInfo
from mobilebench.recorders.thermal import THROTTLING_STATES
from mobilebench.suite.vocabulary import unknown

OFF = "none"
ANY = "any"
_WITH_ANY: tuple[GateKey, ...] = ("status", "battery_saver")
"""Limits that `ANY` switches off: `none` is a thermal status, and a battery saver is `off` by itself."""
PHONES = GateLimits(temperature=40.0, status=0, battery=10.0, battery_saver=0, stop_above=50.0, wait=600.0)
"""The limits of a phone for which nothing else was asked."""
OF_THIS_COMPUTER = ("cpu", "load", "probe", "wait", "otherwise")
"""What can be limited on this computer. None of it is, unless it is asked for."""

MOST_WAIT = 7200
_TIME = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")
_UNITS = {"s": 1, "m": 60, "h": 3600, "": 1}

Gates = Mapping[str, Any]
"""Limits by name, as far as something was asked; None for a limit that is switched off."""


def _number(low: float, high: float, what: str) -> Callable[[Any], float]:
    def parsed(value: Any) -> float:
        try:
            found = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            found = math.nan
        if not low <= found <= high:
            raise ValueError(f"this should be {what} from {low:g} to {high:g}, or `none`, not {value}")
        return found

    return parsed


def _status(value: Any) -> int:
    """A thermal status by number or name; `none` is Android's word for "not throttled" and means that here."""
    text = str(value).strip().lower()
    if text in THROTTLING_STATES[:-1]:
        return THROTTLING_STATES.index(text)
    if text.isdecimal() and int(text) < len(THROTTLING_STATES) - 1 and not isinstance(value, bool):
        return int(text)
    named = ", ".join(THROTTLING_STATES[:-1])
    raise ValueError(f"this should be a thermal status ({named}), or `any`, not {value}")


def _saver(value: Any) -> int:
    if value in ("off", 0) or value is False:  # YAML reads `off` as false
        return 0
    raise ValueError(f"this should be `off` or `any`, not {value}")


def _wait(value: Any) -> float:
    found = _TIME.fullmatch(str(value).strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found and not isinstance(value, bool) else -1.0
    if not 0 <= seconds <= MOST_WAIT:
        raise ValueError(f"this should be a time from 0s to {MOST_WAIT // 3600}h, such as 90s or 10m, not {value}")
    return seconds


def _otherwise(value: Any) -> str:
    if value not in ("mark", "skip"):
        raise ValueError(f"this should be `mark` or `skip`, not {value}")
    return str(value)


_PARSERS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "temperature": _number(15, 80, "a temperature of skin or battery in °C"),
        "cpu": _number(20, 120, "a temperature of the CPU in °C"),
        "status": _status,
        "battery": _number(1, 100, "a charge in percent"),
        "battery_saver": _saver,
        "load": _number(0.01, 100, "a load average of each core"),
        "probe": _number(1.01, 10, "a ratio to the probe's first time"),
        "stop_above": _number(20, 90, "a temperature of skin or battery in °C"),
        "wait": _wait,
        "otherwise": _otherwise,
    }
)
KEYS = tuple(_PARSERS)
_SETTINGS = ("wait", "otherwise")


def parse(value: Any) -> dict[str, Any]:
    """The gates of a suite file: `none`, or a mapping. Raises `ValueError` that names the key for anything else."""
    if value == OFF:
        return {key: None for key in KEYS if key not in _SETTINGS}
    if not isinstance(value, Mapping):
        raise ValueError(f"this should be `none` or a mapping with {', '.join(KEYS)}")
    found = {str(key): _parsed(str(key), one) for key, one in value.items()}
    _check(found)
    return found


def parse_words(words: Iterable[str]) -> dict[str, Any] | None:
    """The gates of `--gate` options: `none`, or `KEY=VALUE`, of which later ones count. None without words.

    Raises:
        ValueError: one of them is not of this form.
    """
    found: dict[str, Any] | None = None
    for word in words:
        found = {} if found is None else found
        if word.strip() == OFF:
            found |= parse(OFF)
            continue
        key, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"`{word}` is neither `none` nor KEY=VALUE, such as temperature=38 or wait=10m")
        found[key.strip()] = _parsed(key.strip(), value.strip())
    if found:
        _check(found)
    return found


def _parsed(key: str, value: Any) -> Any:
    if key not in _PARSERS:
        problem, hint = unknown("gate", key, KEYS)
        raise ValueError(f"{problem}{f' ({hint})' if hint else ''}")
    switched_off = value is None or (value == ANY if key in _WITH_ANY else value == OFF)
    if switched_off and key not in _SETTINGS:
        return None
    try:
        return _PARSERS[key](value)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _check(found: Gates) -> None:
    begin, stop = found.get("temperature"), found.get("stop_above")
    if begin is not None and stop is not None and begin >= stop:
        raise ValueError(
            f"temperature: a block may not begin at {begin:g} °C if it is stopped above {stop:g} °C (`stop_above`)"
        )


def limits_of(info: TargetInfo, *asked: Gates | None) -> GateLimits | None:
    """The limits of a target; of several requests, the last one counts. None if nothing is limited.

    A ceiling that nobody asked for gives way to a higher temperature at which blocks may begin.
    """
    usual = PHONES if info.kind == "android" else GateLimits()
    given = {key: value for one in asked if one for key, value in one.items()}
    if info.kind != "android":
        given = {key: value for key, value in given.items() if key in OF_THIS_COMPUTER}
    found = usual.model_copy(update=given)
    begin, stop = found.temperature, found.stop_above
    if begin is not None and stop is not None and begin >= stop:
        found = found.model_copy(update={"temperature" if "stop_above" in given else "stop_above": None})
    return found if found.of_begin or found.stop_above is not None else None


def switched_off(key: GateKey) -> str:
    """What switches a limit off in `--gate`, such as `temperature=none`."""
    return f"{key}={ANY if key in _WITH_ANY else OFF}"


def describe(limits: GateLimits | None) -> str:
    """Such as `temperature ≤ 40 °C, battery ≥ 10 %, waits 10 min, then marked; stopped above 50 °C`; `none` without
    limits."""
    if limits is None:
        return OFF
    begin = ", ".join(_limit(key, value) for key, value in limits.of_begin.items())
    waits = f"waits {_duration(limits.wait)}, then {'marked' if limits.otherwise == 'mark' else 'skipped'}"
    found = [f"{begin}, {waits}"] if begin else []
    if limits.stop_above is not None:
        found.append(f"stopped above {limits.stop_above:g} °C")
    return "; ".join(found) or OFF


def _duration(seconds: float) -> str:
    return f"{seconds / 60:g} min" if seconds >= 60 else f"{seconds:g} s"


_UNITS_OF: Mapping[GateKey, str] = MappingProxyType(
    {"temperature": " °C", "cpu": " °C", "battery": " %", "probe": " × its first time"}
)


def _limit(key: GateKey, value: float) -> str:
    if key == "status":
        return f"status {'' if value == 0 else '≤ '}{THROTTLING_STATES[int(value)]}"
    if key == "battery_saver":
        return "battery saver off"
    return f"{key} {'≥' if key == 'battery' else '≤'} {value:g}{_UNITS_OF.get(key, '')}"
