"""The virtual phone's main process: the device side of adb, inside the phone's sandbox.

It inherits a listening socket in this computer's network namespace, while the phone's processes have
their own, and has the phone's folder as root. It imports only the standard library, so that any
Python can run it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from mobilebench.virtual import adb_keys, machine, ports, processes, services, shell, sync
from mobilebench.virtual.adb_keys import AcceptedKeys
from mobilebench.virtual.adb_transport import Connection, Service, ServiceRefused
from mobilebench.virtual.android import abilities, commands
from mobilebench.virtual.android.commands import COMMANDS
from mobilebench.virtual.android.device import CommandOutput, Device
from mobilebench.virtual.browsers import Chrome, Firefox
from mobilebench.virtual.config import PHONE_FOLDERS
from mobilebench.virtual.files import PhoneFiles
from mobilebench.virtual.network import BadAddress, Network, Reverses, is_address, join
from mobilebench.virtual.processes import reap_orphans
from mobilebench.virtual.state import OTHER_MODES

_PR_SET_CHILD_SUBREAPER = 36
_AS_ROOT = ("/usr/bin/unshare", "--user", "--map-root-user")


class Daemon:
    """The phone as adb reaches it."""

    def __init__(self, files: PhoneFiles, port_opener: socket.socket | None) -> None:
        self._files = files
        self._config = files.config
        self._network = Network(self._config.address, self._config.abstract_prefix, self._config.path)
        self._chrome = Chrome(self._config, self._network)
        self._firefox = Firefox(self._config)
        self._device = Device(files, self._chrome, self._firefox)
        self.machine = machine.Machine(self._device)
        self._reverses: dict[Connection, Reverses] = {}
        self._storage = sync.Storage(self._config.path, self._room)
        self._environment = _environment(self._config.path)
        self._keys = AcceptedKeys(files.metadata / "adb_keys")
        self._adbd = services.Adbd(
            files,
            restart=self._restart_adbd,
            listen=self._listen,
            reboot=self.machine.restart,
            switch_off=self._switch_off,
            screen=self._screen,
            can_be_root=_has_namespace_of_users,
        )
        self._tcp = ports.AdbPort(self._config.wlan_address, port_opener, self.link)
        self.machine.on_boot.append(self._tcp.close)
        self.ended = asyncio.Event()
        """Set when the phone is to be switched off."""

    async def answer(self, words: list[str]) -> CommandOutput:
        """Run one of the phone's commands and return its output."""
        name, *arguments = words
        if name not in COMMANDS:
            return CommandOutput(stderr=f"{name}: inaccessible or not found\n", code=127)
        if refused := abilities.refusal(words, self._device.api):
            return CommandOutput(_line(refused.stdout), _line(refused.stderr), refused.code)
        if faulty := self.machine.faults.refusal(words):
            return faulty
        return await COMMANDS[name](self._device, arguments)

    async def stop(self) -> None:
        await self._chrome.stop()
        await self._firefox.stop()
        await self._device.apps.stop_all()

    # Called by connections

    def answers(self) -> bool:
        return self._files.state.fault != "offline" and not self.machine.is_away

    def authenticates(self) -> bool:
        return self._adbd.get_property("ro.adb.secure") != "0"

    def knows(self, token: bytes, signature: bytes) -> bool:
        if self._unauthorised():
            return False
        return self._keys.verify(token, signature)

    def allows(self, key: bytes) -> bool:
        found = adb_keys.parse(key)
        if self._unauthorised():
            return False
        self._keys.add(found)
        return True

    def _unauthorised(self) -> bool:
        """Whether the user has revoked all keys and answers no question."""
        revoked = self._files.state.fault == "unauthorized"
        if revoked:
            self._keys.revoke()
        return revoked

    def features(self) -> Sequence[str]:
        return abilities.features(self._device.api)

    def mode(self) -> str:
        fault = self._files.state.fault
        return fault if fault in OTHER_MODES else "device"

    def banner(self) -> Mapping[str, str]:
        names = ("ro.product.name", "ro.product.model", "ro.product.device")
        return {name: self._config.properties[name] for name in names}

    async def open_service(self, name: str, connection: Connection) -> Service:
        if self.mode() != "device" and not name.startswith("reboot:"):
            raise ServiceRefused(name)  # on phones as they are sold
        self.machine.service_opened()
        if (request := self._shell_request(name)) is not None:
            command = replace(request, command=self._own_paths(request.command))
            program, environment = self._shell()
            return lambda stream: shell.serve(command, stream, program, environment, "/")
        if name == "sync:":
            return lambda stream: sync.serve(stream, self._storage, frozenset(self.features()))
        if name.startswith("reverse:"):
            reverses = self._reverses_of(connection)
            return lambda stream: reverses.serve(name.removeprefix("reverse:"), stream)
        if is_address(name):
            return await self._socket(name)
        if (service := services.find(name, self._adbd, connection)) is not None:
            return service
        raise ServiceRefused(name)

    def _shell_request(self, name: str) -> shell.ShellRequest | None:
        if name.startswith("remount:") and self._device.api >= abilities.REMOUNT_IS_A_PROGRAM:
            return shell.parse_request("shell:/system/bin/remount")
        if name.startswith(("abb:", "abb_exec:")) and "abb_exec" not in self.features():
            return None
        return shell.parse_request(name)

    def _shell(self) -> tuple[list[str], dict[str, str]]:
        """The command that starts a shell, and its environment; as user 0 if adbd is root."""
        program = self._config.path("/system/bin/sh")
        if not self._adbd.root:
            return [program], self._environment
        return [*_AS_ROOT, program], {**self._environment, "USER": "root", "LOGNAME": "root"}

    async def _screen(self) -> bytes:
        program = self._config.path("/system/bin/screencap")
        return await shell.output([program], self._environment) if Path(program).exists() else b""

    def link(self) -> machine.Link:
        """A new connection from an adb server."""
        return machine.Link(self, self.machine)

    async def _listen(self, port: int) -> None:
        if not port:
            self._tcp.close()
            return
        try:
            await self._tcp.open(port)
        except ports.CannotListen as error:
            self._device.note("adbd", f"failed to listen on port {port}: {error}", level="E")

    def _restart_adbd(self) -> None:
        for link in list(self.machine.links):
            link.drop()

    def end_with(self, owner: int) -> None:
        """Switch the phone off when this descriptor becomes readable."""
        loop = asyncio.get_running_loop()
        os.set_inheritable(owner, False)

        def ended() -> None:
            loop.remove_reader(owner)
            self._switch_off()

        loop.add_reader(owner, ended)

    def _switch_off(self) -> None:
        self.machine.cut_links()
        self.ended.set()

    async def _socket(self, name: str) -> Service:
        try:
            reader, writer = await self._network.connect(name)
        except (BadAddress, OSError):
            raise ServiceRefused(name) from None
        return lambda stream: join(stream, reader, writer)

    def _reverses_of(self, connection: Connection) -> Reverses:
        if connection not in self._reverses:
            self._reverses[connection] = Reverses(connection, self._network)
            connection.on_lost.append(lambda: self._forget(connection))
        return self._reverses[connection]

    def _forget(self, connection: Connection) -> None:
        del self._reverses[connection]

    def _room(self, path: str) -> int | None:
        """Bytes left for a file at `path` (counted only without a sandbox, where nothing limits storage), or None."""
        if self._config.data_bytes is None or not self._config.prefix or not path.startswith("/data"):
            return None
        data = Path(self._config.path("/data"))
        used = sum(file.lstat().st_size for file in data.rglob("*") if file.is_file())
        return self._config.data_bytes - used

    def _own_paths(self, command: str) -> str:
        """Without a sandbox, put the phone's root before its folders in a command."""
        if not self._config.prefix:
            return command
        return _PHONE_PATH.sub(lambda match: f"{self._config.prefix}{match[0]}", command)


_PHONE_PATH = re.compile(rf"(?<![\w./$}}-])(?:{'|'.join(PHONE_FOLDERS)})(?![\w.-])")


def _line(text: str) -> str:
    return f"{text}\n" if text else ""


@cache
def _has_namespace_of_users() -> bool:
    """Whether this computer lets a process be user 0 in a namespace of its own."""
    if not Path(_AS_ROOT[0]).exists():
        return False
    done = subprocess.run([*_AS_ROOT, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


def _environment(path: Callable[[str], str]) -> dict[str, str]:
    """Environment variables of `adb shell` on a phone."""
    return {
        "ANDROID_DATA": path("/data"),
        "ANDROID_ROOT": path("/system"),
        "EXTERNAL_STORAGE": path("/sdcard"),
        "HOME": "/",
        "HOSTNAME": "phone",
        "LANG": "C.UTF-8",
        "LOGNAME": "shell",
        "PATH": path("/system/bin"),
        "SHELL": path("/system/bin/sh"),
        "TMPDIR": path("/data/local/tmp"),
        "USER": "shell",
    }


async def _serve(root: str, listening: int, ready: int, opener: int, owner: int) -> None:
    files = PhoneFiles(Path(root))
    daemon = Daemon(files, socket.socket(fileno=opener) if opener >= 0 else None)
    loop = asyncio.get_running_loop()
    daemon.machine.begin()
    door = await commands.listen(files.config.abstract_prefix, daemon.answer)
    control = await daemon.machine.listen()
    sock = socket.socket(fileno=listening)
    server = await loop.create_server(daemon.link, sock=sock)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.ended.set)
    if owner >= 0:
        daemon.end_with(owner)
    loop.add_signal_handler(signal.SIGCHLD, reap_orphans)
    os.write(ready, b"1")
    os.close(ready)
    async with server, door, control:
        await daemon.ended.wait()
    await daemon.stop()
    processes.end_descendants()  # a sandbox ends its processes by itself; without one, nothing else does


def main() -> None:
    """Arguments: the phone's root folder, and the descriptors of the listening socket, of the readiness pipe, of the
    socket to the process that opens ports (-1: this process opens them), and of the phone's owner (-1: it has none).
    """
    os.umask(0o022)
    # The phone's commands end when adb hangs up, even if this process inherited an ignored SIGHUP (nohup).
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # Processes that a command leaves behind become children of this one, where switching off finds them.
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(sys.argv[1], *map(int, sys.argv[2:6])))
