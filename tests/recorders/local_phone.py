"""A stand-in for a phone whose shell is this computer's: its programs are ended as adbd ends them."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from threading import Event

from mobilebench.core import proc
from mobilebench.core.errors import BlockFailed
from mobilebench.core.records import TargetInfo
from mobilebench.targets.base import ShellResult

PHONE = TargetInfo(
    id="p", kind="android", machine="p", name="p", soc="s", os="Android 14", abi="arm64-v8a", runner="r", cores=8
)


class LocalPhone:
    """Args: hangs_up: whether a program gets SIGHUP when its stream ends, as adbd sends it, or only loses its output.
    folder: first folder of programs, such as a `dumpsys`."""

    info = PHONE

    def __init__(self, *, hangs_up: bool = True, folder: Path | None = None) -> None:
        self._hangs_up = hangs_up
        self._environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"} if folder else None
        self.scripts: list[str] = []
        self.shells: list[subprocess.Popen[bytes]] = []
        self.cut = Event()
        """Set it to cut the cable."""

    def observe(self, argv: Sequence[str], *, timeout: float, cancel: Event | None = None) -> ShellResult:
        done = subprocess.run(argv, capture_output=True, check=False, env=self._environment, timeout=timeout)
        return ShellResult(done.stdout, done.stderr, done.returncode)

    def stream(self, script: str, *, cancel: Event) -> Generator[bytes, None, None]:
        self.scripts.append(script)
        shell = subprocess.Popen(
            ["sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env=self._environment,
        )
        self.shells.append(shell)
        assert shell.stdout is not None
        try:
            while not cancel.is_set():
                if self.cut.is_set():
                    raise BlockFailed("p: the connection was cut.", fault="cut connection")
                if select.select([shell.stdout], [], [], 0.02)[0]:
                    data = os.read(shell.stdout.fileno(), 65536)
                    if not data:
                        return
                    yield data
        finally:
            if self._hangs_up:
                shell.send_signal(signal.SIGHUP)
            shell.stdout.close()

    def left(self) -> list[str]:
        """Wait until every shell has ended; the names of processes of theirs that are then not going to end."""
        for shell in self.shells:
            shell.wait(timeout=60)
        groups = {shell.pid for shell in self.shells}
        deadline = time.monotonic() + 60
        while running := [stat.name for stat in _processes() if stat.group in groups]:
            if time.monotonic() > deadline:
                return running
            time.sleep(0.01)
        return []


def _processes() -> Iterator[proc.Stat]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = proc.parse_stat((folder / "stat").read_text(errors="replace"))
        except OSError:
            continue
        if stat is not None and not stat.ended:
            yield stat
