"""`dumpsys SERVICE`: state reports of the phone's services."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from mobilebench.core.proc import kib_fields
from mobilebench.virtual.android import frames, packages
from mobilebench.virtual.android.device import CommandOutput, Device, lines
from mobilebench.virtual.android.intents import shortened
from mobilebench.virtual.android.screens import DISPLAY_ID, rotation, turned
from mobilebench.virtual.browsers import CHROME_PACKAGE
from mobilebench.virtual.simulation import Motion, present
from mobilebench.virtual.state import SERVICE_FAULTS, State

_CACHED_DEGREES_BELOW = 1.5
"""°C by which the cached section of `thermalservice` is below the HAL's values: it is older, as on real phones."""

_HANGS_SECONDS = 3600
_OREO, _TIRAMISU = 26, 33
"""API levels of Android 8 and 13."""


async def dumpsys(device: Device, arguments: Sequence[str]) -> CommandOutput:
    """Print the report of one service, or the list of services."""
    if not arguments or arguments[0] == "-l":
        return CommandOutput(lines("Currently running services:", *(f"  {name}" for name in sorted(_SERVICES))))
    name, *rest = arguments
    fault = device.state.services.get(name)
    if fault == "hangs":
        await asyncio.sleep(_HANGS_SECONDS)
    if fault == "denied":
        return CommandOutput(f"Permission Denial: can't dump {name} from pid=1, uid=2000 due to missing permission\n")
    if name not in _SERVICES or fault == "missing":
        return CommandOutput(stderr=f"Can't find service: {name}\n")
    if fault is not None and fault not in SERVICE_FAULTS and (not rest or name == "package"):
        return CommandOutput(f"{fault}\n")
    return CommandOutput(_SERVICES[name](device, rest))


def battery(device: Device, arguments: Sequence[str]) -> str:
    if arguments:
        return _change_battery(device, arguments)
    now = device.state.battery
    return lines(
        "Current Battery Service state:",
        *(["  (UPDATES STOPPED -- use 'reset' to restart)"] if now.updates_stopped else []),
        f"  AC powered: {_flag(now.plugged == 'ac')}",
        f"  USB powered: {_flag(now.plugged == 'usb')}",
        f"  Wireless powered: {_flag(now.plugged == 'wireless')}",
        "  Max charging current: 500000",
        "  Max charging voltage: 5000000",
        f"  Charge counter: {now.charge_counter_uah}",
        f"  status: {now.status}",
        f"  health: {now.health}",
        f"  present: {_flag(now.present)}",
        f"  level: {now.level}",
        "  scale: 100",
        f"  voltage: {now.voltage_mv}",
        f"  temperature: {round(now.temperature * 10)}",
        "  technology: Li-ion",
    )


def thermalservice(device: Device, _arguments: Sequence[str]) -> str:
    thermal = device.state.thermal
    now = {
        ("CPU0", 0): thermal.cpu,
        ("GPU0", 1): thermal.gpu,
        ("battery", 2): device.state.battery.temperature,
        ("skin", 3): thermal.skin,
    }

    def temperatures(offset: float) -> list[str]:
        return [
            f"\tTemperature{{mValue={celsius - offset:.1f}, mType={kind}, mName={name}, mStatus={thermal.status}}}"
            for (name, kind), celsius in now.items()
        ]

    connected = "ThermalHAL 2.0 connected: yes" if thermal.hal_ready else "ThermalHAL not connected"
    current = ["Current temperatures from HAL:", *temperatures(0)] if thermal.hal_ready else []
    return lines(
        "IsStatusOverride: false",
        "ThermalEventListeners:",
        "\tcallbacks: 0",
        "\tkilled: false",
        "\tbroadcasts count: -1",
        "ThermalStatusListeners:",
        "\tcallbacks: 1",
        "\tkilled: false",
        "\tbroadcasts count: -1",
        f"Thermal Status: {thermal.status}",
        "Cached temperatures:",
        *temperatures(_CACHED_DEGREES_BELOW),
        f"HAL Ready: {_flag(thermal.hal_ready)}",
        "HAL connection:",
        f"\t{connected}",
        *current,
    )


def surface_flinger(device: Device, arguments: Sequence[str]) -> str:
    if list(arguments) == ["--display-id"]:
        return lines(f'Display {DISPLAY_ID} (HWC display 0): port=0 pnpId=VRT displayName="virtual"')
    if list(arguments) == ["--list"]:
        return frames.listed(device)
    if arguments and arguments[0] == "--latency":
        return frames.latency(device, arguments[1:])
    gpu = device.config.gpu.replace(",", " ")
    return lines(
        "Build configuration: [sf]",
        "RenderEngine supports protected context: 0",
        f"GLES: Google Inc., {gpu} (drawn by SwiftShader), OpenGL ES 3.0 SwiftShader",
        f"Display 0 resolution={device.state.screen.width}x{device.state.screen.height}",
    )


def meminfo(device: Device, arguments: Sequence[str]) -> str:
    if arguments:
        return _process_memory(device, arguments[-1])
    facts = kib_fields(Path("/proc/meminfo").read_text())
    used = facts["MemTotal"] - facts["MemAvailable"]
    return lines(
        "Applications Memory Usage (in Kilobytes):",
        f"Total RAM: {facts['MemTotal']:>12,}K (status normal)",
        f" Free RAM: {facts['MemAvailable']:>12,}K",
        f" Used RAM: {used:>12,}K",
    )


def package(device: Device, arguments: Sequence[str]) -> str:
    name = arguments[-1] if arguments else CHROME_PACKAGE
    if (app := packages.load(device.config).get(name)) is not None:
        return lines(*packages.report(app))
    program = device.browsers.get(name)
    if program is None:
        return f"Unable to find package: {name}\n"
    code = "".join(part for part in program.version.split(".")[-2:])
    return lines(
        "Packages:",
        f"  Package [{name}]:",
        "    userId=10120",
        f"    versionCode={code}00 minSdk=26 targetSdk=34",
        f"    versionName={program.version}",
        "    flags=[ SYSTEM HAS_CODE ALLOW_CLEAR_USER_DATA ]",
        "    pkgFlags=[ SYSTEM HAS_CODE ALLOW_CLEAR_USER_DATA ]",
        "    signatures=PackageSignatures{1 version:3, signatures:[76697274], past signatures:[]}",
        "    firstInstallTime=2024-01-01 00:00:00",
        "    lastUpdateTime=2024-01-01 00:00:00",
    )


def power(device: Device, _arguments: Sequence[str]) -> str:
    state = device.state
    return lines(
        "POWER MANAGER (dumpsys power)",
        f"  mWakefulness={'Awake' if state.screen.on else 'Asleep'}",
        "  mHoldingWakeLockSuspendBlocker=false",
        f"  mHoldingDisplaySuspendBlocker={_flag(state.screen.on)}",
        f"  mIsPowered={_flag(state.battery.plugged != 'none')}",
        f"  mStayOn={_flag(state.settings.global_.get('stay_on_while_plugged_in', '0') != '0')}",
        f"  mFixedPerformanceModeEnabled={_flag(state.fixed_performance)}",
        f"Display Power: state={'ON' if state.screen.on else 'OFF'}",
    )


def display(device: Device, _arguments: Sequence[str]) -> str:
    screen, turns = turned(device.state), rotation(device.state)
    power_state = "ON" if screen.on else "OFF"
    return lines(
        "DISPLAY MANAGER (dumpsys display)",
        f"  mScreenState={power_state}",
        f'  DisplayDeviceInfo{{"Built-in Screen": {screen.width} x {screen.height}, 60.0 fps, state {power_state}}}',
        f"  mCurrentOrientation={turns}, orientation={turns}, deviceWidth={screen.width}, deviceHeight={screen.height}",
    )


def window(device: Device, arguments: Sequence[str]) -> str:
    policy = ("WINDOW MANAGER POLICY STATE (dumpsys window policy)", *_lock_screen(device))
    if list(arguments) in (["policy"], ["p"]):
        return lines(*policy)
    return lines(
        *policy,
        f"  mCurrentFocus=Window{{1 u0 {_focus(device)}}}",
        f"  mFocusedApp=ActivityRecord{{1 u0 {device.front} t1}}",
    )


def _lock_screen(device: Device) -> list[str]:
    """The lock screen's state: from Android 8 on in a part of its own, before and up to Android 12L by other fields."""
    screen = device.state.screen
    shown, secure = _flag(screen.locked), _flag(screen.keyguard == "secret")
    state = f"screenState={'SCREEN_STATE_ON' if screen.on else 'SCREEN_STATE_OFF'}"
    dream = f"mShowingDream=false mDreamingLockscreen={shown}"
    if device.api < _OREO:
        return [f"    mShowingLockscreen={shown} {dream}", f"    isStatusBarKeyguard={shown}", f"    {state}"]
    return [
        *([f"    {dream} mDreamingSleepToken=null"] if device.api < _TIRAMISU else []),
        "    KeyguardServiceDelegate",
        f"      showing={shown}",
        f"      showingAndNotOccluded={shown}",
        f"      inputRestricted={shown}",
        "      occluded=false",
        f"      secure={secure}",
        "      dreaming=false",
        "      systemIsReady=true",
        f"      deviceHasKeyguard={_flag(screen.keyguard != 'none')}",
        "      enabled=true",
        "      bootCompleted=true",
        f"      {state}",
        f"      interactiveState=INTERACTIVE_STATE_{'AWAKE' if screen.on else 'SLEEP'}",
        "    KeyguardStateMonitor",
        f"      mIsShowing={shown}",
        "      mSimSecure=false",
        f"      mInputRestricted={shown}",
        "      mCurrentUserId=0",
    ]


def _focus(device: Device) -> str:
    """The window in front, which may be a dialog or the lock screen."""
    if device.dialogs.now:
        return device.dialogs.now.component
    screen = device.state.screen
    return "NotificationShade" if screen.locked or not screen.on else device.front


_REASONS = {
    "2": "SIGNALED",
    "3": "LOW_MEMORY",
    "4": "APP CRASH(EXCEPTION)",
    "5": "APP CRASH(NATIVE)",
    "6": "ANR",
    "10": "USER REQUESTED",
    "13": "OTHER KILLS BY SYSTEM",
    "16": "PACKAGE UPDATED",
}


def activity(device: Device, arguments: Sequence[str]) -> str:
    """The activity in front, and the last exit of each process, newest first."""
    match list(arguments):
        case ["activities"]:
            return lines(
                "ACTIVITY MANAGER ACTIVITIES (dumpsys activity activities)",
                f"    mResumedActivity: ActivityRecord{{1 u0 {shortened(device.front)} t1}}",
            )
        case ["top"]:
            package = device.front.partition("/")[0]
            app = device.apps.running.get(package)
            pid = app.pid if app else device.browser_pids.get(package, 1000)
            return lines("TASK 1: id=1", f"  ACTIVITY {shortened(device.front)} 1 pid={pid}")
        case ["exit-info"]:
            names = [*device.browsers, *packages.load(device.config)]
        case ["exit-info", package]:
            names = [package]
        case ["processes" | "p", *rest]:
            return _processes(device, rest)
        case _:
            return f"Bad activity command, or no activities match: {' '.join(arguments)}\n"
    report = ["ACTIVITY MANAGER PROCESS EXIT INFO (dumpsys activity exit-info)"]
    for package in names:
        exits = [(*value.partition(" "), name) for name, value in device.state.exits.items() if _belongs(name, package)]
        report += [f"  package: {package}", "    Historical Process Exit for uid=10123"]
        for number, (reason, _, time, name) in enumerate(sorted(exits, key=lambda entry: entry[2], reverse=True)):
            reason_name = _REASONS.get(reason, "UNKNOWN")
            report += [
                f"        ApplicationExitInfo #{number}:",
                f"          timestamp={time} pid=4711 realUid=99001 packageUid=10123 definingUid=10123 user=0",
                f"          process={name} reason={reason} ({reason_name}) subreason=0 (UNKNOWN) status=0",
                "          importance=100 pss=0.00 rss=180MB description=null state=empty trace=null",
            ]
    return lines(*report)


def _processes(device: Device, arguments: Sequence[str]) -> str:
    """The processes of apps that run, with how important each is."""
    report = ["ACTIVITY MANAGER RUNNING PROCESSES (dumpsys activity processes)"]
    top = device.front.partition("/")[0]
    for app in device.apps.running.values():
        if arguments and app.package not in arguments:
            continue
        in_front = app.package == top
        state, adjustment = ("TOP", 0) if in_front else ("CAC", 900) if app.activity else ("FGS", 200)
        report += [
            f"  *APP* UID {app.user} ProcessRecord{{1 {app.pid}:{app.package}/{app.user_name}}}",
            f"    user #0 uid={app.user}",
            f"    packageList={{{app.package}}}",
            f"    pid={app.pid}",
            f"    oom adj: max=1001 curRaw={adjustment} setRaw={adjustment} cur={adjustment} set={adjustment}",
            f"    mCurProcState={state} mRepProcState={state}",
        ]
    return lines(*report)


def _belongs(process: str, package: str) -> bool:
    return process.partition(":")[0] == package


_SERVICES: dict[str, Callable[[Device, Sequence[str]], str]] = {
    "SurfaceFlinger": surface_flinger,
    "activity": activity,
    "battery": battery,
    "display": display,
    "gfxinfo": frames.gfxinfo,
    "meminfo": meminfo,
    "package": package,
    "power": power,
    "thermalservice": thermalservice,
    "window": window,
}

_BATTERY_FIELDS = {"level": "level", "status": "status", "voltage": "voltage_mv", "counter": "charge_counter_uah"}


def _change_battery(device: Device, arguments: Sequence[str]) -> str:
    options = [word for word in arguments if word != "-f"]

    def set_to(**fields: float | str) -> str:
        def edit(state: State) -> State:
            before = state.battery
            real = before.unreported or (before.plugged if "plugged" in fields else "")
            return replace(state, battery=replace(before, updates_stopped=True, unreported=real, **fields))  # type: ignore[arg-type]

        device.files.change(edit)
        return ""

    match options:
        case ["unplug"]:
            return set_to(plugged="none", status=3)
        case ["reset"]:
            device.files.change(lambda state: _real_battery(state, device.files.motion))
            return ""
        case ["set", "temp" | "temperature", value] if _number(value):
            return set_to(temperature=int(value) / 10)
        case ["set", ("usb" | "ac" | "wireless") as source, value] if _number(value):
            return set_to(plugged=source if value != "0" else "none")
        case ["set", name, value] if name in _BATTERY_FIELDS and _number(value):
            return set_to(**{_BATTERY_FIELDS[name]: int(value)})
    return f"Unknown set option: {' '.join(options)}\n"


def _real_battery(state: State, motion: Motion | None) -> State:
    """The state after `dumpsys battery reset`: what is really there is reported again."""
    plugged = state.battery.unreported or state.battery.plugged
    battery = replace(state.battery, plugged=plugged, unreported="", updates_stopped=False, present=True, health=2)
    if motion is not None:
        battery = present(replace(state, fixed=(), battery=battery), motion).battery
    return replace(state, battery=battery)


def _process_memory(device: Device, package: str) -> str:
    chrome = device.chrome.pid
    if chrome is None or package != device.chrome.running:
        return f"No process found for: {package}\n"
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getpgid(int(folder.name)) == chrome:
                total += kib_fields((folder / "smaps_rollup").read_text()).get("Pss", 0)
    return lines(
        f"** MEMINFO in pid {chrome} [{package}] **",
        " App Summary",
        f"           TOTAL PSS: {total:>8}",
    )


def _number(text: str) -> bool:
    return text.lstrip("-").isdigit()


def _flag(value: bool) -> str:
    return "true" if value else "false"
