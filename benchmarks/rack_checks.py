"""What the drill of racks asks after a run: is a block lost or doubled, and is anything left on hosts or scheduler?"""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from benchmarks.rack_fleet import Fleet, processes_of
from mobilebench.core.records import Run
from mobilebench.rack import records
from mobilebench.rack.messages import RackPhoneInfo

_LOOK_S = 0.02
_CHAINED = ("The above exception was", "During handling of the above")
_TRACEBACK = 60
"""Lines of a traceback that are shown."""


@dataclass(frozen=True)
class Spooled:
    """The outcome of a block as a host wrote it into the spool of a job."""

    index: int
    started_at: datetime
    job: str


class Copies:
    """Keeps the files of events that hosts write, after they removed them too: each gets a second name.

    Args:
        hosts: the hosts' homes by their names.
        folder: for the second names, on the same disk.
    """

    def __init__(self, hosts: Mapping[str, Path], folder: Path) -> None:
        self._hosts = hosts
        self._folder = folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="copies of spools", daemon=True)

    def __enter__(self) -> Self:
        for host in self._hosts:
            (self._folder / host).mkdir(parents=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def outcomes(self, run_id: str) -> list[Spooled]:
        """What hosts wrote of the blocks of a run."""
        return [one for file in self._folder.glob(f"*/{run_id}-*.jsonl") for one in spooled(file)]

    def look(self) -> None:
        """Give the files that are new their second names; done again and again until the context ends."""
        for host, home in self._hosts.items():
            for job in spools(home):
                with suppress(OSError):
                    os.link(job / "events.jsonl", self._folder / host / f"{job.name}.jsonl")

    def _watch(self) -> None:
        while not self._over.wait(_LOOK_S):
            self.look()


def spools(home: Path) -> list[Path]:
    """The folders of a host's jobs."""
    with suppress(FileNotFoundError):
        found = (home / "rack" / "host" / "spool").iterdir()
        return sorted(one for one in found if not one.name.startswith("."))
    return []


def spooled(file: Path) -> Iterator[Spooled]:
    """The outcomes in a file of events; a last line that is not whole is left out."""
    for line in file.read_bytes().split(b"\n"):
        with suppress(ValueError):
            event = json.loads(line)
            if event["kind"] == "BlockFinished":
                block = event["block"]
                started_at = datetime.fromisoformat(block["started_at"])
                yield Spooled(block["planned"]["index"], started_at, file.stem)


def of_blocks(run: Run, outcomes: Iterable[Spooled]) -> list[str]:
    """Each planned block is stored once, as its host measured it, was measured once, and has an outcome with a name."""
    found = [] if run.info.status == "finished" else [f"run {run.info.id} is {run.info.status}"]
    measured: dict[int, list[Spooled]] = {}
    for one in outcomes:
        measured.setdefault(one.index, []).append(one)
    stored = Counter(block.planned.index for block in run.blocks)
    found += [f"block {one.index} of {one.case.target} is lost" for one in run.planned if not stored[one.index]]
    found += [f"block {index} is stored {count} times" for index, count in stored.items() if count > 1]
    found += [
        f"block {index} was measured {len(every)} times: "
        + ", ".join(f"{one.started_at:%H:%M:%S.%f} in job {one.job}" for one in every)
        for index, every in measured.items()
        if len(every) > 1
    ]
    for block in run.blocks:
        index = block.planned.index
        if block.started_at not in [one.started_at for one in measured.get(index, ())]:
            found.append(f"block {index} is stored as begun at {block.started_at}, which no host wrote")
        if block.outcome == "failed" and block.fault is None:
            found.append(f"block {index} failed without a name: {block.reason}")
        elif block.outcome == "unsupported":
            found.append(f"block {index} counts as unsupported: {block.reason}")
    return found


def unfinished(jobs: Path) -> list[str]:
    """The jobs in a scheduler's list that are not done."""
    left: dict[str, bool] = {}
    with suppress(FileNotFoundError):
        for line in jobs.read_bytes().splitlines():
            with suppress(ValueError):
                entry = json.loads(line)
                left[entry["job_id"]] = not entry["gone"]
    return [job for job, is_left in left.items() if is_left]


def defects(log: Path, begin: int) -> list[str]:
    """The tracebacks in a log from this byte on, each with the line before it."""
    with log.open("rb") as file:
        file.seek(begin)
        lines = file.read().decode(errors="replace").splitlines()
    starts = [
        number
        for number, line in enumerate(lines)
        if line.startswith("Traceback ") and not " ".join(lines[max(number - 2, 0) : number]).startswith(_CHAINED)
    ]
    return [
        f"{log.parent.name} has a defect:\n" + "\n".join(lines[max(start - 1, 0) : start + _TRACEBACK])
        for start in starts
    ]


def left_over(fleet: Fleet, run_folder: Path, phones: Sequence[RackPhoneInfo]) -> list[str]:
    """Leases, places in queues, spools, jobs, processes of jobs, and notes of jobs that are still there."""
    found = [
        f"phone {one.target.id} of {one.host} is leased: {one.lease.purpose}, for {one.lease.left_s:.0f} s more"
        for one in phones
        if one.lease
    ]
    found += [f"{one.target.id} of {one.host} is waited for by {len(one.queue)}" for one in phones if one.queue]
    for name, host in fleet.hosts.items():
        found += [f"{name} has the spool of job {job.name}" for job in spools(host.home)]
        found += [f"{name} has the process of a job: {words}" for words in _job_processes(host.home)]
    jobs = fleet.scheduler.home / "rack" / "scheduler" / "jobs.jsonl"
    found += [f"the scheduler has job {job}" for job in unfinished(jobs)]
    found += [f"the client has a note of job {one.submit.job_id}" for one in records.kept(run_folder)]
    return found


def _job_processes(home: Path) -> Iterator[str]:
    for process in processes_of(home):
        with suppress(OSError):
            words = Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if "worker_process" in words:
                yield f"{process} {words.strip()}"
