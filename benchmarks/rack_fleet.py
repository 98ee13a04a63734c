"""A rack of real processes for benchmarks: a scheduler, hosts in network namespaces of their own, and a client."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from benchmarks.namespaces import Namespace, Network
from mobilebench.core.errors import MobilebenchError
from mobilebench.rack import certificates
from mobilebench.rack.certificates import Wanted
from mobilebench.rack.client import PORT, connect
from mobilebench.rack.messages import ListPhones, Phones, RackPhoneInfo

PATIENCE_S = 120.0
"""How long a rack may take to be whole."""
CLIENT = "ann"
MODEL = "bert_small"
"""What blocks of the suite name; nothing of it is computed."""

_LOOK_S = 0.05
_SUITE = """\
title: Sleeping blocks
description: Blocks in which nothing is computed.
models: [{model}]
threads: [1]
rule: {{min_predictions: 1, max_predictions: 1000, max_seconds: {seconds}}}
blocks: {blocks}
groups:
  - targets: [virtual]
    engines:
      sleep: [cpu]
"""


class Command:
    """A command of mobilebench that can be killed, stopped for a time, and started again.

    Args:
        home: its `MOBILEBENCH_HOME`; what it prints is in `log` there.
        words: its arguments.
        place: where it runs; None: in this process's network.
        environment: further variables.
    """

    def __init__(
        self, home: Path, words: Sequence[str], place: Namespace | None = None, environment: Mapping[str, str] = {}
    ) -> None:
        self.home = home
        self.log = home / "log"
        self._words = words
        self._place = place
        self._environment = {**environment, "MOBILEBENCH_HOME": str(home), "PYTHONUNBUFFERED": "1"}
        self._from = 0
        """Where the log of the running process begins."""
        self._process: subprocess.Popen[bytes] | None = None
        self._guard = threading.Lock()
        self._closed = False
        home.mkdir(parents=True, exist_ok=True)

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Of the last process; None while it runs. Negative: the signal that ended it."""
        return self._process.poll() if self._process else None

    def start(self, words: Sequence[str] | None = None) -> None:
        """Start it, with other arguments if they are given; not after `close`."""
        words = [sys.executable, "-m", "mobilebench", *(self._words if words is None else words)]
        with self._guard, self.log.open("ab") as log:
            if self._closed:
                return
            self._from = log.tell()
            self._process = subprocess.Popen(
                self._place.command(words) if self._place else words,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._environment},
                start_new_session=True,
            )

    def printed(self) -> str:
        """What the last process has printed."""
        with self.log.open("rb") as log:
            log.seek(self._from)
            return log.read().decode(errors="replace")

    def wait_for(self, text: str, seconds: float = PATIENCE_S) -> bool:
        """Wait until the process has printed this; False if it ended, or did not in time."""
        until = time.monotonic() + seconds
        while text not in self.printed():
            if not self.runs or time.monotonic() > until:
                return text in self.printed()
            time.sleep(_LOOK_S)
        return True

    def wait(self, seconds: float) -> bool:
        """Wait for its end; whether it ended in time."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        return not self.runs

    def send(self, number: signal.Signals) -> bool:
        """Send the process a signal; whether there was one."""
        if self._process is None or self._process.poll() is not None:
            return False
        self._process.send_signal(number)
        return True

    def kill(self) -> bool:
        """End the process at once; whether it ran."""
        process = self._process
        was = self.send(signal.SIGKILL)
        if process is not None:
            process.wait()
        return was

    def kill_all(self) -> bool:
        """End it and every process that it started, as when its computer loses power; whether it ran."""
        process, was = self._process, self.send(signal.SIGSTOP)  # so that it starts no further ones
        for number in processes_of(self.home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        if process is not None:
            process.kill()  # while it becomes the command, its variables cannot be read
            process.wait()
        return was

    def close(self) -> None:
        """End all of its processes for good."""
        with self._guard:
            self._closed = True
        self.kill_all()


def processes_of(home: Path) -> list[int]:
    """The processes whose `MOBILEBENCH_HOME` is this folder."""
    wanted = f"MOBILEBENCH_HOME={home}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


class Fleet:
    """A rack: one scheduler, and a host in each namespace. Leaving the context ends all of its processes.

    Args:
        folder: for homes, certificates and logs.
        network: its last namespace is for the client, the others are for the hosts.
        offer: further arguments of `rack worker`.
        environment: further variables of every process.
    """

    def __init__(
        self, folder: Path, network: Network, offer: Sequence[str], environment: Mapping[str, str] = {}
    ) -> None:
        *places, client_place = network.namespaces
        names = [f"host-{number}" for number in range(1, len(places) + 1)]
        wanted = [Wanted("scheduler", "lab", (network.address,)), *(Wanted("worker", name) for name in names)]
        certificates.make(folder / "ca", [*wanted, Wanted("client", CLIENT)])
        self.folder = folder
        self.address = f"tls://{network.address}:{PORT}"
        self.certificates = folder / "ca" / f"client-{CLIENT}"
        self.places = dict(zip(names, places, strict=True)) | {"client": client_place}
        listen = ("rack", "scheduler", "--listen", f"{network.address}:{PORT}")
        self.scheduler = Command(
            folder / "lab", [*listen, "--certificates", str(folder / "ca/scheduler-lab")], None, environment
        )
        self.hosts = {
            name: Command(
                folder / name,
                ["rack", "worker", self.address, "--certificates", str(folder / f"ca/worker-{name}"), *offer],
                self.places[name],
                environment,
            )
            for name in names
        }
        self.client = Command(folder / "client", [], client_place, environment)

    @property
    def options(self) -> tuple[str, ...]:
        """Arguments of a client's command."""
        return "--rack", self.address, "--rack-certificates", str(self.certificates)

    def __enter__(self) -> Self:
        try:
            self.scheduler.start()
            if not self.scheduler.wait_for("listens at"):
                raise SystemExit(f"The scheduler does not start:\n{self.scheduler.printed()}")
            for host in self.hosts.values():
                host.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every process."""
        for one in (self.client, *self.hosts.values(), self.scheduler):
            one.close()

    def phones(self) -> tuple[RackPhoneInfo, ...]:
        """The phones of the rack now. Raises `MobilebenchError` when the scheduler does not answer."""
        with connect(self.address, self.certificates, patience_s=0.0) as client:
            return client.ask(ListPhones(), Phones).phones

    def wait_for_phones(self, count: int, seconds: float = PATIENCE_S) -> str | None:
        """Wait until so many phones can be used; what is wrong after this time, if they cannot."""
        until = time.monotonic() + seconds
        while True:
            try:
                listed = self.phones()
                usable = [one for one in listed if one.usable]
                if len(usable) >= count:
                    return None
                problem = f"only {len(usable)} of {count} phones can be used: " + ", ".join(
                    f"{one.host}/{one.target.id} ({one.target.state}, {'here' if one.present else 'away'})"
                    for one in listed
                )
            except MobilebenchError as error:
                problem = error.message
            if time.monotonic() > until:
                return problem
            time.sleep(0.1)


def write_suite(file: Path, blocks: int, seconds: float) -> None:
    """Write a suite with so many blocks that sleep for each phone; virtual phones sleep for about so many seconds."""
    file.write_text(_SUITE.format(model=MODEL, blocks=blocks, seconds=seconds), encoding="utf-8")
