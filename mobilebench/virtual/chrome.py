"""Chrome on the phone: this computer's Chromium, reached at the socket on which Android's Chrome listens."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from pathlib import Path
from urllib.parse import quote

from mobilebench.virtual.browser_process import DidNotStart, RunningProgram
from mobilebench.virtual.config import PhoneConfig
from mobilebench.virtual.sockets import Network

PACKAGE = "com.android.chrome"
FLAGS_FILE = "/data/local/tmp/chrome-command-line"
DEVTOOLS = "localabstract:chrome_devtools_remote"

_HEADLESS = (
    "--headless",
    "--no-sandbox",
    "--no-first-run",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",
    "--remote-debugging-port=0",
)
_STARTS_WITHIN_S = 30.0


def read_flags(text: str) -> list[str]:
    """Parse the flags in a Chrome command-line file, whose first word is ignored."""
    try:
        return shlex.split(text)[1:]
    except ValueError:
        return []


class Chrome:
    """The phone's Chromium. At most one runs, under any one of the installed Chrome packages."""

    def __init__(self, config: PhoneConfig, network: Network) -> None:
        self._config = config
        self._network = network
        self._package = PACKAGE
        self._program: RunningProgram | None = None
        self._door: asyncio.Server | None = None
        self._port = 0
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        return self._program.pid if self._program else None

    @property
    def running(self) -> str | None:
        """Package of the running Chrome, or None."""
        return self._package if self.pid is not None else None

    @property
    def _profile(self) -> Path:
        return Path(self._config.path(f"/data/data/{self._package}"))

    async def open(self, url: str | None, flags: list[str], package: str = PACKAGE) -> None:
        """Start Chrome with these flags, or show `url` in the running one. Raises `DidNotStart`."""
        async with self._turn:
            if self.running != package:
                await self._stop()
                self._package = package
                await self._start(url, flags)
            elif url is not None:
                await self._new_tab(url)

    async def stop(self) -> None:
        """End Chrome and all its processes."""
        async with self._turn:
            await self._stop()

    async def _start(self, url: str | None, flags: list[str]) -> None:
        await self._stop()
        chromium = self._config.chromium
        if chromium is None:
            raise DidNotStart("there is no Chromium on this computer")
        profile = self._profile
        self._program = RunningProgram(self._config, profile)
        port_file = profile / "DevToolsActivePort"
        port_file.unlink(missing_ok=True)
        for lock in profile.glob("Singleton*"):
            lock.unlink(missing_ok=True)  # left by a Chrome whose phone was switched off
        own = [*_HEADLESS, *self._own_network(), f"--user-data-dir={profile}"]
        self._program.start([chromium.binary, *own, *flags, url or "about:blank"])
        self._port = await self._devtools_port(port_file)
        self._door, _ = await self._network.listen(DEVTOOLS, self._carry)

    def _own_network(self) -> list[str]:
        """Flags for a phone without a network namespace, whose loopback is a different address of this computer."""
        if self._config.address == "127.0.0.1":
            return []
        address = self._config.address
        return [f"--host-resolver-rules=MAP 127.0.0.1 {address}, MAP localhost {address}, MAP *.localhost {address}"]

    async def _devtools_port(self, file: Path) -> int:
        assert self._program is not None
        for _ in range(int(_STARTS_WITHIN_S / 0.02)):
            with contextlib.suppress(OSError, ValueError, IndexError):
                return int(file.read_text().splitlines()[0])
            if self._program.pid is None:
                break
            await asyncio.sleep(0.02)
        reason = self._program.last_words
        await self._stop()
        raise DidNotStart(f"Chromium did not start: {reason}")

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            chromium_reader, chromium_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_copy(reader, chromium_writer), _copy(chromium_reader, writer))

    async def _new_tab(self, url: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        target = quote(url, safe="")
        writer.write(f"PUT /json/new?{target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        await reader.readline()
        writer.close()

    async def _stop(self) -> None:
        if self._door is not None:
            self._door.close()
            self._door = None
        if self._program is not None:
            await self._program.stop()
            self._program = None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 18):
            writer.write(data)
            await writer.drain()
    writer.close()
