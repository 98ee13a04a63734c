"""Chrome on the phone: this computer's Chromium, behind the socket where Android's Chrome listens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote, urlsplit

from mobilebench.virtual.config import PhoneConfig
from mobilebench.virtual.descriptors import process_end
from mobilebench.virtual.sockets import Network

PACKAGE = "com.android.chrome"
ACTIVITY = "com.google.android.apps.chrome.Main"
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
    "--remote-debugging-port=0",
)
_STARTS_WITHIN_S = 30.0


class ChromeFailed(Exception):
    """Chromium did not start."""


def read_flags(text: str) -> list[str]:
    """Flags of a Chrome command-line file, whose first word is ignored."""
    try:
        return shlex.split(text)[1:]
    except ValueError:
        return []


class Chrome:
    """At most one Chromium a phone."""

    def __init__(self, config: PhoneConfig, network: Network) -> None:
        self._config = config
        self._network = network
        self._profile = Path(config.path(f"/data/data/{PACKAGE}"))
        self._process: subprocess.Popen[bytes] | None = None
        self._end: asyncio.Task[int] | None = None
        self._door: asyncio.Server | None = None
        self._port = 0
        self._scratch = ""
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._end and not self._end.done() else None

    async def open(self, url: str | None, flags: list[str]) -> None:
        """Start Chrome with these flags, or show `url` in the one that runs. Raises `ChromeFailed`."""
        async with self._turn:
            if self.pid is None:
                await self._start(url, flags)
            elif url is not None:
                await self._new_tab(url)

    async def stop(self) -> None:
        """End Chrome and every process of it."""
        async with self._turn:
            await self._stop()

    async def _start(self, url: str | None, flags: list[str]) -> None:
        await self._stop()
        chromium = self._config.chromium
        if chromium is None:
            raise ChromeFailed("there is no Chromium on this computer")
        self._profile.mkdir(parents=True, exist_ok=True)
        port_file = self._profile / "DevToolsActivePort"
        port_file.unlink(missing_ok=True)
        for lock in self._profile.glob("Singleton*"):
            lock.unlink(missing_ok=True)  # left by a Chrome whose phone was switched off
        folder = str(self._profile)
        self._scratch = self._temporary()
        argv = [chromium.binary, *_HEADLESS, *self._own_network(), f"--user-data-dir={folder}", *flags]
        with (self._profile / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*argv, url or "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": "/usr/bin:/bin", "HOME": folder, "LANG": "C.UTF-8", "TMPDIR": self._scratch},
                cwd="/",
                start_new_session=True,
            )
        self._end = asyncio.ensure_future(process_end(self._process.pid))
        self._process.returncode = 0  # `process_end` waits for it; Popen must not
        self._port = await self._devtools_port(port_file)
        self._door, _ = await self._network.listen(DEVTOOLS, self._carry)

    def _own_network(self) -> list[str]:
        """Without a network of its own, the phone's loopback is another address of this computer's."""
        if self._config.address == "127.0.0.1":
            return []
        address = self._config.address
        return [f"--host-resolver-rules=MAP 127.0.0.1 {address}, MAP localhost {address}, MAP *.localhost {address}"]

    def _temporary(self) -> str:
        """A folder whose name is short: Chromium puts a socket there, whose path may have 107 letters."""
        if self._config.prefix:
            return tempfile.mkdtemp(prefix="mobilebench-")
        folder = self._profile / "cache"
        folder.mkdir(exist_ok=True)
        return str(folder)

    async def _devtools_port(self, file: Path) -> int:
        assert self._end is not None
        for _ in range(int(_STARTS_WITHIN_S / 0.02)):
            with contextlib.suppress(OSError, ValueError, IndexError):
                return int(file.read_text().splitlines()[0])
            if self._end.done():
                break
            await asyncio.sleep(0.02)
        log = (self._profile / "log").read_text(errors="replace").strip().splitlines()
        await self._stop()
        reason = next((line for line in log if "FATAL" in line), log[-1] if log else "it said nothing")
        raise ChromeFailed(f"Chromium did not start: {reason}")

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
        if self._process is not None and self._end is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await asyncio.wait({self._end}, timeout=5)
        self._process = self._end = None
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = ""


def is_page(url: str) -> bool:
    """Whether Chrome on the phone would open this."""
    return urlsplit(url).scheme in {"http", "https", "about", "data"}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 18):
            writer.write(data)
            await writer.drain()
    writer.close()
