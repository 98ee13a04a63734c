"""What a rack adds to each block, and what its scheduler needs, by the number of phones.

One scheduler and some workers on this computer offer simulated phones, whose blocks sleep. Each phone gets one job, and
one client with a connection of its own follows each job, as `run --rack` does. Printed for each number of phones:

- start: median time from a job's submission to its first block;
- added: what a block takes longer than its sleep, from submission to the client's last event: median over the phones,
  and of the slowest phone;
- per block: wall time beyond the ideal one, over all blocks of all phones;
- CPU time of scheduler and workers per block, and the scheduler's memory with no phone and at the end.

Slopes are least-squares lines over the numbers of phones. Promise: `per block` is at most 20 ms with 1,000 phones.
`added` is more where all jobs begin at once: the start is spread over the blocks of a job.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression, median

from mobilebench.core.records import BlockRule, Case, PlannedBlock
from mobilebench.rack import certificates
from mobilebench.rack.certificates import Wanted
from mobilebench.rack.client import RackClient, connect
from mobilebench.rack.messages import Accepted, Ask, Done, Events, Gone, ListPhones, Phones, RackPhoneInfo, Submit
from mobilebench.session.job import JobSpec

_STACK = 512 << 10
"""Bytes of a client thread's stack."""


@dataclass(frozen=True)
class Row:
    """One number of phones. Times in milliseconds, memory in MiB."""

    phones: int
    blocks: int
    start_ms: float
    added_ms: float
    slowest_ms: float
    per_block_ms: float
    scheduler_cpu_ms: float
    workers_cpu_ms: float
    idle_mib: float
    memory_mib: float


class Following(threading.Thread):
    """Submits one phone's job and takes its events until its end."""

    def __init__(self, client: RackClient, phone: RackPhoneInfo, blocks: int, begin: threading.Barrier) -> None:
        super().__init__(daemon=True)
        self._client = client
        self._begin = begin
        case = Case(target=phone.target.id, engine="sleep", backend="cpu", threads=1, model="none")
        self._submit = Submit(
            job_id=f"job.{phone.host}.{phone.target.id}",
            host=phone.host,
            job=JobSpec(
                run_id="rack",
                target=phone.target,
                blocks=tuple(PlannedBlock(index=n, round=n, case=case, rule=BlockRule()) for n in range(blocks)),
                recorders=(),
                wait_seconds=0,
            ),
        )
        self.started_s = self.ended_s = 0.0
        """Seconds from the submission."""
        self.measured = 0

    def run(self) -> None:
        job_id = self._submit.job_id
        with self._client as client:
            client.ask(Ask(job_id="none", after=0), Events)  # connects
            self._begin.wait()
            begun = time.perf_counter()
            client.ask(self._submit, Accepted)
            after, finished = 0, False
            while not finished:
                answer = client.ask(Ask(job_id=job_id, after=after, wait_s=30), Events)
                if not after and answer.lines:
                    self.started_s = time.perf_counter() - begun
                self.measured += sum('"kind": "BlockFinished"' in line[:40] for line in answer.lines)
                after, finished = answer.next, answer.finished
            self.ended_s = time.perf_counter() - begun
            client.ask(Done(job_id=job_id), Gone)


@contextmanager
def command(home: Path, words: str, *arguments: str) -> Iterator[tuple[int, str]]:
    """The process id of a running `mobilebench …`, and its first line that has these words."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "stderr.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mobilebench", *arguments],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "MOBILEBENCH_HOME": str(home), "PYTHONUNBUFFERED": "1"},
            text=True,
        )
    assert process.stdout is not None
    try:
        line = next((line for line in process.stdout if words in line), None)
        if line is None:
            raise SystemExit((home / "stderr.log").read_text())
        yield process.pid, line
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def cpu_s(process: int) -> float:
    """CPU seconds of a process so far."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def mib(process: int) -> float:
    """Memory of a process in RAM."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def measure(phones: int, *, workers: int, blocks: int, sleep_s: float) -> Row:
    """Run a rack with so many phones, and a job of `blocks` blocks on each."""
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as running:
        folder = Path(temporary)
        names = [f"host-{number}" for number in range(workers)]
        wanted = [Wanted("scheduler", "lab", ("127.0.0.1",)), *(Wanted("worker", name) for name in names)]
        certificates.make(folder / "ca", [*wanted, Wanted("client", "bench")])
        listen = ("rack", "scheduler", "--listen", "127.0.0.1:0", "--certificates", str(folder / "ca/scheduler-lab"))
        scheduler, line = running.enter_context(command(folder / "lab", "listens at", *listen))
        found = re.search(r"tls://[\d.]+:\d+", line)
        assert found
        idle_mib = mib(scheduler)
        hosts = []
        for number, name in enumerate(names):
            share = phones // workers + (number < phones % workers)
            offer = ("--simulated", str(share), "--sleep", str(sleep_s))
            serve = ("rack", "worker", found[0], "--certificates", str(folder / f"ca/worker-{name}"), *offer)
            hosts.append(running.enter_context(command(folder / name, "Connected", *serve))[0])
        with connect(found[0], folder / "ca/client-bench") as client:
            while len(listed := client.ask(ListPhones(), Phones).phones) < phones:
                pass  # a busy host may be late
            begin = threading.Barrier(len(listed) + 1)
            following = [Following(client.another(), phone, blocks, begin) for phone in listed]
            for one in following:
                one.start()
            while begin.n_waiting < len(listed):
                time.sleep(0.01)
            cpu = cpu_s(scheduler), sum(map(cpu_s, hosts))
            begun = time.perf_counter()
            begin.wait()
            for one in following:
                one.join()
            wall = time.perf_counter() - begun
        lost = phones * blocks - sum(one.measured for one in following)
        if lost:
            raise SystemExit(f"{lost} of {phones * blocks} blocks are missing or doubled")
        ideal = blocks * sleep_s
        added = sorted((one.ended_s - ideal) / blocks * 1000 for one in following)
        every = phones * blocks
        return Row(
            phones=phones,
            blocks=every,
            start_ms=median(one.started_s for one in following) * 1000,
            added_ms=median(added),
            slowest_ms=added[-1],
            per_block_ms=(wall - ideal) / every * 1000,
            scheduler_cpu_ms=(cpu_s(scheduler) - cpu[0]) / every * 1000,
            workers_cpu_ms=(sum(map(cpu_s, hosts)) - cpu[1]) / every * 1000,
            idle_mib=idle_mib,
            memory_mib=mib(scheduler),
        )


def slope(rows: Sequence[Row], field: str) -> float | None:
    """By how much a column grows with each phone; None with one number of phones."""
    if len({row.phones for row in rows}) < 2:
        return None
    return linear_regression([row.phones for row in rows], [getattr(row, field) for row in rows]).slope


def table(rows: Sequence[Row]) -> str:
    """The rows and their slopes as Markdown."""
    lines = [
        "| phones | blocks | start, ms | added, ms | slowest, ms | per block, ms | scheduler CPU, ms | workers CPU, ms "
        "| memory idle, MiB | memory, MiB |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row.phones} | {row.blocks} | {row.start_ms:.0f} | {row.added_ms:.2f} | {row.slowest_ms:.2f} "
        f"| {row.per_block_ms:.3f} | {row.scheduler_cpu_ms:.3f} | {row.workers_cpu_ms:.3f} | {row.idle_mib:.0f} "
        f"| {row.memory_mib:.0f} |"
        for row in rows
    ]
    growth = {name: slope(rows, name) for name in ("memory_mib", "added_ms", "scheduler_cpu_ms")}
    if growth["memory_mib"] is not None:
        lines += [
            "",
            f"For each further phone: {growth['memory_mib'] * 1024:.0f} KiB of the scheduler's memory, "
            f"{growth['added_ms'] or 0:.4f} ms added to a block, {growth['scheduler_cpu_ms'] or 0:.5f} ms of the "
            "scheduler's CPU time for a block.",
        ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phones", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--blocks", type=int, default=10, help="blocks of each phone")
    parser.add_argument("--sleep", type=float, default=5.0, help="seconds that a block sleeps")
    options = parser.parse_args()
    threading.stack_size(_STACK)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))
    rows = []
    for phones in options.phones:
        rows.append(measure(phones, workers=options.workers, blocks=options.blocks, sleep_s=options.sleep))
        print(f"{phones} phones are done.", file=sys.stderr, flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()
