"""Checks of battery, heat and background load."""

from __future__ import annotations

from mobilebench.recorders import battery, thermal
from mobilebench.recorders.reading import Readings, Void, why_not_a_real_phone
from mobilebench.targets.care import limits, questions
from mobilebench.targets.care.base import Check, Examined, Finding, ok, unknown

_DISCHARGING = 3


def _battery(seen: Examined) -> Readings:
    answer = seen.answer("battery")
    if why := why_not_a_real_phone(seen.info):
        return {key: Void(why) for key in battery.KEYS}
    return dict.fromkeys(battery.KEYS, answer) if isinstance(answer, Void) else battery.parse(answer)


def _charge(seen: Examined) -> Finding:
    level = _battery(seen)[battery.LEVEL]
    if isinstance(level, Void):
        return unknown(level)
    words = f"{level:.0f} %"
    if level < limits.EMPTY_CHARGE_PERCENT:
        return Finding("blocking", words)
    return Finding("degraded", words) if level < limits.LEAST_CHARGE_PERCENT else ok(words)


def _temperature(seen: Examined) -> Finding:
    celsius = _battery(seen)[battery.TEMPERATURE]
    if isinstance(celsius, Void):
        return unknown(celsius)
    words = f"{celsius:.1f} °C"
    if celsius >= limits.HOT_BATTERY_CELSIUS:
        return Finding("blocking", words, passes=True)
    return Finding("degraded", words) if celsius >= limits.WARM_BATTERY_CELSIUS else ok(words)


def _charging(seen: Examined) -> Finding:
    status = _battery(seen)[battery.STATUS]
    if isinstance(status, Void):
        return unknown(status)
    words = battery.CHARGING_STATES[int(status)]
    return Finding("degraded", words) if status == _DISCHARGING else ok(words)


def _saver(seen: Examined) -> Finding:
    answer = seen.answer("global")
    settings = answer if isinstance(answer, Void) else questions.parse_settings(answer, questions.GLOBAL)
    if isinstance(settings, Void):
        return unknown(settings)
    return Finding("degraded", "it is on") if settings.get("low_power", "0") == "1" else ok("it is off")


def _throttling(seen: Examined) -> Finding:
    answer = seen.answer("thermal")
    if why := why_not_a_real_phone(seen.info):
        return unknown(Void(why))
    status = answer if isinstance(answer, Void) else thermal.parse(answer)[thermal.STATUS]
    if isinstance(status, Void):
        return unknown(status)
    words = f"{thermal.THROTTLING_STATES[int(status)]} ({status:.0f})"
    if status >= limits.CRITICAL_THROTTLING:
        return Finding("blocking", words, passes=status < limits.SHUTDOWN_THROTTLING)
    return Finding("degraded", words) if status >= limits.LIGHT_THROTTLING else ok(words)


def load(seen: Examined) -> Finding:
    """Judge the time that other work takes on all cores, on a phone or on this computer."""
    answer = seen.answer("busy")
    share = answer if isinstance(answer, Void) else questions.parse_busy(answer)
    if isinstance(share, Void):
        return unknown(share)
    words = f"other work takes {share * 100:.0f} % of the cores' time"
    return Finding("degraded", words) if share > limits.BUSY_SHARE else ok(words)


CHECKS = (
    Check(
        "battery",
        f"The battery holds at least {limits.LEAST_CHARGE_PERCENT} %; below {limits.EMPTY_CHARGE_PERCENT} % it blocks",
        "A phone with little charge saves power by lower clocks, or switches itself off during the run.",
        "Charge it.",
        _charge,
    ),
    Check(
        "battery_temperature",
        f"The battery is below {limits.WARM_BATTERY_CELSIUS:g} °C; from {limits.HOT_BATTERY_CELSIUS:g} °C on it blocks",
        "A warm phone throttles within minutes, and then measures its cooling, not the engine.",
        "Let it cool down: screen off, out of its case, out of the sun, on a slower charger.",
        _temperature,
    ),
    Check(
        "charging",
        "The phone is being charged, or full",
        "A phone that runs on its battery may save power, and its battery will be empty in the end.",
        "Plug it in; some USB ports give too little power, and a powered hub gives more. For energy measurements it is "
        "meant to discharge: unplug it, and connect adb over Wi-Fi.",
        _charging,
    ),
    Check(
        "battery_saver",
        "Battery saving is off",
        "It lowers clocks, and keeps background processes such as a page's from running.",
        "Switch it off in the phone's battery settings, or charge the phone, which ends it.",
        _saver,
    ),
    Check(
        "throttling",
        f"Android's thermal status is none; from {thermal.THROTTLING_STATES[limits.CRITICAL_THROTTLING]} on it blocks",
        "From “light” on, clocks may be limited by heat, so latencies are too long.",
        "Let it cool down.",
        _throttling,
    ),
    Check(
        "load",
        f"Other work takes at most {limits.BUSY_SHARE * 100:g} % of the cores' time, over {questions.BUSY_SECONDS:g} s",
        "Other work takes time from the engine, above all from its threads on the big cores.",
        "Close other apps, and wait until updates and backups have ended; a phone is busy for minutes after its start.",
        load,
    ),
)
