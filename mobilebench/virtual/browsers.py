"""The phone's browsers, which are this computer's Chromium and Firefox.

Chromium is reached at the socket on which Android's Chrome listens; Firefox is started with the settings of a GeckoView
configuration file. Each runs in one process group, which can be ended completely.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

from mobilebench.virtual import devtools
from mobilebench.virtual.config import PhoneConfig, Program
from mobilebench.virtual.network import Network
from mobilebench.virtual.processes import group_running, process_end


class DidNotStart(Exception):
    """The browser ended at once, or did not open its port."""


class RunningProgram:
    """A started browser; `stop` ends all its processes."""

    def __init__(self, config: PhoneConfig, profile: Path) -> None:
        self._profile = profile
        self._scratch = _temporary(config, profile)
        self._process: subprocess.Popen[bytes] | None = None
        self._end: asyncio.Task[int] | None = None

    def start(self, argv: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start it with the profile folder as its home."""
        base_environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self._profile),
            "LANG": "C.UTF-8",
            "TMPDIR": self._scratch,
        }
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**base_environment, **(environment or {})},
                cwd="/",
                start_new_session=True,
            )
        self._end = asyncio.ensure_future(process_end(self._process.pid))
        self._process.returncode = 0  # `process_end` waits for it; Popen must not

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._end and not self._end.done() else None

    @property
    def last_words(self) -> str:
        """The log line in which it says why it gives up, else the last line."""
        log = self._log.read_text(errors="replace").strip().splitlines()
        return next((line for line in log if "FATAL" in line), log[-1] if log else "its log is empty")

    async def stop(self) -> None:
        if self._process is not None and self._end is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await asyncio.wait({self._end}, timeout=5)
            await _group_ended(self._process.pid, seconds=5)
        self._process = self._end = None
        shutil.rmtree(self._scratch, ignore_errors=True)

    @property
    def _log(self) -> Path:
        return self._profile / "log"


async def _group_ended(group: int, *, seconds: float) -> None:
    """Wait until no process of the group runs; child processes end shortly after the first one."""
    until = time.monotonic() + seconds
    while group_running(group) and time.monotonic() < until:
        await asyncio.sleep(0.01)


def _temporary(config: PhoneConfig, profile: Path) -> str:
    """A temporary folder with a short path: Chromium puts a socket there, whose path is limited to 107 bytes."""
    profile.mkdir(parents=True, exist_ok=True)
    if config.prefix:
        return tempfile.mkdtemp(prefix="mobilebench-")
    folder = profile / "cache"
    folder.mkdir(exist_ok=True)
    return str(folder)


# Chrome

CHROME_PACKAGE = "com.android.chrome"
CHROME_FLAGS_FILE = "/data/local/tmp/chrome-command-line"
CHROME_SOCKET = "localabstract:chrome_devtools_remote"

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
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""Flags with which Chrome has a camera, its own test picture, that every page may use."""
_CHROME_STARTS_WITHIN_S = 30.0


def read_chrome_flags(text: str) -> list[str]:
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
        self._package = CHROME_PACKAGE
        self._program: RunningProgram | None = None
        self._server: asyncio.Server | None = None
        self._port = 0
        self._hidden = False
        self._turn = asyncio.Lock()
        self._settling = asyncio.Lock()

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

    async def open(self, url: str | None, flags: list[str], package: str = CHROME_PACKAGE) -> None:
        """Start Chrome with these flags, or show `url` in the running one. Raises `DidNotStart`."""
        async with self._turn:
            if self.running != package:
                await self._stop()
                self._package = package
                await self._start(url, flags)
            elif url is not None:
                await self._new_tab(url)

    async def settle(self, covered: Callable[[], bool]) -> None:
        """Hide all pages, also those that were opened meanwhile, if something covers them; else show them again."""
        async with self._settling:
            hidden = covered()
            if self.pid is None or not (hidden or self._hidden):
                return
            with contextlib.suppress(OSError, IndexError, devtools.DevToolsFailed):
                path = (self._profile / "DevToolsActivePort").read_text().splitlines()[1]
                await devtools.set_windows(self._port, path, hidden=hidden)
                self._hidden = hidden

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
        self._hidden = False
        self._program = RunningProgram(self._config, profile)
        port_file = profile / "DevToolsActivePort"
        port_file.unlink(missing_ok=True)
        for lock in profile.glob("Singleton*"):
            lock.unlink(missing_ok=True)  # left by a Chrome whose phone was switched off
        fixed_flags = [*_HEADLESS, *self._own_network(), f"--user-data-dir={profile}"]
        self._program.start([chromium.binary, *fixed_flags, *flags, url or "about:blank"])
        self._port = await self._devtools_port(port_file)
        self._server, _ = await self._network.listen(CHROME_SOCKET, self._join_devtools)

    def _own_network(self) -> list[str]:
        """Flags for a phone without a network namespace, whose loopback is a different address of this computer."""
        if self._config.address == "127.0.0.1":
            return []
        address = self._config.address
        return [f"--host-resolver-rules=MAP 127.0.0.1 {address}, MAP localhost {address}, MAP *.localhost {address}"]

    async def _devtools_port(self, file: Path) -> int:
        assert self._program is not None
        for _ in range(int(_CHROME_STARTS_WITHIN_S / 0.02)):
            with contextlib.suppress(OSError, ValueError, IndexError):
                return int(file.read_text().splitlines()[0])
            if self._program.pid is None:
                break
            await asyncio.sleep(0.02)
        reason = self._program.last_words
        await self._stop()
        raise DidNotStart(f"Chromium did not start: {reason}")

    async def _join_devtools(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._program is not None:
            await self._program.stop()
            self._program = None


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 18):
            writer.write(data)
            await writer.drain()
    writer.close()


# Firefox

_UNLIKE_DESKTOPS: Mapping[str, bool | str] = {
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
}
"""Preferences against pages that Firefox opens by itself, which a phone's Firefox does not."""
_BLANK = "about:blank"
_FOCUSED_BLANK = "data:,"
"""An empty page that gets the focus; on `about:blank`, desktop Firefox keeps the focus in its address bar."""


def gecko_config_file(package: str) -> str:
    """Path of the configuration file that a GeckoView app reads if it is the debug app."""
    return f"/data/local/tmp/{package}-geckoview-config.yaml"


@dataclass(frozen=True)
class GeckoConfig:
    """Supported content of that file."""

    args: tuple[str, ...] = ()
    prefs: Mapping[str, bool | int | str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)


def read_gecko_config(text: str) -> GeckoConfig:
    """Parse the file, which is YAML on a phone; only JSON is read here, and other text counts as a broken file."""
    try:
        data = json.loads(text)
        return GeckoConfig(
            tuple(str(word) for word in data.get("args", ())),
            dict(data.get("prefs", {})),
            {str(name): str(value) for name, value in data.get("env", {}).items()},
        )
    except (ValueError, AttributeError, TypeError):
        return GeckoConfig()


class Firefox:
    """The phone's Firefox; at most one runs."""

    def __init__(self, config: PhoneConfig) -> None:
        self._config = config
        self._package = ""
        self._program: RunningProgram | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        return self._program.pid if self._program else None

    @property
    def running(self) -> str | None:
        """Package of the running Firefox, or None."""
        return self._package if self._program and self._program.pid is not None else None

    async def open(self, package: str, url: str | None, gecko: GeckoConfig) -> None:
        """Start Firefox unless it is running. Raises `DidNotStart`."""
        async with self._turn:
            if self.running == package:
                return
            await self._stop()
            binary = self._config.firefox
            if binary is None:
                raise DidNotStart("there is no Firefox on this computer")
            profile = Path(self._config.path(f"/data/data/{package}"))
            self._package = package
            self._program = RunningProgram(self._config, profile)
            for name in ("lock", ".parentlock"):
                (profile / name).unlink(missing_ok=True)  # left by a Firefox whose phone was switched off
            preferences = {**_UNLIKE_DESKTOPS, **gecko.prefs}
            lines = (f"user_pref({json.dumps(key)}, {json.dumps(value)});\n" for key, value in preferences.items())
            (profile / "user.js").write_text("".join(lines), encoding="utf-8")
            command = [binary.binary, "--headless", "--no-remote", "--profile", str(profile)]
            # Not every computer allows a sandbox inside the phone's sandbox.
            no_sandbox = {"MOZ_DISABLE_CONTENT_SANDBOX": "1", "MOZ_CRASHREPORTER_DISABLE": "1"}
            page = _FOCUSED_BLANK if url in (None, _BLANK) else url
            self._program.start([*command, *gecko.args, page], {**no_sandbox, **gecko.env})

    async def stop(self) -> None:
        """End Firefox and all its processes."""
        async with self._turn:
            await self._stop()

    async def _stop(self) -> None:
        if self._program is not None:
            await self._program.stop()
            self._program = None


# Browsers of this computer

_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FIREFOXES = ("firefox", "firefox-esr")


@cache
def host_chromium() -> Program | None:
    """The first working Chromium on PATH, except snaps, which cannot run in a phone's sandbox."""
    return _first_working(_CHROMIUMS)


@cache
def host_firefox() -> Program | None:
    """The first working Firefox on PATH, except snaps."""
    return _first_working(_FIREFOXES)


def _first_working(names: tuple[str, ...]) -> Program | None:
    for name in names:
        binary = shutil.which(name)
        if binary is not None and not _is_snap(Path(binary)) and (version := _version(binary)):
            return Program(binary, version)
    return None


def _is_snap(binary: Path) -> bool:
    target = binary.resolve()
    return target.name == "snap" or "snap" in target.parts or b"/snap/bin/" in _beginning(target)


def _beginning(file: Path) -> bytes:
    with file.open("rb") as content:
        return content.read(4096)


def _version(binary: str) -> str | None:
    try:
        output = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"\d+(?:\.\d+)+", output)
    return version[0] if version else None
