"""Temperatures and throttling, from `dumpsys thermalservice`."""

from __future__ import annotations

import math
import re

from mobilebench.recorders import reading
from mobilebench.recorders.base import Declaration, Quantity
from mobilebench.recorders.reading import ReadingRecorder, Readings, Void, why_not_a_real_phone
from mobilebench.recorders.sources import Command, Source

THROTTLING_STATES = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Android's thermal status 0 … 6."""

STATUS = ("status", "state")
KEYS = (STATUS, *((kind, "°C") for kind in ("cpu", "gpu", "battery", "skin")))
"""Series that every phone is expected to have; `usb_port` and `npu` are added where the phone lists them."""
DECLARATION = Declaration(
    name="thermal",
    title="Temperatures",
    description="Throttling state and hottest CPU, GPU, NPU, battery and skin sensor, from dumpsys thermalservice.",
    cost="around the block",
    quantities=(
        Quantity(*STATUS, "Throttling state"),
        Quantity("cpu", "°C", "CPU temperature"),
        Quantity("gpu", "°C", "GPU temperature"),
        Quantity("battery", "°C", "Battery temperature"),
        Quantity("skin", "°C", "Skin temperature"),
    ),
    sampled=True,
)

_HAL_SECTION = re.compile(r"^Current temperatures from HAL:\s*$", re.MULTILINE)
_TEMPERATURE = re.compile(
    r"Temperature\{mValue=([^,}\s]+), mType=(-?[0-9]{1,9}), mName=([^,}]+)(?:, mStatus=-?\d+)?[^}]*\}"
)
_STATUS = re.compile(r"^Thermal Status: (\S+)\s*$", re.MULTILINE)
_OVERRIDDEN = re.compile(r"^IsStatusOverride: true\s*$", re.MULTILINE)
_NOT_READY = re.compile(r"^HAL Ready: false\s*$", re.MULTILINE)
_KINDS = {0: "cpu", 1: "gpu", 2: "battery", 3: "skin", 4: "usb_port", 9: "npu"}
_COLDEST, _HOTTEST = -40.0, 200.0


def parse(text: str) -> Readings:
    """Throttling state, and the hottest sensor of each kind in °C.

    Temperatures come from the section with the hardware's current values; the cached ones above it are stale.
    """
    why = reading.refusal("thermalservice", text)
    if why is None and not _STATUS.search(text) and not _HAL_SECTION.search(text):
        why = "the answer is not the state of the thermal service"
    if why is None and _NOT_READY.search(text):
        why = "the phone's thermal hardware layer is not ready, so the service shows only what it assumes"
    if why is not None:
        return dict.fromkeys(KEYS, Void(why))
    return {STATUS: _status(text), **_temperatures(text)}


def _status(text: str) -> float | Void:
    statuses = dict.fromkeys(_STATUS.findall(text))
    if _OVERRIDDEN.search(text):
        return Void("the status was set by hand (`cmd thermalservice reset` on the phone ends that)")
    if not statuses:
        return Void("the phone does not report its thermal status")
    if len(statuses) > 1:
        shown = ", ".join(one[:40] for one in list(statuses)[:5])
        return Void(f"the phone reports several thermal statuses ({shown})")
    (status,) = statuses
    known = status in map(str, range(len(THROTTLING_STATES)))
    return float(status) if known else Void(f"{status[:40]} is not a thermal status of Android")


def _temperatures(text: str) -> Readings:
    if not _HAL_SECTION.search(text):
        return dict.fromkeys(KEYS[1:], Void("the phone's thermal hardware layer reports no temperatures"))
    hottest: dict[str, float] = {}
    impossible: dict[str, list[str]] = {}
    for value, kind, _ in _TEMPERATURE.findall(_section(text)):
        name = _KINDS.get(int(kind))
        if name is None:
            continue
        celsius = _number(value)
        if celsius is None:
            impossible.setdefault(name, []).append(value[:40])
        else:
            hottest[name] = max(celsius, hottest.get(name, celsius))
    names = dict.fromkeys([*(name for name, _ in KEYS[1:]), *hottest, *impossible])
    return {(name, "°C"): _reading(name, hottest, impossible) for name in names}


def _reading(name: str, hottest: dict[str, float], impossible: dict[str, list[str]]) -> float | Void:
    if name in hottest:
        return hottest[name]
    if name in impossible:
        return Void(f"its sensors report impossible values ({', '.join(impossible[name][:5])})")
    return Void("the phone lists no such sensor")


def _section(text: str) -> str:
    """The lines below the heading, up to the first one that is not a temperature."""
    heading = _HAL_SECTION.search(text)
    lines = []
    for line in text[heading.end() :].splitlines()[1:] if heading else ():
        if not line.strip().startswith("Temperature{"):
            break
        lines.append(line)
    return "\n".join(lines)


def _number(text: str) -> float | None:
    """A temperature that a phone in use can have, in °C; else None. Exactly 0 comes from sensors that do not exist."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and _COLDEST < value <= _HOTTEST and value != 0 else None


def recorder(interval_s: float | None = None) -> ReadingRecorder:
    """A fresh thermal recorder."""
    source = Source((Command(("dumpsys", "thermalservice")),))
    return ReadingRecorder(DECLARATION, source, parse, why_not_a_real_phone, interval_s)
