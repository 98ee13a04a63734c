"""The services of adbd besides shell, files and sockets: it starts anew, restarts the phone, and shows the screen."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mobilebench.virtual.adb_transport import Connection, Service, ServiceRefused, Stream
from mobilebench.virtual.files import PhoneFiles
from mobilebench.virtual.state import State

_FRAME_BUFFER = struct.Struct("<14I")
_FRAME_BUFFER_OLD = struct.Struct("<13I")
_RGBA_8888 = 1
_SRGB = 1
_RESTARTS_INTO = frozenset(
    {"bootloader", "download", "edl", "fastboot", "recovery", "rescue", "sideload", "sideload-auto-reboot"}
)
"""Systems other than Android into which `adb reboot` starts a phone."""


@dataclass(frozen=True)
class Adbd:
    """The phone's main process as its services see it."""

    files: PhoneFiles
    restart: Callable[[], None]
    """Ends all connections, as when adbd starts anew."""
    listen: Callable[[int], Awaitable[None]]
    """Listens on this TCP port instead of an earlier one; 0: only at the cable."""
    reboot: Callable[[], None]
    switch_off: Callable[[], None]
    screen: Callable[[], Awaitable[bytes]]
    """The output of `screencap` without arguments."""
    can_be_root: Callable[[], bool]
    """Whether this computer can run the phone's commands as user 0."""

    def get_property(self, name: str) -> str:
        return self.files.state.properties.get(name, self.files.config.properties.get(name, ""))

    def set_property(self, name: str, value: str) -> None:
        def edit(state: State) -> State:
            return dataclasses.replace(state, properties={**state.properties, name: value})

        self.files.change(edit)

    @property
    def debuggable(self) -> bool:
        """Whether Android is a `userdebug` or `eng` build."""
        return self.get_property("ro.debuggable") == "1"

    @property
    def root(self) -> bool:
        return self.debuggable and self.get_property("service.adb.root") == "1"


def find(name: str, adbd: Adbd, connection: Connection) -> Service | None:
    """The service of this name, or None if it is not one of these. Raises `ServiceRefused`."""
    verb, _, argument = name.partition(":")
    if verb in {"root", "unroot"}:
        return lambda stream: _change_user(stream, adbd, root=verb == "root")
    if verb == "remount":
        return lambda stream: _say(stream, _remount(adbd))
    if verb in {"disable-verity", "enable-verity"}:
        return lambda stream: _say(stream, _verity(verb, adbd))
    if verb == "tcpip":
        if not re.fullmatch("-?[0-9]{1,9}", argument):
            raise ServiceRefused(name)
        return lambda stream: _listen_on(stream, adbd, int(argument))
    if verb == "usb":
        return lambda stream: _listen_at_cable(stream, adbd)
    if verb == "reboot":
        return lambda stream: _reboot(stream, adbd, argument)
    if name == "reconnect":
        return lambda stream: _reconnect(stream, connection)
    if name == "jdwp":
        return lambda stream: _say(stream, "")
    if name == "track-jdwp" or (name == "track-app" and adbd.files.config.api >= TRACK_APP_SINCE):
        return _no_apps
    if verb == "jdwp":
        raise ServiceRefused(name)  # no such process can be debugged
    if verb in {"dev", "dev-raw"}:
        descriptor = _opened(adbd.files.config.path(argument), name)
        return lambda stream: _carry(stream, descriptor)
    if name == "framebuffer:":
        return lambda stream: _show_screen(stream, adbd)
    return None


TRACK_APP_SINCE = 31


async def _say(stream: Stream, text: str) -> None:
    if text:
        await stream.write(text.encode())


async def _change_user(stream: Stream, adbd: Adbd, *, root: bool) -> None:
    if root and adbd.root:
        await _say(stream, "adbd is already running as root\n")
    elif root and not adbd.debuggable:
        await _say(stream, "adbd cannot run as root in production builds\n")
    elif root and not adbd.can_be_root():
        await _say(stream, "adbd cannot run as root: this computer refuses the virtual phone a user namespace\n")
    elif root:
        await _restart_with(stream, adbd, "restarting adbd as root\n", "service.adb.root", "1")
    elif not adbd.root:
        await _say(stream, "adbd not running as root\n")
    else:
        await _restart_with(stream, adbd, "restarting adbd as non root\n", "service.adb.root", "0")


def _remount(adbd: Adbd) -> str:
    if not adbd.root:
        return 'Not running as root. Try "adb root" first.\n'
    return "remount of /system failed: Read-only file system\nremount failed\n"


def _verity(verb: str, adbd: Adbd) -> str:
    if not adbd.debuggable:
        return f"{verb} only works for userdebug builds\n"
    return "Device is locked. Please unlock the device first\n"


async def _listen_on(stream: Stream, adbd: Adbd, port: int) -> None:
    if not 0 < port <= 0xFFFF:
        await _say(stream, f"invalid port {port}\n")
    else:
        await adbd.listen(port)
        text = f"restarting in TCP mode port: {port}\n"
        await _restart_with(stream, adbd, text, "service.adb.tcp.port", str(port))


async def _listen_at_cable(stream: Stream, adbd: Adbd) -> None:
    await adbd.listen(0)
    await _restart_with(stream, adbd, "restarting in USB mode\n", "service.adb.tcp.port", "0")


async def _restart_with(stream: Stream, adbd: Adbd, text: str, name: str, value: str) -> None:
    await _say(stream, text)
    adbd.set_property(name, value)
    stream.close()
    adbd.restart()


async def _reboot(stream: Stream, adbd: Adbd, target: str) -> None:
    if target in _RESTARTS_INTO:
        adbd.switch_off()
    else:
        adbd.reboot()
    await stream.closed.wait()


async def _reconnect(stream: Stream, connection: Connection) -> None:
    await _say(stream, "done")
    stream.close()
    connection.drop()


async def _no_apps(stream: Stream) -> None:
    """Say that no app can be debugged, and wait for changes, which do not come."""
    await stream.write(b"0000")
    await stream.closed.wait()


def _opened(path: str, name: str) -> int:
    """A descriptor of a file. Raises `ServiceRefused` for what is not a file, or may not be read and written."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        raise ServiceRefused(name) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ServiceRefused(name)
    return descriptor


async def _carry(stream: Stream, descriptor: int) -> None:
    """Send the file from its beginning."""
    with open(descriptor, "rb") as file:
        while data := file.read(_PIECE):
            await stream.write(data)


_PIECE = 64 << 10


async def _show_screen(stream: Stream, adbd: Adbd) -> None:
    """Send the screen with the header that DDMS reads; nothing if there is no picture."""
    raw = await adbd.screen()
    header = _frame_buffer(raw, adbd.files.config.api)
    if header is not None:
        width, height = struct.unpack_from("<2I", raw)
        await stream.write(header + raw[len(raw) - width * height * 4 :])


def _frame_buffer(raw: bytes, api: int) -> bytes | None:
    """The header of a picture from `screencap`; None if it is not a whole picture of 32 bits a pixel."""
    if len(raw) < 12:
        return None
    width, height, kind = struct.unpack_from("<3I", raw)
    size = width * height * 4
    if kind != _RGBA_8888 or not size or len(raw) - size not in {12, 16}:
        return None
    colours = (0, 8, 16, 8, 8, 8, 24, 8)  # offset and length of red, blue, green and alpha
    if api < COLOUR_SPACE_SINCE:
        return _FRAME_BUFFER_OLD.pack(1, 32, size, width, height, *colours)
    return _FRAME_BUFFER.pack(2, 32, _SRGB, size, width, height, *colours)


COLOUR_SPACE_SINCE = 28
