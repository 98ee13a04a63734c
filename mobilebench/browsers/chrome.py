"""Chrome or Chromium on this computer: found, started with a fresh profile, and ended without a trace."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Event

from mobilebench.browsers import cdp
from mobilebench.errors import BlockFailed, Unsupported

NAMES = ("google-chrome-stable", "google-chrome", "chromium", "chromium-browser", "chrome")
HEADLESS = (
    "--headless",
    "--remote-debugging-port=0",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-field-trial-config",
    "--disable-breakpad",
    "--metrics-recording-only",
    "--password-store=basic",
    "--mute-audio",
)
AWAKE = (
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)
"""A page that measures must never be slowed down as one that nobody looks at."""
SOFTWARE_GPU = (
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
)
"""WebGL2 and WebGPU computed by the CPU."""
HARDWARE_GPU = ("--ignore-gpu-blocklist", "--enable-unsafe-webgpu")
"""WebGL2 and WebGPU on the machine's own GPU, where there is one."""

_PROFILE_PREFIX = "mobilebench-chrome-"
_POLL_SECONDS = 0.005


@dataclass(frozen=True)
class ChromeBinary:
    """Chrome or Chromium as installed here."""

    path: Path
    version: str


@dataclass(frozen=True)
class RunningChrome:
    """A Chrome that was started here and can be driven."""

    name: str
    version: str
    """As the running browser states it."""
    devtools: str
    """HTTP base of its DevTools endpoint."""
    flags: tuple[str, ...]
    pid: int
    profile: Path


def find() -> ChromeBinary | None:
    """The Chrome of this computer: `MOBILEBENCH_CHROME`, else the first of the usual names on PATH."""
    chosen = os.environ.get("MOBILEBENCH_CHROME")
    for name in [chosen] if chosen else NAMES:
        path = shutil.which(name)
        version = _version(path) if path else None
        if path and version:
            return ChromeBinary(Path(path), version)
    return None


@lru_cache
def _version(path: str) -> str | None:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\d+(?:\.\d+){3}", answer.stdout)
    return found[0] if found else None


@contextmanager
def launch(flags: Sequence[str] = (), *, timeout: float = 30.0, cancel: Event | None = None) -> Iterator[RunningChrome]:
    """Start a headless Chrome with a fresh profile; leaving ends all its processes and removes the profile.

    Leave it in the thread that entered it: the browser dies with that thread, so that none outlives mobilebench.

    Raises:
        Unsupported: there is no Chrome on this computer.
        BlockFailed: it ended at once, did not open its DevTools port within `timeout` seconds, or `cancel` was set.
    """
    binary = find()
    if binary is None:
        raise Unsupported(
            "There is no Chrome or Chromium on this computer.",
            hint="Install one (on Debian: apt-get install chromium), or set MOBILEBENCH_CHROME to its path.",
        )
    _remove_stale_profiles()
    profile = Path(tempfile.mkdtemp(prefix=f"{_PROFILE_PREFIX}{os.getpid()}-"))
    try:
        sandbox = ("--no-sandbox",) if os.geteuid() == 0 else ()
        all_flags = (*HEADLESS, *AWAKE, *sandbox, *flags)
        with (profile / "stderr.txt").open("wb") as stderr:
            process = subprocess.Popen(
                [*_dies_with_us(), str(binary.path), f"--user-data-dir={profile}", *all_flags],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env={**os.environ, "TMPDIR": str(profile)},
                start_new_session=True,
            )
        try:
            devtools = _wait_for_devtools(process, profile, timeout, cancel)
            version = cdp.browser_version(devtools)
            yield RunningChrome("chrome", version, devtools, all_flags, process.pid, profile)
        finally:
            _end(process)
    finally:
        _remove(profile)


def _dies_with_us() -> list[str]:
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _wait_for_devtools(process: subprocess.Popen[bytes], profile: Path, timeout: float, cancel: Event | None) -> str:
    deadline = time.monotonic() + timeout
    port_file = profile / "DevToolsActivePort"
    while time.monotonic() < deadline:
        with suppress(OSError):
            lines = port_file.read_text().splitlines()
            if len(lines) >= 2 and lines[0].isdecimal():
                return f"http://127.0.0.1:{lines[0]}"
        if process.poll() is not None:
            raise BlockFailed(f"Chrome ended while it started (exit code {process.returncode}): {_last_words(profile)}")
        if cancel is not None and cancel.is_set():
            raise BlockFailed("The block was cancelled while Chrome started.")
        time.sleep(_POLL_SECONDS)
    raise BlockFailed(f"Chrome did not open its DevTools port within {timeout:.0f} s: {_last_words(profile)}")


def _last_words(profile: Path) -> str:
    """The line in which Chrome says why it gives up, else its last one."""
    lines = (profile / "stderr.txt").read_text(errors="replace").strip().splitlines()
    fatal = [line for line in lines if "FATAL" in line]
    return (fatal or lines or ["it said nothing"])[-1][:300]


def _end(process: subprocess.Popen[bytes]) -> None:
    """All of the browser's own processes: they share its process group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _remove(profile: Path) -> None:
    """Killed processes may still be writing their last file while the folder is emptied, hence the second try."""
    for _ in range(200):
        with suppress(OSError):
            shutil.rmtree(profile)
        if not profile.exists():
            return
        time.sleep(_POLL_SECONDS)


def _remove_stale_profiles() -> None:
    """Profiles of mobilebench processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PROFILE_PREFIX}*"):
        owner = folder.name.removeprefix(_PROFILE_PREFIX).partition("-")[0]
        if owner.isdecimal() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(folder, ignore_errors=True)
