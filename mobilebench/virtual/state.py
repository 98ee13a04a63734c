"""Changeable state of a virtual phone, kept in one file that all its commands read.

Only the standard library is imported here: this also runs inside the phone.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mobilebench.core import atomic_files, file_locks

OTHER_MODES = ("recovery", "sideload", "rescue", "bootloader")
"""What adb lists a phone as that does not run Android."""
FAULTS = ("offline", "unauthorized", *OTHER_MODES)
SERVICE_FAULTS = ("hangs", "missing", "denied")
CHROMES = ("com.chrome.beta", "com.chrome.dev", "com.chrome.canary", "org.chromium.chrome")
KEYBOARD = "com.android.inputmethod.latin/.LatinIME"
FIREFOXES = ("org.mozilla.firefox", "org.mozilla.firefox_beta", "org.mozilla.fenix")


@dataclass(frozen=True)
class Battery:
    """The battery, as reported by `dumpsys battery`."""

    level: int = 87
    """Percent."""
    status: int = 2
    """Android's status code: 2 charging, 3 discharging, 5 full."""
    present: bool = True
    updates_stopped: bool = False
    """Whether values were set by `dumpsys battery set`, without a `dumpsys battery reset` since."""
    health: int = 2
    plugged: str = "usb"
    """`usb`, `ac`, `wireless` or `none`."""
    voltage_mv: int = 4120
    temperature: float = 27.4
    """°C."""
    charge_counter_uah: int = 3_480_000
    current_ua: int = 420_000
    """Current in µA, positive while charging."""
    unreported: str = ""
    """What is really plugged in while `dumpsys battery set` makes `plugged` something else."""


@dataclass(frozen=True)
class Thermal:
    """Temperatures, as reported by `dumpsys thermalservice` and `/sys/class/thermal`."""

    status: int = 0
    """Android's throttling status, 0 (none) to 6 (shutdown)."""
    hal_ready: bool = True
    cpu: float = 38.5
    gpu: float = 36.2
    skin: float = 31.0
    """°C."""


@dataclass(frozen=True)
class Gpu:
    """What the GPU's driver shows in `/sys`."""

    load: int = 0
    """Percent. While it is not set by hand, it is the processor time of the process that draws."""


@dataclass(frozen=True)
class Screen:
    on: bool = True
    locked: bool = False
    keyguard: str = "none"
    """Lock screen that appears when the screen goes off: `none`, `swipe` or `secret`."""
    width: int = 1080
    height: int = 2400
    """Pixels while it is upright."""


@dataclass(frozen=True)
class Settings:
    """The tables of Android's `settings`."""

    system: Mapping[str, str] = field(
        default_factory=lambda: {
            "accelerometer_rotation": "0",
            "screen_brightness": "102",
            "screen_brightness_mode": "0",
            "screen_off_timeout": "600000",
            "user_rotation": "0",
        }
    )
    secure: Mapping[str, str] = field(default_factory=lambda: {"default_input_method": KEYBOARD, "doze_enabled": "1"})
    global_: Mapping[str, str] = field(
        default_factory=lambda: {
            "adb_enabled": "1",
            "airplane_mode_on": "0",
            "animator_duration_scale": "1.0",
            "bluetooth_on": "1",
            "development_settings_enabled": "1",
            "device_provisioned": "1",
            "mobile_data": "1",
            "stay_on_while_plugged_in": "0",
            "transition_animation_scale": "1.0",
            "wifi_on": "1",
            "window_animation_scale": "1.0",
            "zen_mode": "0",
        }
    )


@dataclass(frozen=True)
class Browser:
    """The state of the phone's browsers that this computer's Chromium does not hold."""

    first_run: bool = False
    """Whether Chrome shows first-run screens, regardless of its flags, until they are answered."""
    updates: int = 0
    """How often the browsers were updated since this computer's were installed; each changes the version's end."""
    others: str = ""
    """Packages of the browsers installed besides Chrome, separated by commas."""
    camera: bool = True
    """Whether Chrome has a camera that pages may use; from its next start on."""

    @property
    def packages(self) -> list[str]:
        return [package.strip() for package in self.others.split(",") if package.strip()]


@dataclass(frozen=True)
class Simulation:
    """How the battery and the temperatures move."""

    speed: float = 1.0
    """Simulated seconds per second."""


@dataclass(frozen=True)
class State:
    """All state that can change while the phone runs; it survives a restart."""

    battery: Battery = field(default_factory=Battery)
    thermal: Thermal = field(default_factory=Thermal)
    gpu: Gpu = field(default_factory=Gpu)
    screen: Screen = field(default_factory=Screen)
    browser: Browser = field(default_factory=Browser)
    settings: Settings = field(default_factory=Settings)
    simulation: Simulation = field(default_factory=Simulation)
    fixed: tuple[str, ...] = ()
    """Fields of `battery`, `thermal` and `gpu` that were set by hand, and do not move until they are set to null."""
    clock_ahead_s: float = 0.0
    """Seconds by which the phone's `date` is ahead of this computer's."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """Properties set by `setprop`, which override the profile's."""
    clocks_khz: Mapping[str, int] = field(default_factory=dict)
    """Present clock by CPU number, if it is not the cluster's highest."""
    exits: Mapping[str, str] = field(default_factory=dict)
    """By process: Android's reason code and time of its last exit (`3 2026-11-21 12:00:00.000`)."""
    services: Mapping[str, str] = field(default_factory=dict)
    """By service: how `dumpsys SERVICE` fails (`SERVICE_FAULTS`), or the text that it prints instead of its state."""
    fixed_performance: bool = False
    rooted: bool = False
    """Whether the shell may write governors and clock limits, as where adbd runs as root."""
    chrome_installed: bool = True
    fault: str | None = None
    """State that the phone simulates towards adb: one of `FAULTS`, or None."""


MOVING = frozenset(
    {f"battery.{name}" for name in ("level", "status", "voltage_mv", "temperature", "charge_counter_uah", "current_ua")}
    | {f"thermal.{name}" for name in ("status", "cpu", "gpu", "skin")}
    | {"gpu.load"}
)
"""Fields that move by themselves unless they are set by hand."""
KEYGUARDS = ("none", "swipe", "secret")
_FASTEST = 1e6


class BadState(ValueError):
    """An unknown field, or an invalid value."""


def with_value(state: State, name: str, value: Any) -> State:
    """Return the state with one field changed, named as in `battery.level` or `settings.global.wifi_on`.

    None removes an entry of a table, and lets a value that was set by hand move again. Raises `BadState`.
    """
    if name in MOVING:
        state = replace(state, fixed=tuple(other for other in state.fixed if other != name))
        if value is None:
            return state
        state = replace(state, fixed=(*state.fixed, name))
    if name == "fixed":
        raise BadState("fixed cannot be set: set the fields that it names, or set them to null")
    changed = _changed(state, name.split(".", 2 if name.startswith("settings.") else 1), value, name)
    assert isinstance(changed, State)
    if changed.fault is not None and changed.fault not in FAULTS:
        raise BadState(f"fault must be one of {', '.join(FAULTS)}, or null, not {changed.fault!r}")
    if changed.screen.keyguard not in KEYGUARDS:
        raise BadState(f"screen.keyguard must be one of {', '.join(KEYGUARDS)}, not {changed.screen.keyguard!r}")
    if not 0 <= changed.gpu.load <= 100:
        raise BadState(f"gpu.load must be from 0 to 100, not {changed.gpu.load}")
    if not 0 < changed.simulation.speed <= _FASTEST:
        raise BadState(f"simulation.speed must be above 0 and at most {_FASTEST:g}, not {changed.simulation.speed}")
    installable = (*CHROMES, *FIREFOXES)
    if unknown := [package for package in changed.browser.packages if package not in installable]:
        raise BadState(f"{unknown[0]} cannot be installed: a virtual phone can have {', '.join(installable)}")
    return changed


def value_of(state: State, name: str) -> Any:
    """The value of a field, named as in `with_value`; None for an entry that a table does not have."""
    value: Any = state
    path = name.split(".", 2 if name.startswith("settings.") else 1)
    for key in path:
        if isinstance(value, Mapping):
            return value.get(key)
        value = getattr(value, f"{key}_" if key == "global" else key)
    return value


def to_json(state: State) -> str:
    return json.dumps(dataclasses.asdict(state), indent=1, sort_keys=True)


def from_json(text: str) -> State:
    """Parse a state. Raises `BadState` if the text is not one."""
    try:
        data = json.loads(text)
        state = State()
        for group in ("battery", "thermal", "gpu", "screen", "browser", "settings", "simulation"):
            state = dataclasses.replace(
                state, **{group: dataclasses.replace(getattr(state, group), **data.pop(group, {}))}
            )
        data["fixed"] = tuple(map(str, data.get("fixed", ())))
        return dataclasses.replace(state, **data)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadState(f"this is not the state of a virtual phone: {error}") from None


class StateFile:
    """The state on disk. Readers never see a partial file; writers take turns."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.json"
        self._cached: tuple[tuple[int, int], State] | None = None

    def read(self) -> State:
        facts = self.path.stat()
        stamp = (facts.st_ino, facts.st_mtime_ns)
        if self._cached is None or self._cached[0] != stamp:
            self._cached = (stamp, from_json(self.path.read_text(encoding="utf-8")))
        return self._cached[1]

    def change(self, edit: Callable[[State], State], then: Callable[[State], None]) -> State:
        """Replace the state by the result of `edit`; `then` runs before the next writer's turn."""
        with file_locks.exclusive(self.path.with_suffix(".lock")):
            state = edit(self.read() if self.path.exists() else State())
            atomic_files.write_text(self.path, to_json(state), alone=True)
            then(state)
        return state


def _changed(group: Any, path: list[str], value: Any, name: str) -> Any:
    key, rest = path[0], path[1:]
    if isinstance(group, Mapping):
        entries = {k: v for k, v in group.items() if k != ".".join(path)}
        return entries if value is None else {**entries, ".".join(path): value}
    attribute = f"{key}_" if key == "global" else key
    if attribute not in {f.name for f in dataclasses.fields(group)}:
        raise BadState(f"a virtual phone's state has no field {name}")
    current = getattr(group, attribute)
    if rest:
        if not (dataclasses.is_dataclass(current) or isinstance(current, Mapping)):
            raise BadState(f"a virtual phone's state has no field {name}")
        return dataclasses.replace(group, **{attribute: _changed(current, rest, value, name)})
    if dataclasses.is_dataclass(current) or isinstance(current, Mapping):
        raise BadState(f"{name} is a group: name one of its fields")
    return dataclasses.replace(group, **{attribute: _fitting(current, value, name)})


def _fitting(current: Any, value: Any, name: str) -> Any:
    if current is None or isinstance(current, str):
        if value is not None and not isinstance(value, str):
            raise BadState(f"{name} must be a text, not {value!r}")
        return value
    if isinstance(current, bool) != isinstance(value, bool) or not isinstance(value, int | float):
        raise BadState(f"{name} must be of type {type(current).__name__}, not {value!r}")
    if isinstance(current, int) and not isinstance(value, int):
        raise BadState(f"{name} must be a whole number, not {value!r}")
    return float(value) if isinstance(current, float) else value
