"""A rack of real processes: jobs, reservations, and every part of it killed or cut off in the middle."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from mobilebench.rack.client import RackClient
from mobilebench.rack.messages import (
    Accepted,
    Ask,
    Cancel,
    Done,
    Events,
    Gone,
    ListPhones,
    Phones,
    RackPhoneInfo,
    Release,
    Reserve,
    Reserved,
    Submit,
    Wait,
)
from mobilebench.session import events

from ..ports import lasting_port
from .making import job
from .processes import Command, Rack

pytestmark = pytest.mark.slow


def phones_of(client: RackClient) -> tuple[RackPhoneInfo, ...]:
    return client.ask(ListPhones(), Phones).phones


class Following:
    """A client's copy of a job's events."""

    def __init__(self, client: RackClient, phone: RackPhoneInfo, job_id: str, blocks: int) -> None:
        self.client = client
        self.submit = Submit(job_id=job_id, host=phone.host, job=job(phone.target, blocks, run_id=job_id), owner="ada")
        self.events: list[events.Event] = []
        self.client.ask(self.submit, Accepted)

    @property
    def measured(self) -> list[int]:
        return [one.block.planned.index for one in self.events if isinstance(one, events.BlockFinished)]

    def step(self, wait_s: float = 20.0) -> bool:
        """Fetch further events; whether they were the last ones."""
        ask = Ask(job_id=self.submit.job_id, after=len(self.events), wait_s=wait_s)
        answer = self.client.ask(ask, Events)
        assert not answer.missing_spool
        self.events += [events.from_json(line) for line in answer.lines]
        return answer.finished

    def until(self, blocks: int) -> None:
        while len(self.measured) < blocks:
            assert not self.step()

    def to_the_end(self) -> None:
        while not self.step():
            pass
        assert self.client.ask(Done(job_id=self.submit.job_id), Gone).known


@contextmanager
def following(rack: Rack, blocks: int, job_id: str = "j") -> Iterator[Following]:
    with rack.client() as client:
        yield Following(client, phones_of(client)[0], job_id, blocks)


def test_jobs_on_all_phones(running: Rack) -> None:
    with running.client() as client:
        found = [Following(client, phone, f"all-{n}", 3) for n, phone in enumerate(phones_of(client))]
        for one in found:
            one.to_the_end()
            assert one.measured == [0, 1, 2]
    assert len(found) == 4


def test_a_cancelled_job_ends(running: Rack) -> None:
    with following(running, 1000, "cancelled") as one:
        one.until(1)
        one.client.ask(Cancel(job_id="cancelled", token="t"), Gone)
        one.to_the_end()
        assert len(one.measured) < 1000


def test_a_job_of_a_leased_phone_waits_and_its_client_sees_for_whom(running: Rack) -> None:
    token = "c" * 32
    with running.client() as client:
        phone = phones_of(client)[1]
        mine = {"host": phone.host, "phone": phone.target.id, "token": token}
        client.ask(Reserve(**mine, owner="bob", seconds=600), Reserved)  # type: ignore[arg-type]
        one = Following(client, phone, "waits", 1)
        answer = client.ask(Ask(job_id="waits", after=0), Events)
        assert answer.waiting_for and answer.waiting_for.owner == "bob"
        (still,) = [two for two in phones_of(client) if two.target.id == phone.target.id]
        assert still.lease and still.lease.owner == "bob" and still.queue[0].owner == "ada"
        client.ask(Release(**mine), Gone)  # type: ignore[arg-type]
        one.to_the_end()
        assert one.measured == [0]


def test_a_killed_worker_goes_on_where_it_was(rack: Rack) -> None:
    rack.start_scheduler()
    rack.start_worker()
    with following(rack, 40) as one:
        one.until(3)
        rack.workers["host-1"].end(signal.SIGKILL)
        rack.start_worker()
        one.to_the_end()
        assert one.measured == list(range(40))


def test_a_worker_that_is_stopped_and_started_goes_on_too(rack: Rack) -> None:
    rack.start_scheduler()
    rack.start_worker()
    with following(rack, 40) as one:
        one.until(3)
        assert rack.workers["host-1"].end(signal.SIGTERM) == 0
        rack.start_worker()
        one.to_the_end()
        assert one.measured == list(range(40))
        assert [event.kind for event in one.events].count("TargetFinished") == 1


def test_a_killed_scheduler_stops_no_job(rack: Rack) -> None:
    rack.start_scheduler()
    rack.start_worker()
    assert rack.scheduler
    with following(rack, 60) as one:
        one.until(2)
        before = one.client.scheduler_id
        rack.scheduler.end(signal.SIGKILL)
        rack.relay.cut()
        rack.start_scheduler()
        rack.workers["host-1"].wait_for("Connected")
        rack.workers["host-1"].wait_for("on offer: ")
        assert one.client.ask(one.submit, Accepted).attached
        one.to_the_end()
        assert one.measured == list(range(60))
        assert one.client.scheduler_id != before


def test_both_killed_and_nobody_asks_until_it_is_over(rack: Rack) -> None:
    """The scheduler knows its jobs again, and its hosts measure them without their client."""
    rack.start_scheduler()
    rack.start_worker()
    assert rack.scheduler
    with following(rack, 30) as one:
        one.until(2)
        one.client.close()
        for part in (rack.workers["host-1"], rack.scheduler):
            part.end(signal.SIGKILL)
        rack.relay.cut()
        rack.start_scheduler()
        rack.start_worker()
        one.to_the_end()
        assert one.measured == list(range(30))


def test_a_network_that_is_cut_stops_no_job(rack: Rack) -> None:
    rack.start_scheduler()
    rack.start_worker()
    with following(rack, 60) as one:
        one.until(2)
        port = rack.relay.port
        rack.relay.cut()
        rack.workers["host-1"].wait_for("is lost; jobs go on")
        rack.relay.port = port
        one.to_the_end()
        assert one.measured == list(range(60))
        rack.workers["host-1"].wait_for("Connected")


def test_reservations_outlive_scheduler_and_worker(rack: Rack) -> None:
    rack.start_scheduler()
    rack.start_worker()
    assert rack.scheduler
    with rack.client() as client:
        phone = phones_of(client)[0]
        mine = {"host": phone.host, "phone": phone.target.id, "token": "d" * 32}
        lease = client.ask(Reserve(**mine, owner="ada", purpose="study", seconds=600), Reserved).lease  # type: ignore[arg-type]
        for part in (rack.workers["host-1"], rack.scheduler):
            part.end(signal.SIGKILL)
        rack.relay.cut()
        rack.start_scheduler()
        rack.start_worker()
        again = client.ask(Wait(**mine, wait_s=0), Reserved).lease  # type: ignore[arg-type]
        assert (again.owner, again.purpose, again.since) == ("ada", "study", lease.since)
        assert abs((again.until - lease.until).total_seconds()) < 30


def test_a_second_worker_of_a_host_is_refused(rack: Rack) -> None:
    rack.start_scheduler()
    rack.start_worker()
    arguments = ["rack", "worker", rack.address, "--certificates", str(rack.ca / "worker-host-1"), "--simulated", "1"]
    other = mobilebench(rack.folder / "other", *arguments)
    assert other.returncode == 2
    assert "Another worker of host host-1 is connected already." in other.stderr
    same_home = mobilebench(rack.folder / "host-1", *arguments)
    assert same_home.returncode == 2
    assert "Another worker uses" in same_home.stderr


def test_hosts_share_one_rack_until_they_are_stopped(rack: Rack) -> None:
    rack.start_scheduler()
    for host in ("host-1", "host-2"):
        rack.start_worker(host, phones=1)
    shared = ["--rack", rack.address, "--certificates", str(rack.ca / "client-ada")]
    listed = mobilebench(rack.folder / "ada", "rack", "list", *shared)
    assert (listed.returncode, listed.stderr) == (0, "")
    for host in ("host-1", "host-2"):
        assert f"simulated-{host}-0000" in listed.stdout
        assert rack.workers[host].end(signal.SIGINT) == 0
    nothing = mobilebench(rack.folder / "ada", "rack", "reserve", "all", *shared)
    assert nothing.returncode == 2 and "can be used now" in nothing.stderr
    assert rack.scheduler and rack.scheduler.end(signal.SIGTERM) == 0


def test_people_reserve_and_wait_and_give_back(running: Rack) -> None:
    home = running.folder / "ada"
    shared = ["--rack", running.address, "--certificates", str(running.ca / "client-ada")]
    name = "host-1/simulated-host-1-0003"
    got = mobilebench(home, "rack", "reserve", name, "--for", "30m", "--purpose", "a study", *shared)
    assert got.stdout.startswith(f"{name} is reserved until 20")
    taken = mobilebench(home, "rack", "reserve", name, *shared)
    assert taken.returncode == 2
    assert "is in use by ada since 20" in taken.stderr and "(a study)" in taken.stderr

    waiting = Command(home, "rack", "wait", name, *shared)
    with running.client() as client:
        while not phones_of(client)[3].queue:
            client.ask(Ask(job_id="none", after=0), Events)
    back = mobilebench(home, "rack", "release", name, *shared)
    assert back.stdout == f"{name} is given back.\n"
    waiting.wait_for(f"{name} is reserved until")
    assert waiting.end() == 0
    mobilebench(home, "rack", "release", "all", *shared)


def mobilebench(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    home.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "mobilebench", *arguments]
    environment = {**os.environ, "MOBILEBENCH_HOME": str(home)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_a_host_of_another_version_is_refused_with_a_sentence(running: Rack) -> None:
    old = "import mobilebench; mobilebench.__version__ = '0.0.1'; from mobilebench.cli import main; main()"
    certificate = ["--certificates", str(running.ca / "worker-host-2")]
    home = running.folder / "old"
    home.mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", old, "rack", "worker", running.address, "--simulated", "1", *certificate],
        env={**os.environ, "MOBILEBENCH_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 2
    assert "and host host-2 has mobilebench 0.0.1. Upgrade host host-2, so that all are equal." in ended.stderr


A_DAY_AHEAD = """
import datetime as real
import mobilebench.rack.host
from mobilebench.cli import main

class Ahead(real.datetime):
    @classmethod
    def now(cls, tz=None):
        return real.datetime.now(tz) + real.timedelta(days=1, minutes=30)

mobilebench.rack.host.datetime = Ahead
main()
"""


def test_a_host_whose_clock_is_wrong_is_named(running: Rack) -> None:
    own = ["--certificates", str(running.ca / "worker-host-2"), "--simulated", "1"]
    worker = Command(running.folder / "ahead", "rack", "worker", running.address, *own, program=("-c", A_DAY_AHEAD))
    try:
        worker.wait_for("Connected")
        shared = ["--rack", running.address, "--certificates", str(running.ca / "client-ada")]
        listed = mobilebench(running.folder / "ada", "rack", "list", *shared)
        assert listed.returncode == 0
        assert "The clock of host host-2 is 1 d 0 h ahead of this computer's" in " ".join(listed.stderr.split())
        assert "host-1" not in listed.stderr
    finally:
        assert worker.end(signal.SIGTERM) == 0


def test_the_dashboard_is_on_loopback_and_a_port_in_use_is_named(rack: Rack) -> None:
    certificate = ["--certificates", str(rack.ca / "scheduler-lab")]
    port = lasting_port()
    with socket.create_server(("127.0.0.1", port)):
        taken = mobilebench(rack.folder / "x", "rack", "scheduler", "--listen", f"127.0.0.1:{port}", *certificate)
    assert taken.returncode == 2
    assert f"The scheduler cannot listen at tls://127.0.0.1:{port}: " in taken.stderr

    shown = Command(
        rack.folder / "lab", "rack", "scheduler", "--listen", "0.0.0.0:0", "--dashboard", str(port), *certificate
    )
    try:
        shown.wait_for("Dask's pages")
        found = psutil.Process(shown.process.pid).net_connections()
        listening = sorted(one.laddr.ip for one in found if one.status == psutil.CONN_LISTEN)
        assert listening == ["0.0.0.0", "127.0.0.1"]
    finally:
        assert shown.end(signal.SIGINT) == 0
