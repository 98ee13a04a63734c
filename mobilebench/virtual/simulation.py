"""How a virtual phone's battery and temperatures move: from elapsed time and the processor time that it really used.

The model is made up: it has the form of a phone's behaviour, and no phone's numbers. Each temperature follows its
target with one time constant, and the target rises with the number of busy cores. Values are computed when they are
read; nothing runs in between. Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from mobilebench.core.proc import TICKS_PER_SECOND
from mobilebench.virtual.config import Cluster
from mobilebench.virtual.state import State, Thermal


@dataclass(frozen=True)
class Part:
    """How the temperature of one part follows the load."""

    idle: float
    """°C of an idle phone."""
    per_core: float
    """°C by which its target rises for each busy core."""
    seconds: float
    """Time constant."""


CPU = Part(38.5, 6.0, 8.0)
GPU = Part(36.2, 2.0, 12.0)
SKIN = Part(31.0, 4.0, 240.0)
BATTERY = Part(27.4, 2.5, 600.0)
MOST_CORES = 4.0
"""Busy cores above which it gets no hotter."""

CAPACITY_UAH = 4_000_000
EMPTY_MV = 3494
MV_PER_PERCENT = 7.2
"""Voltage of the battery rises with its charge in a straight line."""
IDLE_MW = {True: 770.0, False: 60.0}
"""Power of an idle phone by whether its screen is on."""
CORE_MW = 900.0
"""Power of one busy core."""
CHARGER_MW = {"none": 0.0, "usb": 2500.0, "wireless": 5000.0, "ac": 10000.0}

STATUS_FROM_SKIN = (40.0, 43.0, 46.0, 50.0, 55.0, 60.0)
"""Skin temperatures in °C from which the thermal status is 1, 2, … 6."""
CLOCK_SHARES = (1.0, 1.0, 0.85, 0.7, 0.5, 0.3, 0.3)
"""Share of the highest clock that is allowed at each thermal status."""
HEATED = Thermal(cpu=92.0, gpu=80.0, skin=51.0)
HEATED_BATTERY = 46.0
"""Temperatures while the fault `heat` is on, in °C."""

_STEP_S = 60.0
_MOST_STEPS = 5000
"""Beyond so many steps at once, they get longer, so that a phone that nobody asked for long still answers soon."""


@dataclass(frozen=True)
class Motion:
    """Where the moving values are at one time."""

    at: float
    """Seconds of this computer's clock (`CLOCK_BOOTTIME`)."""
    cpu_seconds: float
    """Processor time that the phone's processes had used by then."""
    charge_uah: float
    current_ua: float
    cpu: float
    gpu: float
    skin: float
    battery: float
    """°C."""
    simulated_s: float = 0.0
    """Simulated seconds since the phone was switched on."""
    touched_s: float = 0.0
    """Simulated time of the last key or touch."""
    busy: float = 0.0
    """Busy cores in the last interval."""
    in_state: Mapping[int, Mapping[int, float]] = field(default_factory=dict)
    """By first CPU of a cluster: simulated seconds by clock in kHz (`time_in_state`)."""


def begin(state: State, now: float, cpu_seconds: float) -> Motion:
    """The first motion of a phone whose stored values are these."""
    battery, thermal = state.battery, state.thermal
    charge = battery.charge_counter_uah
    if "battery.level" in state.fixed:
        charge = battery.level * CAPACITY_UAH // 100
    return Motion(
        now, cpu_seconds, charge, battery.current_ua, thermal.cpu, thermal.gpu, thermal.skin, battery.temperature
    )


def advance(
    motion: Motion, state: State, clusters: Iterable[Cluster], now: float, cpu_seconds: float, *, heated: bool = False
) -> Motion:
    """Where the values are `now`, after the state was as given since `motion`.

    Args:
        motion: the values at an earlier time.
        state: the phone's state since then.
        clusters: its cores.
        now: seconds of `CLOCK_BOOTTIME`.
        cpu_seconds: processor time of the phone's processes until now.
        heated: whether the fault `heat` is on.
    """
    elapsed = max(now - motion.at, 1e-9)
    busy = min(max(cpu_seconds - motion.cpu_seconds, 0.0) / elapsed, 64.0)
    seconds = elapsed * state.simulation.speed
    values = hold(motion, state)
    end = motion.simulated_s + seconds
    longest = max(_STEP_S, seconds / _MOST_STEPS)
    while values.simulated_s < end:
        values = _step(values, state, busy, min(end - values.simulated_s, longest))
    if heated:
        values = replace(
            values,
            cpu=max(values.cpu, HEATED.cpu),
            gpu=max(values.gpu, HEATED.gpu),
            skin=max(values.skin, HEATED.skin),
            battery=max(values.battery, HEATED_BATTERY),
        )
    values = hold(values, state)
    return replace(
        values,
        at=now,
        cpu_seconds=cpu_seconds,
        simulated_s=end,
        busy=busy,
        in_state=_counted(motion, state, clusters, seconds),
    )


def present(state: State, motion: Motion) -> State:
    """The state with the values that move; values that were set by hand stay."""
    level = min(100, max(0, round(motion.charge_uah / CAPACITY_UAH * 100)))
    plugged = state.battery.plugged != "none"
    moving_battery: dict[str, float] = {
        "level": level,
        "status": 3 if not plugged else 5 if level >= 100 else 2,
        "voltage_mv": round(EMPTY_MV + MV_PER_PERCENT * motion.charge_uah / CAPACITY_UAH * 100),
        "temperature": round(motion.battery, 1),
        "charge_counter_uah": round(motion.charge_uah),
        "current_ua": round(motion.current_ua),
    }
    moving_thermal: dict[str, float] = {
        "cpu": round(motion.cpu, 1),
        "gpu": round(motion.gpu, 1),
        "skin": round(motion.skin, 1),
        "status": sum(motion.skin >= limit for limit in STATUS_FROM_SKIN),
    }
    battery, thermal = state.battery, state.thermal
    if not battery.updates_stopped:
        battery = replace(battery, **_free("battery", moving_battery, state))  # type: ignore[arg-type]
    thermal = replace(thermal, **_free("thermal", moving_thermal, state))  # type: ignore[arg-type]
    screen = state.screen
    if screen.on and _is_left_alone(state, motion):
        screen = replace(screen, on=False, locked=screen.locked or screen.keyguard != "none")
    return replace(state, battery=battery, thermal=thermal, screen=screen)


def hold(motion: Motion, state: State) -> Motion:
    """The motion with the values that were set by hand, from which it goes on when they are released."""
    battery, thermal = state.battery, state.thermal
    held: dict[str, float] = {}
    fixed = () if battery.updates_stopped else state.fixed
    if "battery.level" in fixed:
        held["charge_uah"] = battery.level * CAPACITY_UAH / 100
    if "battery.charge_counter_uah" in fixed:
        held["charge_uah"] = battery.charge_counter_uah
    if "battery.temperature" in fixed:
        held["battery"] = battery.temperature
    for name in ("cpu", "gpu", "skin"):
        if f"thermal.{name}" in state.fixed:
            held[name] = getattr(thermal, name)
    return replace(motion, **held) if held else motion  # type: ignore[arg-type]


def allowed_khz(cluster: Cluster, thermal: Thermal) -> int:
    """The highest clock of a cluster at this thermal status."""
    share = CLOCK_SHARES[min(max(thermal.status, 0), len(CLOCK_SHARES) - 1)]
    return max(cluster.min_khz, int(cluster.max_khz * share) // 1000 * 1000) if share < 1 else cluster.max_khz


def used_cpu_seconds(processes: Iterable[int] | None = None) -> float:
    """Processor time of these processes (all that are seen, by default) and of their ended children."""
    numbers = processes if processes is not None else map(int, filter(str.isdigit, os.listdir("/proc")))  # noqa: PTH208 - names only
    ticks = 0
    for number in numbers:
        try:
            text = Path(f"/proc/{number}/stat").read_text(errors="replace")
        except OSError:
            continue
        fields = text.rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / TICKS_PER_SECOND


def clock() -> float:
    """Seconds of the clock by which phones move."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _step(motion: Motion, state: State, busy: float, seconds: float) -> Motion:
    cores = min(busy, MOST_CORES)

    def towards(now: float, part: Part, rise: float = 0.0) -> float:
        target = part.idle + part.per_core * cores + rise
        return target + (now - target) * math.exp(-seconds / part.seconds)

    skin = towards(motion.skin, SKIN)
    percent = motion.charge_uah / CAPACITY_UAH * 100
    volts = (EMPTY_MV + MV_PER_PERCENT * percent) / 1000
    used = IDLE_MW[state.screen.on and not _is_left_alone(state, motion)] + CORE_MW * cores
    cable = state.battery.unreported or state.battery.plugged
    current_ua = (CHARGER_MW.get(cable, 0.0) - used) / volts * 1000
    charge = motion.charge_uah + current_ua * seconds / 3600
    if charge >= CAPACITY_UAH and current_ua > 0:
        charge, current_ua = CAPACITY_UAH, 0.0
    return replace(
        motion,
        cpu=towards(motion.cpu, CPU, skin - SKIN.idle),
        gpu=towards(motion.gpu, GPU, skin - SKIN.idle),
        skin=skin,
        battery=towards(motion.battery, BATTERY),
        charge_uah=max(0.0, charge),
        current_ua=current_ua,
        simulated_s=motion.simulated_s + seconds,
    )


def _free(group: str, values: Mapping[str, float], state: State) -> dict[str, float]:
    return {name: value for name, value in values.items() if f"{group}.{name}" not in state.fixed}


def _counted(
    motion: Motion, state: State, clusters: Iterable[Cluster], seconds: float
) -> dict[int, Mapping[int, float]]:
    thermal = present(state, motion).thermal
    counted = {first: dict(clocks) for first, clocks in motion.in_state.items()}
    for cluster in clusters:
        clocks = counted.setdefault(cluster.first, {})
        khz = state.clocks_khz.get(str(cluster.first), allowed_khz(cluster, thermal))
        clocks[khz] = clocks.get(khz, 0.0) + seconds
    return dict(counted)


_PLUG_BITS = {"ac": 1, "usb": 2, "wireless": 4}


def _is_left_alone(state: State, motion: Motion) -> bool:
    """Whether the screen goes off by itself: no touch within its time limit, and not told to stay on while charging."""
    stays = _whole(state.settings.global_.get("stay_on_while_plugged_in"), 0)
    if stays & _PLUG_BITS.get(state.battery.plugged, 0):
        return False
    limit_ms = _whole(state.settings.system.get("screen_off_timeout"), 60_000)
    return motion.simulated_s - motion.touched_s > limit_ms / 1000


def _whole(text: str | None, otherwise: int) -> int:
    try:
        return int(text or "")
    except ValueError:
        return otherwise
