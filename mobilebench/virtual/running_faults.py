"""Faults of a running phone: how each is caused, and how it ends.

Values that a fault changes are recorded before, so that a phone that was switched off meanwhile gets them back.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilebench.core import atomic_files
from mobilebench.core.proc import parse_stat
from mobilebench.virtual import processes
from mobilebench.virtual.android import package_manager, run_as, running_apps
from mobilebench.virtual.android.device import CommandOutput, Device
from mobilebench.virtual.android.dialogs import dialog
from mobilebench.virtual.android.exits import note_exit
from mobilebench.virtual.browsers import CHROME_PACKAGE
from mobilebench.virtual.fault_kinds import Fault, option_of
from mobilebench.virtual.state import State, value_of, with_value

CLOCK_JUMP_S = 7200.0

_FILLER = "/data/local/.filler"
_PIECE_BYTES = 1 << 20
_SIGNALED, _LOW_MEMORY, _CRASHED, _UPDATED = "2", "3", "4", "16"
"""Android's numbers for why a process ended."""

Undo = Callable[[], Awaitable[None]]


@dataclass
class _Active:
    fault: Fault
    option: str | None
    undo: Undo
    timer: asyncio.TimerHandle | None = None


class RunningFaults:
    """The faults that a phone has now, and those that are still to come."""

    def __init__(
        self, device: Device, cut_links: Callable[[], None], reboot: Callable[[float], Coroutine[Any, Any, None]]
    ) -> None:
        self._device = device
        self._files = device.files
        self._cut_links = cut_links
        self._reboot = reboot
        self._active: dict[str, _Active] = {}
        self._waiting: dict[asyncio.TimerHandle, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._record = self._files.metadata / "held.json"

    def on(self, name: str) -> bool:
        """Whether the phone has this fault now."""
        return name in self._active

    @property
    def active(self) -> dict[str, str]:
        """The present faults with their options."""
        return {name: active.option or "" for name, active in self._active.items()}

    def forget(self) -> None:
        """At a start: take back what faults of an earlier run of this phone changed."""
        for fault in list(self._held()):
            self._release(fault)
        Path(self._files.config.path(_FILLER)).unlink(missing_ok=True)

    def refusal(self, words: Sequence[str]) -> CommandOutput | None:
        """What a command answers because of a fault, or None."""
        command = list(words[1:] if words[:2] == ["cmd", "settings"] else words)
        if not self.on("refuse-settings") or command[0] != "settings" or command[1:2] not in (["put"], ["delete"]):
            return None
        needs = "android.permission.WRITE_SECURE_SETTINGS"
        thrown = f"java.lang.SecurityException: Permission denial: writing to settings requires:{needs}"
        return CommandOutput(stderr=f"\nException occurred while executing '{command[1]}':\n{thrown}\n", code=255)

    async def apply(self, fault: Fault, option: str | None, seconds: float | None, after: float = 0.0) -> None:
        """Cause a fault now or later. Raises `ValueError` if it is not possible on this phone."""
        option = option_of(fault, option)
        if fault.name == "fill-disk" and self._files.config.data_bytes is None:
            raise ValueError("its data partition has no size of its own: start it with --data-mb")
        if after <= 0:
            await self._begin(fault, option, seconds)
            return

        def now() -> None:
            del self._waiting[handle]
            self._start(self._begin(fault, option, seconds))

        handle = asyncio.get_running_loop().call_later(after, now)
        self._waiting[handle] = fault.name

    async def clear(self, name: str | None = None) -> None:
        """End this fault, or all, and drop those that are still to come."""
        for handle in [handle for handle, waiting in self._waiting.items() if name in (None, waiting)]:
            del self._waiting[handle]
            handle.cancel()
        for active in [name] if name else list(self._active):
            await self._end(active)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(self, fault: Fault, option: str | None, seconds: float | None) -> None:
        lasts = seconds if seconds is not None else fault.seconds
        async with self._turn:
            await self._stop(fault.name)
            if fault.name == "reboot":
                self._start(self._reboot(lasts or 0.0))
                return
            undo = await _CAUSES[fault.name](self, option)
            if fault.once:
                return
            self._active[fault.name] = active = _Active(fault, option, undo)
            if fault.parts_adb:
                self._cut_links()
            if lasts is not None:
                loop = asyncio.get_running_loop()
                active.timer = loop.call_later(lasts, lambda: self._start(self._end(fault.name)))

    async def _end(self, name: str) -> None:
        async with self._turn:
            await self._stop(name)

    async def _stop(self, name: str) -> None:
        active = self._active.pop(name, None)
        if active is None:
            return
        if active.timer:
            active.timer.cancel()
        await active.undo()
        if active.fault.parts_adb:
            self._cut_links()

    # Values that are changed as long as a fault lasts

    def _hold(self, fault: str, values: Mapping[str, Any]) -> Undo:
        """Record fields of the state, and change them; return what takes that back."""
        state = self._files.state
        before = {field: value_of(state, field) for field in values}
        atomic_files.write_text(self._record, json.dumps({**self._held(), fault: before}), alone=True)
        self._change(values)

        async def undo() -> None:
            self._release(fault)

        return undo

    def _release(self, fault: str) -> None:
        held = self._held()
        self._change(held.pop(fault, {}))
        atomic_files.write_text(self._record, json.dumps(held), alone=True)

    def _held(self) -> dict[str, dict[str, Any]]:
        try:
            held: dict[str, dict[str, Any]] = json.loads(self._record.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return held

    def _change(self, values: Mapping[str, Any]) -> None:
        def edit(state: State) -> State:
            for field, value in values.items():
                state = with_value(state, field, value)
            return state

        self._files.change(edit)

    # One method for each fault: it causes it, and returns what ends it

    async def _unplug(self, _option: str | None) -> Undo:
        self._device.note("BatteryService", "The charger was unplugged")
        return self._hold("unplug", {"battery.plugged": "none"})

    async def _offline(self, _option: str | None) -> Undo:
        return self._hold("offline", {"fault": "offline"})

    async def _unauthorise(self, _option: str | None) -> Undo:
        return self._hold("unauthorise", {"fault": "unauthorized"})

    async def _recovery(self, option: str | None) -> Undo:
        put_back = self._hold("recovery", {"fault": option})
        await self._reboot(0.0)

        async def undo() -> None:
            await put_back()
            await self._reboot(0.0)

        return undo

    async def _fill_disk(self, _option: str | None) -> Undo:
        config = self._files.config
        filler = Path(config.path(_FILLER))

        async def undo() -> None:
            filler.unlink(missing_ok=True)

        filler.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
            if config.prefix:  # without a sandbox, sizes are counted and nothing else limits them
                stream.truncate(config.data_bytes or 0)
            else:
                piece = bytes(_PIECE_BYTES)
                for _ in range((config.data_bytes or 0) // _PIECE_BYTES + 1):
                    if stream.write(piece) < len(piece):
                        break
        return undo

    async def _heat(self, _option: str | None) -> Undo:
        self._files.heat(on=True)
        self._device.note("ThermalManagerService", "Thermal status changed to critical", level="W")

        async def undo() -> None:
            self._files.heat(on=False)

        return undo

    async def _dialog(self, option: str | None) -> Undo:
        browser = self._device.running if option in {"anr", "crash"} else None
        shown = dialog(option or "anr", self._device.running or "com.android.systemui")
        stuck = self._device.browser_pids.get(browser) if browser else None

        async def answered() -> None:
            self._active.pop("dialog", None)
            if stuck:
                _signal_group(stuck, signal.SIGCONT)
            if stuck and option == "crash":
                await self._end_browsers(_CRASHED)
            await self._device.settle_pages()

        async def undo() -> None:
            if self._device.dialogs.now is shown:
                await self._device.dialogs.dismiss()

        if stuck:
            _signal_group(stuck, signal.SIGSTOP)
        self._device.dialogs.show(shown, answered)
        await self._device.settle_pages()
        if browser:
            self._device.note("ActivityManager", f"{'ANR in' if option == 'anr' else 'Crash of'} {browser}", level="E")
        return undo

    async def _nothing_else(self, _option: str | None) -> Undo:
        """For faults that are looked up while they are on."""
        return _nothing

    async def _kill_chrome(self, _option: str | None) -> Undo:
        await self._end_browsers(_SIGNALED)
        return _nothing

    async def _service_dies(self, option: str | None) -> Undo:
        service, _, how = (option or "").partition(":")
        return self._hold("service-dies", {f"services.{service}": how})

    async def _lock(self, option: str | None) -> Undo:
        values = {"screen.on": False, "screen.locked": True, "screen.keyguard": option or "secret"}
        put_back = self._hold("lock", values)
        self._device.note("PowerManagerService", "Going to sleep due to power button (uid 1000)")
        await self._device.settle_pages()

        async def undo() -> None:
            self._files.touched()
            await put_back()
            await self._device.settle_pages()

        return undo

    async def _clock_jump(self, _option: str | None) -> Undo:
        return self._hold("clock-jump", {"clock_ahead_s": CLOCK_JUMP_S})

    async def _chrome_update(self, _option: str | None) -> Undo:
        self._change({"browser.updates": self._files.state.browser.updates + 1})
        self._device.note("PackageManager", f"Package {CHROME_PACKAGE} was updated")
        await self._end_browsers(_UPDATED)
        return _nothing

    async def _low_memory_kill(self, _option: str | None) -> Undo:
        most = max(processes.descendants(), key=lambda process: _ticks(process.pid), default=None)
        if most is None:
            raise ValueError("nothing runs on it that could be killed")
        app = next((app for app in self._device.apps.running.values() if app.pid == most.pid), None)
        if app is not None:
            app.stop(running_apps.NO_MEMORY)
            return _nothing
        name = self._device.name_of(most.pid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(most.pid, signal.SIGKILL)
        note_exit(self._device, name, _LOW_MEMORY)
        self._device.note("lowmemorykiller", f"Kill '{name}' ({most.pid}), uid 10123", buffer="main")
        return _nothing

    async def _happens_to_app(self, fault: str) -> Undo:
        """Let a fault wait for an app's job; it is over when it has happened."""
        apps = self._device.apps

        async def undo() -> None:
            apps.drop(fault)

        loop = asyncio.get_running_loop()  # first the fault has to be among the active ones
        loop.call_soon(lambda: apps.wait_for_job(fault, lambda: self._happened(fault)))
        return undo

    def _happened(self, fault: str) -> None:
        active = self._active.pop(fault, None)
        if active is not None and active.timer is not None:
            active.timer.cancel()

    async def _end_browsers(self, reason: str) -> None:
        for browser in (self._device.chrome, self._device.firefox):
            package = browser.running
            if package is not None:
                await browser.stop()
                note_exit(self._device, package, reason)
                await self._device.dialogs.app_ended(package)


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


def _ticks(pid: int) -> int:
    """Processor time that a process itself used."""
    try:
        stat = parse_stat(Path(f"/proc/{pid}/stat").read_text(errors="replace"))
    except OSError:
        return -1
    return -1 if stat is None or stat.ended else stat.cpu_ticks


async def _nothing() -> None:
    pass


_Cause = Callable[[RunningFaults, str | None], Awaitable[Undo]]


def _of_apps(fault: str) -> _Cause:
    """What causes a fault of the app that runs."""

    async def cause(faults: RunningFaults, _option: str | None) -> Undo:
        return await faults._happens_to_app(fault)

    return cause


def _of_service(fault: str, service: str, how: str) -> _Cause:
    """What causes a fault that is an entry of the state's `services`."""

    async def cause(faults: RunningFaults, _option: str | None) -> Undo:
        return faults._hold(fault, {f"services.{service}": how})

    return cause


_CAUSES: dict[str, Callable[[RunningFaults, str | None], Awaitable[Undo]]] = {
    "unplug": RunningFaults._unplug,
    "offline": RunningFaults._offline,
    "unauthorise": RunningFaults._unauthorise,
    "recovery": RunningFaults._recovery,
    "fill-disk": RunningFaults._fill_disk,
    "heat": RunningFaults._heat,
    "dialog": RunningFaults._dialog,
    "slow-link": RunningFaults._nothing_else,
    "kill-chrome": RunningFaults._kill_chrome,
    "refuse-settings": RunningFaults._nothing_else,
    "service-dies": RunningFaults._service_dies,
    "lock": RunningFaults._lock,
    "clock-jump": RunningFaults._clock_jump,
    "chrome-update": RunningFaults._chrome_update,
    "low-memory-kill": RunningFaults._low_memory_kill,
    **{fault: _of_apps(fault) for fault in running_apps.FAULTS},
    "app-install-forbidden": _of_service("app-install-forbidden", package_manager.SERVICE, "restricted"),
    "app-install-full": _of_service("app-install-full", package_manager.SERVICE, "full"),
    "app-install-unverified": _of_service("app-install-unverified", package_manager.SERVICE, "unverified"),
    "app-run-as-refused": _of_service("app-run-as-refused", run_as.SERVICE, "denied"),
}
