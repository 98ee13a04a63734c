"""Random faults over a rack: hosts, scheduler, network, database, client and phones. Is a block lost or doubled?

A real scheduler and real workers, each in a network namespace of its own, run what the real `mobilebench run --rack`
asks for, which stores it in a PostgreSQL server of the drill. In each run some faults strike at random times, several
at once. A client that was killed or gave up is called again: `run --resume`, or `run` if no run had begun. Once faults
are over and the run is finished, the drill asks: is each planned block stored once, with the time at which its host
began it, was it measured once, and has each outcome a name? Is a lease, a job or a spool left? With `--virtual`, the
phones are virtual ones behind real adb instead of simulated ones, they have faults too, and they must be as they were
before. The same seed makes the same plan; when each fault strikes within a run depends on the machine.

Promise: no finding. Needs root for the namespaces, and PostgreSQL.

  python -m benchmarks.rack_drill --faults 200 --seed 7
  python -m benchmarks.rack_drill --faults 30 --virtual 2
A run that had a finding, again, with its logs kept:
  python -m benchmarks.rack_drill --seed 7 --run 12 --keep FOLDER
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from sqlalchemy.exc import DBAPIError

from benchmarks import drill_dump, namespaces, rack_checks, rack_faults, rack_fleet
from benchmarks.drill_dump import LEASE, Dump
from benchmarks.faults import Phone
from benchmarks.rack_checks import Copies
from benchmarks.rack_faults import TABLE, PlannedRun, PlannedStrike, Scene, VirtualPhone
from benchmarks.rack_fleet import Fleet
from benchmarks.rack_hosts import stop
from mobilebench.core.errors import ExitCode, MobilebenchError
from mobilebench.core.records import RunInfo
from mobilebench.results.places import Place
from mobilebench.results.store import Store
from mobilebench.targets.android import adb_protocol
from tests.postgresql import Server

Found = TypeVar("Found")

RUN_S = 240.0
"""A run that takes longer counts as a deadlock."""
DATABASE_S = 60.0
LEFT_S = 5.0
"""How long what a run used may stay after it."""
MOST_CALLS = 4
"""Calls of a client after the last fault, of which the last one has to finish the run."""
_AGAIN_S = 0.5
_TAIL = 25

BY_ITSELF, RESUMED, BEGUN_AGAIN = "by itself", "resumed", "begun again"
OUTCOMES = (BY_ITSELF, RESUMED, BEGUN_AGAIN)


@dataclass
class Done:
    """A run of the drill that has ended."""

    number: int
    strikes: list[PlannedStrike] = field(default_factory=list)
    """Those that struck."""
    outcome: str = BY_ITSELF
    """How its client came to the end."""
    blocks: int = 0
    seconds: float = 0.0
    findings: list[str] = field(default_factory=list)


def table(runs: Sequence[Done]) -> str:
    """Faults by the outcomes of the runs in which they struck, as Markdown."""
    lines = [
        f"| fault | times | {' | '.join(f'run ended {outcome}' for outcome in OUTCOMES)} | in runs with findings |",
        f"|---|---:|{'---:|' * len(OUTCOMES)}---:|",
    ]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for run in runs:
        for strike in run.strikes:
            counts[strike.fault].update([run.outcome, *(["finding"] if run.findings else [])])
    for fault in (one.name for one in TABLE if one.name in counts):
        own = counts[fault]
        times = sum(own[outcome] for outcome in OUTCOMES)
        cells = " | ".join(str(own[outcome] or "") for outcome in (*OUTCOMES, "finding"))
        lines.append(f"| {fault} | {times} | {cells} |")
    return "\n".join(lines)


class Client:
    """Calls the client's command until its run is finished."""

    def __init__(self, scene: Scene, place: Place, words: Sequence[str], phones: int, done: Done) -> None:
        self.begun_by_us: RunInfo | None = None
        """The run, once it is in the store."""
        self.calm = threading.Event()
        """Set when no fault strikes any more."""
        self.over = threading.Event()
        self._scene = scene
        self._place = place
        self._words = words
        self._phones = phones
        self._done = done
        self._known = {one.id for one in self._runs()}
        self._thread = threading.Thread(target=self._attend, name="client", daemon=True)

    def start(self) -> None:
        self._scene.fleet.client.start(["run", *self._words])
        self._thread.start()

    def wait(self) -> None:
        self._thread.join()

    def _attend(self) -> None:
        try:
            self._attend_until_finished()
        except Exception as error:
            self._done.findings.append(f"the drill itself could not attend to the client: {error!r}")
        finally:
            self.over.set()

    def _attend_until_finished(self) -> None:
        client = self._scene.fleet.client
        until = time.monotonic() + RUN_S
        calls = 0
        while True:
            if not client.wait(max(until - time.monotonic(), 0.0)):
                self._done.findings.append(f"the run has not ended after {RUN_S:g} s:\n{self._tail()}")
                client.kill_all()
                return
            code = client.exit_code or 0
            if code == ExitCode.INTERNAL or "Traceback" in client.printed():
                self._done.findings.append(f"the client has a defect:\n{self._tail()}")
            run = self._newest()
            if run is not None and run.status == "finished" and code >= 0:
                return
            if self.calm.is_set():
                self._scene.fleet.wait_for_phones(self._phones)
                calls += 1
                if calls > MOST_CALLS:
                    self._done.findings.append(f"the run does not end (exit code {code}):\n{self._tail()}")
                    return
            time.sleep(_AGAIN_S)
            if run is None:
                self._done.outcome = BEGUN_AGAIN
                if code < 0:
                    self._end_leases()
                client.start(["run", *self._words])
            else:
                self._done.outcome = RESUMED
                client.start(["run", "--resume", run.id, *self._words[: self._words.index("--serial")]])

    def _end_leases(self) -> None:
        """End the leases of a client that was killed before its run began. They would end by themselves, in minutes."""
        for name, host in self._scene.fleet.hosts.items():
            with self._scene.held[f"host {name}"]:
                host.kill_all()
                (host.home / "rack" / "host" / "leases.json").unlink(missing_ok=True)
                host.start()

    def _newest(self) -> RunInfo | None:
        fresh = [one for one in self._runs() if one.id not in self._known]
        self.begun_by_us = fresh[0] if fresh else None
        return self.begun_by_us

    def _runs(self) -> list[RunInfo]:
        return answered(self._place, Store.runs)

    def _tail(self) -> str:
        return "\n".join(self._scene.fleet.client.printed().splitlines()[-_TAIL:])


def answered(place: Place, ask: Callable[[Store], Found]) -> Found:
    """What the store answers, when the database answers."""
    until = time.monotonic() + DATABASE_S
    while True:
        try:
            with Store.open(place) as store:
                return ask(store)
        except (MobilebenchError, DBAPIError):
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


class Drill:
    """Runs over one rack, and what was found in them.

    Args:
        scene: the rack.
        place: the store.
        suite: file of the suite.
        phones: number of the rack's phones.
        tell: is told how it goes on.
    """

    def __init__(self, scene: Scene, place: Place, suite: Path, phones: int, tell: Callable[[str], object]) -> None:
        self.done: list[Done] = []
        self._scene = scene
        self._place = place
        self._phones = phones
        self._tell = tell
        where = ("--store", str(place.database), "--out", str(place.folder))
        self._words = [*scene.fleet.options, *where, "--serial", "all", "--suite", str(suite), "--gate=none"]

    def measure(self, planned: PlannedRun) -> Done:
        """One run, its faults and its checks."""
        fleet = self._scene.fleet
        if problem := fleet.wait_for_phones(self._phones):
            raise SystemExit(f"The rack is not whole before run {planned.number}: {problem}")
        done = Done(planned.number)
        self.done.append(done)
        before = {name: self._dump(name) for name in self._scene.phones}
        homes = {name: host.home for name, host in fleet.hosts.items()}
        logs = {one.log: one.log.stat().st_size for one in (fleet.scheduler, *fleet.hosts.values())}
        begun = time.monotonic()
        with Copies(homes, fleet.folder / "copies" / str(planned.number)) as copies:
            client = Client(self._scene, self._place, self._words, self._phones, done)
            client.start()
            if not planned.early:
                fleet.client.wait_for("blocks on", RUN_S)
            self._strike(planned, client, done)
            client.calm.set()
            client.wait()
            self._check(client, copies, before, done)
        done.findings += [found for log, size in logs.items() for found in rack_checks.defects(log, size)]
        done.seconds = time.monotonic() - begun
        for finding in done.findings:
            self._tell(f"Finding in run {planned.number}: {finding}")
        names = ", ".join(f"{one.fault} ({one.place})" for one in done.strikes)
        self._tell(
            f"run {planned.number}{', early' if planned.early else ''}: {done.blocks} blocks, {done.outcome}, "
            f"{done.seconds:.0f} s, {len(done.findings) or 'no'} findings: {names}"
        )
        return done

    def _strike(self, planned: PlannedRun, client: Client, done: Done) -> None:
        """Cause the faults while the client is at work, and wait until all have ended."""
        threads = []
        for strike in planned.strikes:
            if client.over.wait(strike.pause):
                break
            thread = threading.Thread(target=self._cause, args=(strike, client, done), name=strike.fault, daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            thread.join()

    def _cause(self, strike: PlannedStrike, client: Client, done: Done) -> None:
        fault = next(one for one in TABLE if one.name == strike.fault)
        try:
            with self._scene.held[f"{fault.part} {strike.place}"]:
                if client.over.is_set() or not fault.begin(self._scene, strike.place):
                    return
                done.strikes.append(strike)
                try:
                    time.sleep(strike.lasts)
                finally:
                    fault.end(self._scene, strike.place)
        except Exception as error:
            done.findings.append(f"the drill itself could not cause “{strike.fault}” at {strike.place}: {error!r}")

    def _check(self, client: Client, copies: Copies, before: dict[str, Dump], done: Done) -> None:
        fleet = self._scene.fleet
        if problem := fleet.wait_for_phones(self._phones):
            done.findings.append(f"the rack does not become whole again: {problem}")
            self._clean()
            return
        run_id = client.begun_by_us.id if client.begun_by_us else ""
        if run_id:
            run = answered(self._place, lambda store: store.load(run_id))
            done.blocks = len(run.blocks)
            done.findings += rack_checks.of_blocks(run, copies.outcomes(run_id))
        elif not done.findings:
            done.findings.append("there is no run")
        until = time.monotonic() + LEFT_S
        while left := rack_checks.left_over(fleet, self._place.folder / "runs" / run_id, fleet.phones()):
            if time.monotonic() > until:
                break
            time.sleep(0.2)
        if left:
            done.findings += left
            self._clean()
        for name, dump in before.items():
            with self._scene.fleet.places[self._scene.phones[name].host].inside():
                changed = drill_dump.left(self._scene.phones[name].phone, dump)
                forwards = drill_dump.forwards()
            done.findings += [f"{name}: {what}" for what in changed if not what.startswith(LEASE)]
            done.findings += [f"host of {name}: this forward is left: {line}" for line in forwards]

    def _clean(self) -> None:
        """Let hosts and scheduler forget everything, so that the next run is on its own."""
        fleet = self._scene.fleet
        for one in (*fleet.hosts.values(), fleet.scheduler):
            one.kill_all()
        for host in fleet.hosts.values():
            shutil.rmtree(host.home / "rack")
        shutil.rmtree(fleet.scheduler.home / "rack")
        for one in (fleet.scheduler, *fleet.hosts.values()):
            one.start()

    def _dump(self, name: str) -> Dump:
        own = self._scene.phones[name]
        with self._scene.fleet.places[own.host].inside():
            return Dump.of(own.phone)


def start_phones(scene: Scene, count: int, held: ExitStack) -> None:
    """Start so many virtual phones on each host, and an adb server for them; both end with `held`."""
    for host in scene.fleet.hosts:
        place = scene.fleet.places[host]
        names = [f"{host}-phone-{number}" for number in range(1, count + 1)]
        held.callback(subprocess.run, place.command(["adb", "kill-server"]), capture_output=True, check=False)
        subprocess.run(place.command(["adb", "start-server"]), capture_output=True, check=True)
        held.callback(rack_faults.virtual, scene, host, "down", "--quiet")
        words = [word for name in names for word in ("--name", name)]
        if not rack_faults.virtual(scene, host, "up", "--no-chrome", *words):
            raise SystemExit(f"The virtual phones of {host} do not start.")
        home = scene.fleet.folder / f"phones-{host}"
        listed = place.command(["env", f"MOBILEBENCH_HOME={home}", sys.executable, "-m", "mobilebench", "virtual"])
        for name, serial in _serials(listed).items():
            scene.phones[name] = VirtualPhone(Phone(name, serial, home / "virtual" / name), host, str(home))


def _serials(command: Sequence[str]) -> dict[str, str]:
    done = subprocess.run([*command, "list", "--json"], capture_output=True, text=True, check=True)
    return {one["name"]: one["serial"] for one in json.loads(done.stdout)}


def drill(options: argparse.Namespace, folder: Path, tell: Callable[[str], object]) -> list[Done]:
    """Make a rack in the folder, and drill it."""
    with ExitStack() as held:
        network = held.enter_context(namespaces.network(options.hosts + 1))
        server = Server()
        held.callback(server.remove)
        url = server.create()
        place = Place(url, folder / "results")
        Store.open(place).close()
        suite = folder / "sleeping.yaml"
        rack_fleet.write_suite(suite, options.blocks, options.sleep)
        each = options.virtual or options.phones
        offer = () if options.virtual else ("--simulated", str(each), "--sleep", str(options.sleep))
        fleet = Fleet(folder, network, offer)
        scene = Scene(fleet, server, database=urlsplit(url).path.strip("/"))
        if options.virtual:
            start_phones(scene, each, held)
        held.enter_context(fleet)
        made = Drill(scene, place, suite, options.hosts * each, tell)
        if options.run is not None:
            made.measure(rack_faults.plan(options.seed, options.run, scene.places()))
            return made.done
        struck, number = 0, 0
        while struck < options.faults:
            number += 1
            struck += len(made.measure(rack_faults.plan(options.seed, number, scene.places())).strikes)
            if number > options.faults:
                tell("Faults seldom strike: the runs are too short. Give more --blocks.")
                break
        return made.done


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hosts", type=int, default=2)
    parser.add_argument("--phones", type=int, default=2, help="simulated phones of each host")
    parser.add_argument("--virtual", type=int, default=0, help="virtual phones of each host, instead of simulated ones")
    parser.add_argument("--blocks", type=int, help="blocks of each phone [default: 100, or 10 of virtual phones]")
    parser.add_argument("--sleep", type=float, default=0.05, help="seconds that a block sleeps")
    parser.add_argument("--run", type=int, metavar="NUMBER", help="only this run")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep homes, logs and results here")
    options = parser.parse_args()
    if options.blocks is None:
        options.blocks = 10 if options.virtual else 100
    if reason := namespaces.why_not():
        raise SystemExit(reason)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    os.environ |= {
        "ANDROID_ADB_SERVER_PORT": str(adb_protocol.free_port()),
        "MOBILEBENCH_LOCKS": f"rack drill {os.getpid()}",
    }
    begun = time.monotonic()
    with ExitStack() as held:
        folder = options.keep or Path(held.enter_context(tempfile.TemporaryDirectory(prefix="mobilebench-rack-")))
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SystemExit(f"{folder} is not empty: name a new folder with --keep.")
        runs = drill(options, folder.resolve(), lambda text: print(text, flush=True))
    findings = [f"run {run.number}: {finding}" for run in runs for finding in run.findings]
    print(table(runs))
    for finding in findings:
        print(f"Finding in {finding}")
    kind = "virtual" if options.virtual else "simulated"
    print(
        f"{sum(len(run.strikes) for run in runs)} faults in {len(runs)} runs with {sum(run.blocks for run in runs)} "
        f"blocks on {options.hosts} hosts with {options.virtual or options.phones} {kind} phones each (seed "
        f"{options.seed}) in {time.monotonic() - begun:.0f} s: {len(findings) or 'no'} findings"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
