"""The faults of the drill of racks (`rack_drill`): how each is caused and ended, and which strike in which run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from benchmarks.faults import Phone
from benchmarks.rack_fleet import Command, Fleet
from tests.postgresql import Server

Part = Literal["host", "scheduler", "link", "database", "client", "phone"]
"""What a fault strikes. A `link` joins a host, or the client, with the rest."""

FAULTS_A_RUN = 10
USUAL_PAUSE_S = 0.7
LONGEST_PAUSE_S = 2.0
EARLY = 0.25
"""Share of the runs whose first fault does not wait until the run has begun."""


@dataclass(frozen=True)
class VirtualPhone:
    """A virtual phone of the drill and the host that has it."""

    phone: Phone
    host: str
    home: str
    """`MOBILEBENCH_HOME` of the host's virtual phones."""


@dataclass
class Scene:
    """What faults strike."""

    fleet: Fleet
    server: Server
    database: str
    """Name of the database."""
    phones: dict[str, VirtualPhone] = field(default_factory=dict)
    """By their names."""
    held: dict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))
    """By part and place: held from the beginning of a fault to its end, so that each place has one at a time."""

    def places(self) -> dict[Part, Sequence[str]]:
        """Where faults of each part can strike."""
        hosts = list(self.fleet.hosts)
        return {
            "host": hosts,
            "scheduler": ("scheduler",),
            "link": (*hosts, "client"),
            "database": ("database",),
            "client": ("client",),
            "phone": list(self.phones),
        }


@dataclass(frozen=True)
class Fault:
    """A kind of fault."""

    name: str
    part: Part
    begin: Callable[[Scene, str], bool]
    """Causes it at a place; whether there was something to strike."""
    end: Callable[[Scene, str], object] = lambda _scene, _place: None
    lasts: tuple[float, float] = (0.0, 2.0)
    """Shortest and longest time in seconds from its beginning to its end."""


def _command(scene: Scene, place: str) -> Command:
    fleet = scene.fleet
    return {"scheduler": fleet.scheduler, "client": fleet.client, **fleet.hosts}[place]


def _kill(scene: Scene, place: str) -> bool:
    return _command(scene, place).kill()


def _kill_all(scene: Scene, place: str) -> bool:
    return _command(scene, place).kill_all()


def _start(scene: Scene, place: str) -> None:
    _command(scene, place).start()


def _signal(number: signal.Signals) -> Callable[[Scene, str], bool]:
    return lambda scene, place: _command(scene, place).send(number)


def _cut(scene: Scene, place: str) -> bool:
    scene.fleet.places[place].cut()
    return True


def _join(scene: Scene, place: str) -> None:
    scene.fleet.places[place].join()


def _stop_server(how: str) -> Callable[[Scene, str], bool]:
    def begin(scene: Scene, _: str) -> bool:
        scene.server.stop(how)
        return True

    return begin


def _start_server(scene: Scene, _: str) -> None:
    scene.server.start()


def _end_sessions(scene: Scene, _: str) -> bool:
    query = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{scene.database}'"
    return bool(scene.server.execute(query))


def virtual(scene: Scene, host: str, *words: str) -> bool:
    """Run `mobilebench virtual …` in a host's namespace; whether it succeeded."""
    command = [sys.executable, "-m", "mobilebench", "virtual", *words]
    home = str(scene.fleet.folder / f"phones-{host}")
    done = subprocess.run(
        scene.fleet.places[host].command(command),
        env={**os.environ, "MOBILEBENCH_HOME": home},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    return done.returncode == 0


def _phone(fault: str, lasts: tuple[float, float]) -> Fault:
    return Fault(
        f"phone: {fault}",
        "phone",
        lambda scene, name: virtual(scene, scene.phones[name].host, "fault", name, fault, "--for", f"{lasts[1]:g}"),
        lambda scene, name: virtual(scene, scene.phones[name].host, "fault", name, "clear", fault),
        lasts,
    )


TABLE: tuple[Fault, ...] = (
    Fault("worker is killed", "host", _kill, _start),
    Fault("host loses power", "host", _kill_all, _start),
    Fault("worker is stopped", "host", _signal(signal.SIGSTOP), _signal(signal.SIGCONT), (0.5, 4.0)),
    Fault("scheduler is killed", "scheduler", _kill, _start),
    Fault("scheduler is stopped", "scheduler", _signal(signal.SIGSTOP), _signal(signal.SIGCONT), (0.5, 4.0)),
    Fault("link is cut", "link", _cut, _join, (0.5, 5.0)),
    Fault("database restarts", "database", _stop_server("fast"), _start_server, (0.0, 0.5)),
    Fault("database crashes", "database", _stop_server("immediate"), _start_server, (0.0, 0.5)),
    Fault("database is away", "database", _stop_server("fast"), _start_server, (1.0, 4.0)),
    Fault("database ends sessions", "database", _end_sessions),
    Fault("client is killed", "client", _kill),
    Fault("client is stopped", "client", _signal(signal.SIGSTOP), _signal(signal.SIGCONT), (0.5, 3.0)),
    _phone("unplug", (0.5, 4.0)),
    _phone("reboot", (5.0, 6.0)),
    _phone("offline", (0.5, 4.0)),
)


@dataclass(frozen=True)
class PlannedStrike:
    """One fault of a run."""

    fault: str
    place: str
    pause: float
    """Seconds after the beginning of the one before it."""
    lasts: float


@dataclass(frozen=True)
class PlannedRun:
    """One run, with what strikes in it."""

    number: int
    early: bool
    """Whether faults begin with the client's process, and not only when the run has begun."""
    strikes: tuple[PlannedStrike, ...]


def plan(seed: int, number: int, places: Mapping[Part, Sequence[str]], table: Sequence[Fault] = TABLE) -> PlannedRun:
    """A run of the drill: of the faults that have a place here, some at random, each once."""
    numbers = random.Random(f"{seed} {number}")
    usable = [fault for fault in table if places.get(fault.part)]
    early = numbers.random() < EARLY
    strikes = tuple(
        PlannedStrike(
            fault.name,
            numbers.choice(places[fault.part]),
            min(numbers.expovariate(1 / USUAL_PAUSE_S), LONGEST_PAUSE_S),
            numbers.uniform(*fault.lasts),
        )
        for fault in numbers.sample(usable, min(FAULTS_A_RUN, len(usable)))
    )
    return PlannedRun(number, early, strikes)
