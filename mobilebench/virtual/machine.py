"""The running phone below its commands: its links to adb, what moves by itself, boots, and faults while it runs."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from mobilebench.virtual import control, processes, simulation
from mobilebench.virtual.adb_transport import Connection, Packet, Phone
from mobilebench.virtual.android.apps import note_exit
from mobilebench.virtual.android.device import CommandOutput, Device
from mobilebench.virtual.android.dialogs import dialog
from mobilebench.virtual.browsers import CHROME_PACKAGE
from mobilebench.virtual.config import METADATA
from mobilebench.virtual.fault_kinds import FAULTS, Fault, option_of
from mobilebench.virtual.state import BadState, State, to_json, with_value

SLOW_BYTES_PER_S = 64 << 10
CLOCK_JUMP_S = 7200.0
BOOT_ID = f"{METADATA}/boot_id"
"""File on the phone that takes the place of the kernel's `boot_id`."""
CLOCK = f"{METADATA}/clock"
"""File on the phone with the seconds by which its `date` is ahead."""

_REFRESHES_EVERY_S = 1.0
_FILLER = "/data/local/.filler"
_FILL_BYTES = 1 << 20
_EXIT_SIGNALED, _EXIT_LOW_MEMORY, _EXIT_UPDATED = "2", "3", "16"


class Link(Connection):
    """A connection from an adb server, which a fault can cut or slow down."""

    def __init__(self, phone: Phone, machine: Machine) -> None:
        super().__init__(phone)
        self._machine = machine
        self._free_at = 0.0
        self._queue: deque[tuple[float, Packet]] = deque()
        self.on_lost.append(lambda: machine.links.discard(self))

    @property
    def busy(self) -> bool:
        """Whether a service is open."""
        return bool(self._streams)

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._machine.links.add(self)
        if self._machine.is_away:
            self.cut()

    def data_received(self, data: bytes) -> None:
        if self._machine.is_slow and isinstance(self._transport, asyncio.Transport):
            transport = self._transport
            transport.pause_reading()
            asyncio.get_running_loop().call_later(len(data) / SLOW_BYTES_PER_S, _resume, transport)
        super().data_received(data)

    def _send(self, packet: Packet) -> None:
        now = time.monotonic()
        if self._machine.is_slow:
            self._free_at = max(self._free_at, now) + len(packet.payload) / SLOW_BYTES_PER_S
        if not self._queue and self._free_at <= now:
            super()._send(packet)
            return
        self._queue.append((self._free_at, packet))
        if len(self._queue) == 1:
            asyncio.get_running_loop().call_later(self._free_at - now, self._send_queued)

    def _send_queued(self) -> None:
        now = time.monotonic()
        while self._queue and self._queue[0][0] <= now:
            super()._send(self._queue.popleft()[1])
        if self._queue:
            asyncio.get_running_loop().call_later(self._queue[0][0] - now, self._send_queued)


def _resume(transport: asyncio.Transport) -> None:
    if not transport.is_closing():
        transport.resume_reading()


@dataclass
class _Active:
    fault: Fault
    option: str | None
    undo: Callable[[], Awaitable[None]]
    timer: asyncio.TimerHandle | None = None


class Machine:
    """The running phone below its commands."""

    def __init__(self, device: Device) -> None:
        self.links: set[Link] = set()
        self._device = device
        self._files = device.files
        self._active: dict[str, _Active] = {}
        self._waiting: set[asyncio.TimerHandle] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._refreshing: asyncio.TimerHandle | None = None
        self._turn = asyncio.Lock()
        self.is_booting = False

    # The link to adb

    @property
    def is_away(self) -> bool:
        """Whether adb cannot reach the phone."""
        return "unplug" in self._active or self.is_booting

    @property
    def is_slow(self) -> bool:
        return "slow-link" in self._active

    def cut_links(self) -> None:
        for link in list(self.links):
            link.cut()

    # What moves by itself

    def begin(self) -> None:
        """Boot: make a new `boot_id`, empty the log, and let battery and temperatures move."""
        self._boot()
        self._files.simulate(self._cpu_seconds)

    def service_opened(self) -> None:
        """Keep `/sys` up to date while adb uses the phone."""
        self._files.refresh_sys()
        if self._refreshing is None:
            self._refreshing = asyncio.get_running_loop().call_later(_REFRESHES_EVERY_S, self._refresh)

    def _refresh(self) -> None:
        self._refreshing = None
        if any(link.busy for link in self.links):
            self.service_opened()

    def _cpu_seconds(self) -> float:
        if not self._files.config.prefix:
            return simulation.used_cpu_seconds()
        own = os.getpid()
        return simulation.used_cpu_seconds([own, *(process.pid for process in processes.descendants())])

    # Boots

    async def reboot(self, seconds: float) -> None:
        """Start again: end all processes but this one; adb cannot reach the phone for this time."""
        self.is_booting = True
        try:
            await self._device.chrome.stop()
            await self._device.firefox.stop()
            self.cut_links()
            for process in processes.descendants():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process.pid, signal.SIGKILL)
            self._device.dialogs.end()
            self._device.first_run.end()
            for field in fields(self._device.interface):
                setattr(self._device.interface, field.name, field.default)
            self._files.change(_after_boot)
            self._boot()
            await asyncio.sleep(seconds)
        finally:
            self.is_booting = False

    def _boot(self) -> None:
        with contextlib.suppress(OSError):
            Path(self._files.config.path(BOOT_ID)).write_text(f"{uuid.uuid4()}\n")
        self._device.log.begin()
        self._device.note("init", "Boot completed", buffer="kernel")

    # Requests of this computer

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request that came through the control socket."""
        try:
            match request:
                case {"do": "state"}:
                    return {"state": to_json(self._files.state)}
                case {"do": "change", "changes": dict(changes)}:
                    state = self._change(changes)
                    await self._device.shown_again()
                    return {"state": to_json(state)}
                case {"do": "fault", "name": str(name)}:
                    seconds, after = request.get("seconds"), request.get("after")
                    await self.apply(FAULTS[name], request.get("option"), seconds, after or 0.0)
                    return {}
                case {"do": "clear"}:
                    await self.clear(request.get("name"))
                    return {}
                case {"do": "interface", **rest}:
                    return self._interface(rest)
                case {"do": "faults"}:
                    return {"faults": {name: active.option or "" for name, active in self._active.items()}}
        except (BadState, ValueError, KeyError, OSError) as error:
            return {"error": str(error)}
        return {"error": "an unknown request"}

    def _change(self, changes: dict[str, Any]) -> State:
        def edit(state: State) -> State:
            for field, value in changes.items():
                state = with_value(state, field, value)
            return state

        before = self._files.state.fault
        if changes.get("screen.on"):
            self._files.touched()
        state = self._files.change(edit)
        self.clock_changed()
        if state.fault != before:
            self.cut_links()
        return state

    def _interface(self, changes: dict[str, Any]) -> dict[str, Any]:
        """What uiautomator2's server reads and changes, for which Android has no command."""
        interface = self._device.interface
        if "toast" in changes:
            interface.show_toast(str(changes["toast"]), float(changes.get("seconds", 2.0)))
        for name in ("clipboard", "address", "focused", "shade", "last_toast"):
            if name in changes:
                setattr(interface, name, changes[name])
        return asdict(interface)

    def clock_changed(self) -> None:
        """Write the file that the phone's `date` reads."""
        ahead = self._files.state.clock_ahead_s
        file = Path(self._files.config.path(CLOCK))
        if ahead:
            file.write_text(f"{ahead:g}\n")
        else:
            file.unlink(missing_ok=True)

    # Faults

    def refusal(self, words: Sequence[str]) -> CommandOutput | None:
        """What a command answers because of a fault, or None."""
        command = list(words[1:] if words[:2] == ["cmd", "settings"] else words)
        if "refuse-settings" in self._active and command[0] == "settings" and command[1:2] in (["put"], ["delete"]):
            needs = "android.permission.WRITE_SECURE_SETTINGS"
            thrown = f"java.lang.SecurityException: Permission denial: writing to settings requires:{needs}"
            return CommandOutput(stderr=f"\nException occurred while executing '{command[1]}':\n{thrown}\n", code=255)
        return None

    async def apply(self, fault: Fault, option: str | None, seconds: float | None, after: float = 0.0) -> None:
        """Cause a fault now or later. Raises `ValueError` if it is not possible on this phone."""
        option = option_of(fault, option)
        self._check(fault)
        if after > 0:
            loop = asyncio.get_running_loop()
            handle = loop.call_later(after, lambda: self._start(self._begin(fault, option, seconds)))
            self._waiting.add(handle)
            return
        await self._begin(fault, option, seconds)

    async def clear(self, name: str | None = None) -> None:
        """End this fault, or all, and drop those that are still to come."""
        for handle in self._waiting if name is None else ():
            handle.cancel()
        self._waiting.clear()
        for active in [name] if name else list(self._active):
            await self._end(active)

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _check(self, fault: Fault) -> None:
        if fault.name == "fill-disk" and self._files.config.data_bytes is None:
            raise ValueError("its data partition has no size of its own: start it with --data-mb")

    async def _begin(self, fault: Fault, option: str | None, seconds: float | None) -> None:
        async with self._turn:
            await self._stop(fault.name)
            if fault.name == "reboot":
                self._start(self.reboot(seconds if seconds is not None else fault.seconds or 0.0))
                return
            undo = await _CAUSES[fault.name](self, option)
            if fault.once:
                return
            active = _Active(fault, option, undo)
            self._active[fault.name] = active
            if fault.parts_adb:
                self.cut_links()
            lasts = seconds if seconds is not None else fault.seconds
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
            self.cut_links()

    # One method for each fault: it causes it, and returns what ends it

    async def _unplug(self, _option: str | None) -> Undo:
        before = self._files.state.battery.plugged
        self._set("battery.plugged", "none")
        self._device.note("BatteryService", "The charger was unplugged")
        return self._setting("battery.plugged", before)

    async def _offline(self, _option: str | None) -> Undo:
        self._set("fault", "offline")
        return self._setting("fault", None)

    async def _unauthorise(self, _option: str | None) -> Undo:
        self._set("fault", "unauthorized")
        return self._setting("fault", None)

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
                piece = bytes(_FILL_BYTES)
                for _ in range((config.data_bytes or 0) // _FILL_BYTES + 1):
                    if stream.write(piece) < len(piece):
                        break
        return undo

    async def _heat(self, _option: str | None) -> Undo:
        self._files.heated = True
        self._files.refresh_sys()
        self._device.note("ThermalManagerService", "Thermal status changed to critical", level="W")

        async def undo() -> None:
            self._files.heated = False

        return undo

    async def _dialog(self, option: str | None) -> Undo:
        app = self._device.chrome.running or self._device.firefox.running or "com.android.systemui"
        shown = dialog(option or "anr", app)

        async def answered() -> None:
            self._active.pop("dialog", None)
            await self._device.shown_again()

        async def undo() -> None:
            if self._device.dialogs.now is shown:
                await self._device.dialogs.dismiss()

        self._device.dialogs.show(shown, answered)
        if shown.covers:
            await self._device.hidden()
        if option == "anr":
            self._device.note("ActivityManager", f"ANR in {app}", level="E")
        return undo

    async def _slow_link(self, _option: str | None) -> Undo:
        return _nothing

    async def _kill_chrome(self, _option: str | None) -> Undo:
        await self._end_browser(_EXIT_SIGNALED)
        return _nothing

    async def _refuse_settings(self, _option: str | None) -> Undo:
        return _nothing

    async def _service_dies(self, option: str | None) -> Undo:
        service, _, how = (option or "").partition(":")
        before = self._files.state.services.get(service)
        self._set(f"services.{service}", how)
        return self._setting(f"services.{service}", before)

    async def _lock(self, option: str | None) -> Undo:
        before = self._files.state.screen
        self._files.change(
            lambda state: replace(
                state, screen=replace(state.screen, on=False, locked=True, keyguard=option or "secret")
            )
        )
        await self._device.hidden()
        self._device.note("PowerManagerService", "Going to sleep due to power button")

        async def undo() -> None:
            self._files.touched()
            screen = replace(before, on=True, locked=False)
            self._files.change(lambda state: replace(state, screen=screen))
            await self._device.shown_again()

        return undo

    async def _clock_jump(self, _option: str | None) -> Undo:
        self._set("clock_ahead_s", CLOCK_JUMP_S)
        self.clock_changed()

        async def undo() -> None:
            self._set("clock_ahead_s", 0.0)
            self.clock_changed()

        return undo

    async def _chrome_update(self, _option: str | None) -> Undo:
        self._set("browser.updates", self._files.state.browser.updates + 1)
        self._device.note("PackageManager", f"Package {CHROME_PACKAGE} was updated")
        await self._end_browser(_EXIT_UPDATED)
        return _nothing

    async def _low_memory_kill(self, _option: str | None) -> Undo:
        children = processes.descendants()
        if not children:
            raise ValueError("nothing runs on it that could be killed")
        most = max(children, key=lambda process: simulation.used_cpu_seconds([process.pid]))
        browser = self._device.chrome.pid
        group = os.getpgid(most.pid)
        name = Path(f"/proc/{most.pid}/comm").read_text(errors="replace").strip()
        if browser is not None and group == browser and most.pid != browser:
            name = f"{self._device.chrome.running}:sandboxed_process0"
        elif browser is not None and group == browser:
            name = str(self._device.chrome.running)
        with contextlib.suppress(ProcessLookupError):
            os.kill(most.pid, signal.SIGKILL)
        note_exit(self._device, name, _EXIT_LOW_MEMORY)
        self._device.note("lowmemorykiller", f"Kill '{name}' ({most.pid}), uid 10123", buffer="main")
        return _nothing

    async def _end_browser(self, reason: str) -> None:
        for browser in (self._device.chrome, self._device.firefox):
            package = browser.running
            if package is not None:
                await browser.stop()
                note_exit(self._device, package, reason)

    def _set(self, field: str, value: Any) -> None:
        self._files.change(lambda state: with_value(state, field, value))

    def _setting(self, field: str, value: Any) -> Undo:
        async def undo() -> None:
            self._set(field, value)

        return undo


Undo = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    pass


_CAUSES: dict[str, Callable[[Machine, str | None], Awaitable[Undo]]] = {
    "unplug": Machine._unplug,
    "offline": Machine._offline,
    "unauthorise": Machine._unauthorise,
    "fill-disk": Machine._fill_disk,
    "heat": Machine._heat,
    "dialog": Machine._dialog,
    "slow-link": Machine._slow_link,
    "kill-chrome": Machine._kill_chrome,
    "refuse-settings": Machine._refuse_settings,
    "service-dies": Machine._service_dies,
    "lock": Machine._lock,
    "clock-jump": Machine._clock_jump,
    "chrome-update": Machine._chrome_update,
    "low-memory-kill": Machine._low_memory_kill,
}


def _after_boot(state: State) -> State:
    """The state after a boot: what is not stored on a phone is lost."""
    locked = state.screen.keyguard != "none"
    battery = replace(
        state.battery, plugged=state.battery.unreported or state.battery.plugged, unreported="", updates_stopped=False
    )
    return replace(
        state,
        battery=battery,
        screen=replace(state.screen, on=True, locked=locked),
        properties={name: value for name, value in state.properties.items() if name.startswith("persist.")},
        fixed_performance=False,
    )


async def serve(machine: Machine, folder: Path) -> asyncio.Server:
    """Answer this computer's requests until the server is closed."""
    machine.clock_changed()
    return await control.listen(folder, machine.answer)
