"""A rack of real processes on loopback: scheduler and workers as people start them."""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mobilebench.rack import certificates
from mobilebench.rack.certificates import Wanted
from mobilebench.rack.client import RackClient, connect

from .relay import Relay

HOSTS = ("host-1", "host-2")
_START_S = 60.0


def make_ca(folder: Path) -> Path:
    certificates.make(
        folder,
        [
            Wanted("scheduler", "lab", ("127.0.0.1", "localhost")),
            *(Wanted("worker", host) for host in HOSTS),
            Wanted("client", "ada"),
        ],
    )
    return folder


class Command:
    """A running `mobilebench …` whose standard output is read."""

    def __init__(self, home: Path, *arguments: str, program: tuple[str, ...] = ("-m", "mobilebench")) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self._log = (home / "stderr.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "MOBILEBENCH_HOME": str(home), "PYTHONUNBUFFERED": "1"},
            text=True,
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        assert self.process.stdout is not None
        threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True).start()

    def wait_for(self, words: str) -> str:
        """The next line with these words."""
        seen = []
        while (line := self._lines.get(timeout=_START_S)) is not None:
            seen.append(line)
            if words in line:
                return line
        raise AssertionError(f"it ended without “{words}”: {seen}")

    def end(self, number: signal.Signals | None = None) -> int:
        """The exit code, after this signal or by itself."""
        if number is not None and self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(_START_S)
        self._log.close()
        return code

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self._lines.put(line)
        self._lines.put(None)


class Rack:
    """A scheduler and workers; clients and workers reach the scheduler through a relay."""

    def __init__(self, ca: Path, folder: Path) -> None:
        self.ca = ca
        self.folder = folder
        self.relay = Relay()
        self.scheduler: Command | None = None
        self.workers: dict[str, Command] = {}
        self.worker_addresses: dict[str, str] = {}

    @property
    def address(self) -> str:
        return self.relay.address

    def start_scheduler(self) -> None:
        certificate = str(self.ca / "scheduler-lab")
        self.scheduler = Command(
            self.folder / "lab", "rack", "scheduler", "--listen", "127.0.0.1:0", "--certificates", certificate
        )
        found = re.search(r"127\.0\.0\.1:(\d+)", self.scheduler.wait_for("listens at"))
        assert found
        self.relay.port = int(found[1])

    def start_worker(self, host: str = "host-1", phones: int | None = 2, sleep: float = 0.02) -> None:
        """Start a worker with so many simulated phones, or with those that adb sees (None)."""
        simulated = () if phones is None else ("--simulated", str(phones), "--sleep", str(sleep))
        certificate = str(self.ca / f"worker-{host}")
        self.workers[host] = Command(
            self.folder / host, "rack", "worker", self.address, "--certificates", certificate, *simulated
        )
        line = self.workers[host].wait_for("Connected")
        found = re.search(r"at (tls://127\.0\.0\.1:\d+)", line)
        assert found
        self.worker_addresses[host] = found[1]

    def client(self, patience_s: float = 60.0) -> RackClient:
        return connect(self.address, self.ca / "client-ada", patience_s=patience_s)

    def close(self) -> None:
        for one in [*self.workers.values(), *([self.scheduler] if self.scheduler else [])]:
            one.end(signal.SIGKILL)
        self.relay.close()


@contextmanager
def rack_of(ca: Path, folder: Path) -> Iterator[Rack]:
    rack = Rack(ca, folder)
    try:
        yield rack
    finally:
        rack.close()
