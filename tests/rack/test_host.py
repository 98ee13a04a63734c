"""A host runs jobs on its phones, and knows them again after it was ended in any way."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mobilebench.core.records import TargetInfo
from mobilebench.rack.host import Host
from mobilebench.rack.host_messages import AskReady, Readiness
from mobilebench.rack.messages import (
    Accepted,
    AddQuarantine,
    Answer,
    Ask,
    Cancel,
    Done,
    Events,
    Gone,
    Leases,
    LiftQuarantine,
    ListLeases,
    ListPhones,
    Missing,
    MissingFiles,
    Phones,
    Put,
    Quarantined,
    Question,
    Queued,
    Refused,
    Release,
    Reserve,
    Reserved,
    Stored,
    Submit,
    Wait,
    read_answer,
    to_text,
)
from mobilebench.rack.phones import FixedPhones, Offered
from mobilebench.rack.quarantines import Quarantines
from mobilebench.rack.simulated import SleepingExecutor, phones
from mobilebench.results.places import place_of
from mobilebench.session import events
from mobilebench.session.job import JobSpec
from mobilebench.session.work import Emit, TakeTurn

from .making import job

PHONES = phones("host-1", 2)
ADA, BOB = "a" * 32, "b" * 32
AnswerType = TypeVar("AnswerType", bound=Answer)


class SteppingExecutor(SleepingExecutor):
    """Begins each block of a simulated phone when the test allows it, and says which blocks were measured."""

    def __init__(self) -> None:
        super().__init__(0.001)
        self.allowed = threading.Semaphore(0)
        self.measured: list[int] = []

    def measure(self, job: JobSpec, emit: Emit, cancel: threading.Event, take_turn: TakeTurn) -> None:
        def step(event: events.Event) -> None:
            if isinstance(event, events.BlockStarted):
                while not cancel.is_set() and not self.allowed.acquire(timeout=0.01):
                    pass
            emit(event)
            if isinstance(event, events.BlockFinished):
                self.measured.append(event.block.planned.index)

        super().measure(job, step, cancel, take_turn)


Made = Callable[..., Host]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Makes hosts on one home folder, one after the other, as restarts do."""
    hosts: list[Host] = []

    def make(executor: Any = None, infos: list[TargetInfo] = PHONES) -> Host:
        if hosts:
            hosts.pop().close()
        kept = Quarantines(place_of(tmp_path / "results"))
        hosts.append(Host("host-1", tmp_path, FixedPhones(infos), executor or SleepingExecutor(0.001), kept))
        return hosts[-1]

    yield make
    for host in hosts:
        host.close()


async def ask(host: Host, question: Question, kind: type[AnswerType]) -> AnswerType:
    answer = read_answer(await host.answer(type(question).__name__, to_text(question)))
    assert isinstance(answer, kind), answer
    return answer


async def everything(host: Host, job_id: str = "j", after: int = 0) -> list[events.Event]:
    found: list[events.Event] = []
    while True:
        answer = await ask(host, Ask(job_id=job_id, after=after + len(found), wait_s=10), Events)
        assert not answer.missing_spool
        found += [events.from_json(line) for line in answer.lines]
        if answer.finished:
            return found


def submit(number: int = 0, blocks: int = 3, **more: Any) -> Submit:
    return Submit(**{"job_id": "j", "host": "host-1", "job": job(PHONES[number], blocks), "owner": "ada", **more})


def outcomes(found: list[events.Event]) -> list[int]:
    return [event.block.planned.index for event in found if isinstance(event, events.BlockFinished)]


def test_a_job_runs_and_its_events_stay_until_they_are_taken(made: Made) -> None:
    async def main() -> None:
        host = made()
        assert not (await ask(host, submit(), Accepted)).attached
        assert (await ask(host, submit(), Accepted)).attached
        assert (await host.run("j")).ended
        first = await everything(host)
        assert [event.kind for event in first] == [
            "TargetStarted",
            *["BlockStarted", "BlockFinished"] * 3,
            "TargetFinished",
        ]
        assert await everything(host) == first
        assert await everything(host, after=6) == first[6:]
        assert (await ask(host, ListLeases(), Leases)).leases == ()
        assert (await ask(host, Done(job_id="j"), Gone)).known
        assert not (await ask(host, Done(job_id="j"), Gone)).known
        gone = await ask(host, Ask(job_id="j", after=3), Events)
        assert gone.missing_spool and gone.finished

    asyncio.run(main())


def test_another_job_of_the_same_name_is_refused(made: Made) -> None:
    async def main() -> None:
        host = made()
        await ask(host, submit(), Accepted)
        refused = await ask(host, submit(blocks=4), Refused)
        assert refused.code == "in use"

    asyncio.run(main())


def test_after_a_restart_only_what_has_no_outcome_is_measured(made: Made) -> None:
    async def main() -> None:
        stepping = SteppingExecutor()
        host = made(stepping)
        await ask(host, submit(blocks=4), Accepted)
        running = asyncio.ensure_future(host.run("j"))
        stepping.allowed.release(2)
        before: list[events.Event] = []
        while len(outcomes(before)) < 2:
            answer = await ask(host, Ask(job_id="j", after=len(before), wait_s=10), Events)
            before += [events.from_json(line) for line in answer.lines]
        running.cancel()
        await asyncio.to_thread(host.close)
        assert stepping.measured == [0, 1]

        again = SteppingExecutor()
        again.allowed.release(10)
        host = made(again)
        assert (await ask(host, submit(blocks=4), Accepted)).attached
        assert (await host.run("j")).ended
        assert again.measured == [2, 3]
        found = await everything(host)
        assert outcomes(found) == [0, 1, 2, 3]
        assert found[: len(before)] == before
        assert [event.kind for event in found].count("TargetFinished") == 1

    asyncio.run(main())


def test_a_run_that_is_asked_for_twice_runs_once(made: Made) -> None:
    async def main() -> None:
        stepping = SteppingExecutor()
        host = made(stepping)
        await ask(host, submit(blocks=2), Accepted)
        runs = [asyncio.ensure_future(host.run("j")) for _ in range(3)]
        await asyncio.sleep(0)
        stepping.allowed.release(2)
        assert all(one.ended for one in await asyncio.gather(*runs))
        assert stepping.measured == [0, 1]

    asyncio.run(main())


def test_a_job_waits_until_the_phone_is_free(made: Made) -> None:
    async def main() -> None:
        host = made()
        serial = PHONES[0].id
        await ask(host, Reserve(host="host-1", phone=serial, token=ADA, owner="bob", seconds=60), Reserved)
        await ask(host, submit(), Accepted)
        ready = Readiness.model_validate_json(await host.answer("AskReady", to_text(AskReady(job_id="j", wait_s=0))))
        assert not ready.ready and not ready.ended
        assert not (await host.run("j")).ended
        waiting = await ask(host, Ask(job_id="j", after=0), Events)
        assert waiting.waiting_for and waiting.waiting_for.owner == "bob"
        (phone, _) = (await ask(host, ListPhones(), Phones)).phones
        assert [one.owner for one in phone.queue] == ["ada"]

        waited = asyncio.ensure_future(host.answer("AskReady", to_text(AskReady(job_id="j", wait_s=30))))
        await ask(host, Release(host="host-1", phone=serial, token=ADA), Gone)
        assert Readiness.model_validate_json(await waited).ready
        assert (await host.run("j")).ended

    asyncio.run(main())


def test_a_job_under_a_lease_leaves_the_lease(made: Made) -> None:
    async def main() -> None:
        host = made()
        serial = PHONES[0].id
        await ask(host, Reserve(host="host-1", phone=serial, token=ADA, owner="ada", seconds=60), Reserved)
        await ask(host, submit(lease=BOB), Accepted)
        assert not (await host.run("j")).ready
        await ask(host, submit(job_id="k", lease=ADA), Accepted)
        assert (await host.run("k")).ended
        assert (await ask(host, Wait(host="host-1", phone=serial, token=ADA, wait_s=0), Reserved)).lease.job_id is None

    asyncio.run(main())


def test_a_lease_under_which_a_job_goes_on_is_not_given_back(made: Made) -> None:
    async def main() -> None:
        host = made(SteppingExecutor())
        serial = PHONES[0].id
        reserve = {"host": "host-1", "phone": serial, "seconds": 60}
        release = Release(host="host-1", phone=serial, token=ADA)
        await ask(host, Reserve(token=ADA, owner="ada", **reserve), Reserved)  # type: ignore[arg-type]
        await ask(host, Reserve(token=BOB, owner="bob", **reserve), Queued)  # type: ignore[arg-type]
        await ask(host, submit(lease=ADA), Accepted)
        assert (await ask(host, release, Refused)).code == "in use"
        running = asyncio.ensure_future(host.run("j"))
        await ask(host, Ask(job_id="j", after=0, wait_s=10), Events)
        refused = await ask(host, release, Refused)
        assert refused.code == "in use" and "in use by ada" in refused.reason and "job j" in refused.reason
        await ask(host, Wait(host="host-1", phone=serial, token=BOB, wait_s=0), Queued)
        await ask(host, Cancel(job_id="j", token="t"), Gone)
        assert (await ask(host, release, Gone)).known
        await running
        await ask(host, Wait(host="host-1", phone=serial, token=BOB, wait_s=10), Reserved)
        assert not (await ask(host, release, Gone)).known

    asyncio.run(main())


def test_a_phone_that_is_away_is_left_to_its_job(made: Made, tmp_path: Path) -> None:
    class Away(FixedPhones):
        def current(self) -> dict[str, Offered]:
            return {serial: replace(one, present=False) for serial, one in super().current().items()}

    async def main() -> None:
        host = Host("host-1", tmp_path / "away", Away(PHONES), SleepingExecutor(0.001))
        try:
            reserve = Reserve(host="host-1", phone=PHONES[0].id, token=ADA, owner="ada", seconds=60)
            assert (await ask(host, reserve, Refused)).code == "away"
            await ask(host, submit(), Accepted)
            assert (await host.run("j")).ended
        finally:
            host.close()

    asyncio.run(main())


def test_waiting_ends_when_the_phone_is_given_back(made: Made) -> None:
    async def main() -> None:
        host = made()
        reserve = {"host": "host-1", "phone": PHONES[0].id, "owner": "x", "seconds": 60}
        await ask(host, Reserve(token=ADA, **reserve), Reserved)  # type: ignore[arg-type]
        await ask(host, Reserve(token=BOB, **reserve), Queued)  # type: ignore[arg-type]
        waited = asyncio.ensure_future(
            ask(host, Wait(host="host-1", phone=PHONES[0].id, token=BOB, wait_s=30), Reserved)
        )
        await asyncio.sleep(0)
        await ask(host, Release(host="host-1", phone=PHONES[0].id, token=ADA), Gone)
        await waited

    asyncio.run(main())


@pytest.mark.parametrize("started", [True, False])
def test_a_cancelled_job_ends(made: Made, started: bool) -> None:
    async def main() -> None:
        host = made(SteppingExecutor())
        await ask(host, submit(), Accepted)
        running = asyncio.ensure_future(host.run("j")) if started else None
        if running:
            await ask(host, Ask(job_id="j", after=0, wait_s=10), Events)
        assert (await ask(host, Done(job_id="j"), Refused)).code == "in use"
        await ask(host, Cancel(job_id="j", token="wrong"), Refused)
        assert (await ask(host, Cancel(job_id="j", token="t"), Gone)).known
        found = await everything(host)
        assert (found[-1].kind, outcomes(found)) == ("TargetFinished", [])
        if running:
            await running
        assert (await host.run("j")).ended
        assert (await ask(host, ListLeases(), Leases)).leases == ()

    asyncio.run(main())


def test_a_full_disk_ends_the_job_with_a_sentence(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        host = made()
        await ask(host, submit(), Accepted)

        def full(event: events.Event) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(host._jobs["j"].spool, "append", full)
        assert (await host.run("j")).ended
        refused = await ask(host, Ask(job_id="j", after=0, wait_s=10), Refused)
        assert refused.reason == "Host host-1 could not keep the job's events: No space left on device."

    asyncio.run(main())


def test_an_executor_with_a_defect_is_a_lost_target(made: Made) -> None:
    class Broken:
        def reserve(self, target: TargetInfo, run_id: str) -> AbstractContextManager[None]:
            return nullcontext()

        def measure(self, *_: object) -> None:
            raise RuntimeError("oh")

    async def main() -> None:
        host = made(Broken())
        await ask(host, submit(), Accepted)
        assert (await host.run("j")).ended
        assert [event.kind for event in await everything(host)] == ["TargetLost", "TargetFinished"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("Nothing", "{}", "bad question"),
        ("Submit", "{}", "bad question"),
        ("Ask", b"{}", "bad question"),
        ("Reserve", None, "bad question"),
    ],
)
def test_what_is_no_question_is_refused(made: Made, name: str, text: object, code: str) -> None:
    refused = read_answer(asyncio.run(made().answer(name, text)))
    assert isinstance(refused, Refused) and refused.code == code


def test_phones_that_are_not_here_are_refused(made: Made) -> None:
    async def main() -> None:
        host = made()
        other = PHONES[0].model_copy(update={"id": "R58M"})
        assert (await ask(host, submit(job=job(other)), Refused)).code == "unknown"
        reserve = Reserve(host="host-1", phone="R58M", token=ADA, owner="x", seconds=60)
        assert (await ask(host, reserve, Refused)).code == "unknown"

    asyncio.run(main())


def test_a_phone_that_is_attached_twice_is_leased_once(made: Made) -> None:
    first = PHONES[0]
    second = first.model_copy(update={"id": "192.0.2.7:5555", "state": f"the same phone as {first.id}"})

    async def main() -> None:
        host = made(infos=[first, second])
        reserve = {"host": "host-1", "owner": "x", "seconds": 60}
        await ask(host, Reserve(token=ADA, phone=second.id, **reserve), Reserved)  # type: ignore[arg-type]
        await ask(host, Reserve(token=BOB, phone=first.id, **reserve), Queued)  # type: ignore[arg-type]
        listed = (await ask(host, ListPhones(), Phones)).phones
        assert all(one.lease for one in listed)
        assert [one.usable for one in listed] == [True, False]

    asyncio.run(main())


def test_a_host_takes_files_in_parts_and_says_what_it_has(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    content = b"a library"
    digest = hashlib.sha256(content).hexdigest()
    whole = {"host": "host-1", "digest": digest, "total": len(content)}

    async def main() -> None:
        host = made()
        wanted = Missing(host="host-1", digests=(digest,))
        assert (await ask(host, wanted, MissingFiles)).digests == (digest,)
        first = Put(offset=0, data=base64.b64encode(content[:4]).decode(), **whole)  # type: ignore[arg-type]
        assert not (await ask(host, first, Stored)).complete
        last = Put(offset=4, data=base64.b64encode(content[4:]).decode(), **whole)  # type: ignore[arg-type]
        assert (await ask(host, last, Stored)).complete
        assert (await ask(host, wanted, MissingFiles)).digests == ()
        refused = await ask(host, Put(offset=0, data="?", **whole), Refused)  # type: ignore[arg-type]
        assert refused.code == "bad question"

    asyncio.run(main())


class LosingExecutor(SleepingExecutor):
    """Gives each phone up as one that comes and goes."""

    def __init__(self) -> None:
        super().__init__(0.001)

    def measure(self, job: JobSpec, emit: Emit, cancel: threading.Event, take_turn: TakeTurn) -> None:
        emit(events.TargetLost(target=job.target.id, reason="It was lost in 3 blocks in a row.", loss="unstable"))
        emit(events.TargetFinished(target=job.target.id))


def quarantined(host: Host) -> list[str | None]:
    return [one.quarantined for one in asyncio.run(ask(host, ListPhones(), Phones)).phones]


def test_a_phone_that_comes_and_goes_is_left_out_by_its_host(made: Made) -> None:
    host = made(LosingExecutor())

    async def lose() -> list[events.Event]:
        await ask(host, submit(), Accepted)
        await host.run("j")
        return await everything(host)

    noticed = [one for one in asyncio.run(lose()) if isinstance(one, events.TargetNoticed)]
    assert [one.target for one in noticed] == [PHONES[0].id]
    assert "leaves it out of everybody's runs" in noticed[0].words
    first, second = quarantined(made())
    assert first is not None and first.endswith("UTC: It was lost in 3 blocks in a row")
    assert second is None


def test_a_phone_is_put_in_quarantine_and_lifted_by_clients(made: Made) -> None:
    host = made()
    phone = {"host": "host-1", "phone": PHONES[1].id}

    async def main() -> tuple[Quarantined, Quarantined, Quarantined]:
        added = await ask(host, AddQuarantine(**phone, seconds=60, reason="its cable\nis loose"), Quarantined)
        assert [one.usable for one in (await ask(host, ListPhones(), Phones)).phones] == [True, False]
        lifted = await ask(host, LiftQuarantine(**phone), Quarantined)
        return added, lifted, await ask(host, LiftQuarantine(**phone), Quarantined)

    added, lifted, again = asyncio.run(main())
    assert added.words[0].endswith("UTC: its cable is loose")
    assert (lifted.words, again.words) == (added.words, ())
    assert quarantined(host) == [None, None]


@pytest.mark.parametrize(("name", "reason"), [("nobody", "lost"), (PHONES[0].id, " ")])
def test_a_quarantine_is_of_a_known_phone_and_has_a_reason(made: Made, name: str, reason: str) -> None:
    host = made()
    question = AddQuarantine(host="host-1", phone=name, seconds=60, reason=reason)
    asyncio.run(ask(host, question, Refused))
    assert quarantined(host) == [None, None]
