"""The running phone below its commands: links to adb, what moves by itself, boots, and this computer's requests."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from mobilebench.virtual import control, processes, simulation
from mobilebench.virtual.adb_transport import Connection, Packet, Phone
from mobilebench.virtual.android.device import Device
from mobilebench.virtual.config import METADATA
from mobilebench.virtual.fault_kinds import FAULTS
from mobilebench.virtual.running_faults import RunningFaults
from mobilebench.virtual.state import BadState, State, to_json, with_value

SLOW_BYTES_PER_S = 64 << 10
BOOT_ID = f"{METADATA}/boot_id"
"""File on the phone that takes the place of the kernel's `boot_id`."""

_REFRESHES_EVERY_S = 1.0
_BOOT_S = 5.0


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
        """End the connection at once, as when a cable is cut."""
        self.drop(at_once=True)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._machine.links.add(self)
        if self._machine.is_away:
            self.cut()

    def data_received(self, data: bytes) -> None:
        if self._machine.is_slow and self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(len(data) / SLOW_BYTES_PER_S, _resume, self._transport)
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


class Machine:
    """The running phone below its commands."""

    def __init__(self, device: Device) -> None:
        self.links: set[Link] = set()
        self.faults = RunningFaults(device, self.cut_links, self.reboot)
        self._device = device
        self._files = device.files
        self._refreshing: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_booting = False
        self.on_boot: list[Callable[[], None]] = []
        """Called whenever the phone starts again."""
        self._hurry = asyncio.Event()
        """Set when a boot is to end at once."""
        device.restart = self.restart

    # The link to adb

    @property
    def is_away(self) -> bool:
        """Whether adb cannot reach the phone."""
        return self._is_booting or self.faults.on("unplug")

    @property
    def is_slow(self) -> bool:
        return self.faults.on("slow-link")

    def cut_links(self) -> None:
        for link in list(self.links):
            link.cut()

    # What moves by itself

    def begin(self) -> None:
        """Boot, and let battery and temperatures move."""
        self.faults.forget()
        state = self._files.state
        if _without_choices_of_adbd(state) != state:
            self._files.change(_without_choices_of_adbd)
        self._boot()
        self._files.simulate(self._cpu_seconds)

    def service_opened(self) -> None:
        """Keep `/sys`, and whether pages are seen, up to date while adb uses the phone."""
        self._files.refresh_sys()
        if self._device.running:
            self._start_task(self._device.settle_pages())
        if self._refreshing is None:
            self._refreshing = asyncio.get_running_loop().call_later(_REFRESHES_EVERY_S, self._refresh)

    def _refresh(self) -> None:
        self._refreshing = None
        if any(link.busy for link in self.links):
            self.service_opened()

    def _cpu_seconds(self) -> float:
        if not self._files.config.prefix:
            return simulation.used_cpu_seconds()
        return simulation.used_cpu_seconds([os.getpid(), *(process.pid for process in processes.descendants())])

    def _start_task(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Boots

    async def reboot(self, seconds: float = _BOOT_S) -> None:
        """Start again: end all processes but this one; adb cannot reach the phone for this time."""
        self._is_booting = True
        try:
            self.cut_links()
            await self._device.chrome.stop()
            await self._device.firefox.stop()
            await self._device.apps.stop_all()
            processes.end_descendants()
            self._device.dialogs.end()
            self._device.first_run.end()
            for field in fields(self._device.interface):
                setattr(self._device.interface, field.name, field.default)
            self._files.change(_after_boot)
            for callback in self.on_boot:
                callback()
            self._boot()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), seconds)
        finally:
            self._is_booting = False
            self._hurry.clear()

    def restart(self) -> None:
        """Begin a reboot, unless one has begun."""
        if not self._is_booting:
            self._start_task(self.reboot())

    def _boot(self) -> None:
        """Make a new `boot_id`, and empty the log."""
        with contextlib.suppress(OSError):
            Path(self._files.config.path(BOOT_ID)).write_text(f"{uuid.uuid4()}\n")
        self._device.log.begin()
        self._device.note("init", "Boot completed", buffer="kernel")

    # Requests of this computer

    async def listen(self) -> asyncio.Server:
        """Answer requests that come through the control socket, until the server is closed."""
        return await control.listen(self._files.metadata, self._answer)

    async def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            match request:
                case {"do": "state"}:
                    return {"state": to_json(self._files.state)}
                case {"do": "change", "changes": dict(changes)}:
                    state = self._change(changes)
                    await self._device.settle_pages()
                    return {"state": to_json(state)}
                case {"do": "fault", "name": str(name), **rest} if name in FAULTS:
                    await self.faults.apply(
                        FAULTS[name], rest.get("option"), rest.get("seconds"), float(rest.get("after") or 0.0)
                    )
                    return {}
                case {"do": "clear"}:
                    await self.faults.clear(request.get("name"))
                    while self._is_booting:
                        self._hurry.set()
                        await asyncio.sleep(0.01)
                    return {}
                case {"do": "faults"}:
                    return {"faults": self.faults.active}
                case {"do": "interface", **rest}:
                    return self._interface(rest)
        except (BadState, ValueError, TypeError, OSError) as error:
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
        allowed = before == "unauthorized" and state.fault is None  # then the open question is answered
        if state.fault != before and not allowed:
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


def _without_choices_of_adbd(state: State) -> State:
    """The state without the properties of adbd that last until the next boot."""
    kept = {name: value for name, value in state.properties.items() if not name.startswith("service.adb.")}
    return replace(state, properties=kept)


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
