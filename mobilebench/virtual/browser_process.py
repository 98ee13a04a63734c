"""A browser of this computer that runs on a virtual phone, in one process group that can be ended completely."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mobilebench.virtual.config import PhoneConfig
from mobilebench.virtual.descriptors import process_end
from mobilebench.virtual.processes import group_running


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
        own = {"PATH": "/usr/bin:/bin", "HOME": str(self._profile), "LANG": "C.UTF-8", "TMPDIR": self._scratch}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**own, **(environment or {})},
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
        return next((line for line in log if "FATAL" in line), log[-1] if log else "it said nothing")

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
