"""A run over a rack is as one here: nothing is lost, and nothing is measured twice."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mobilebench.core import paths
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Block, Run, TargetInfo
from mobilebench.models.manifest import FormatFile, ModelFiles
from mobilebench.rack import following, own_leases, records
from mobilebench.rack.client import RackAway
from mobilebench.rack.clocks import ClockOffset
from mobilebench.rack.discovery import RackTargets
from mobilebench.rack.executor import RackExecutor
from mobilebench.rack.messages import (
    Answer,
    Ask,
    Cancel,
    Done,
    Events,
    Missing,
    Question,
    Refused,
    Release,
    Reserve,
    Submit,
)
from mobilebench.rack.own_leases import OwnLease
from mobilebench.results.store import Store
from mobilebench.session import RunRequest, RunResult, events, resume, run
from mobilebench.session.coordinator import unmeasured
from tests.pinning import Pinned

from ..results.making import failed, phone
from ..session.fakes import Seen, World, manifest, plan, sleeping
from .double import Rack, lease, listed

ADDRESS = "tls://lab:8786"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MOBILEBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(following, "PAUSES", (0.001,) * 4)


class Client:
    """Somebody who runs over a rack, and her store."""

    def __init__(self, folder: Path, rack: Rack) -> None:
        self.rack = rack
        self.store = Store.open(folder)
        self.seen = Seen()
        self.cancel = threading.Event()
        self.on_event: events.Subscriber = lambda event: None
        self.reservations: dict[str, str] = {}
        """Id of a phone to the token of its reservation."""

    def run(self, rounds: int = 2) -> RunResult:
        targets = RackTargets(self.rack.list_phones)
        chosen = targets.discover(())
        usable = [info for info in chosen if info.state == "device"]
        return run(
            RunRequest(plan(*usable, rounds=rounds), tuple(chosen)),
            self.store,
            on_event=self._see,
            cancel=self.cancel,
            dependencies=self.rack.world.dependencies(),
            executor=self._executor(targets),
        )

    def resume(self, *, retry_failed: bool = False) -> RunResult:
        self.cancel = threading.Event()
        self.on_event = lambda event: None
        begun = self.store.load("last")
        targets = RackTargets(self.rack.list_phones)
        dependencies = self.rack.world.dependencies()
        self.rack.world.attached = []
        return resume(
            begun,
            self.store,
            on_event=self._see,
            cancel=self.cancel,
            dependencies=type(dependencies)(**{**vars(dependencies), "discover": targets.discover}),
            executor=self._executor(targets, begun.blocks),
            retry_failed=retry_failed,
        )

    def open_jobs(self) -> list[records.OpenJob]:
        return records.kept(self.store.run_folder(self.stored().info.id))

    def stored(self) -> Run:
        return self.store.load("last")

    def settle(self) -> None:
        """As `run --resume` does for targets of which nothing is left to measure."""
        run = self.stored()
        left = {block.case.target for block in unmeasured(run)}
        executor = self._executor(RackTargets(self.rack.list_phones))
        executor.settle(run.info.id, [info.id for info in run.info.targets if info.id not in left])

    def _executor(self, targets: RackTargets, stored: list[Block] | tuple[()] = ()) -> RackExecutor:
        return RackExecutor(
            self.rack,
            targets,
            self.store.run_folder,
            owner="ann@desk",
            dependencies=self.rack.world.dependencies(),
            stored=stored,
            reservation=lambda place: self.reservations.get(place.id),
            secret=b"ann's key",
            address=ADDRESS,
        )

    def _see(self, event: events.Event) -> None:
        self.seen(event)
        self.on_event(event)


def without_seconds(text: str) -> str:
    return re.sub(r"\d+ s\b", "N s", text)


def networked(serial: str = "127.0.0.1:16500", **changes: object) -> TargetInfo:
    return phone(serial, **changes)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def rack(world: World) -> Rack:
    return Rack(world, [listed(networked(), "lab-1"), listed(networked(), "lab-2"), listed(phone("R58M"), "lab-2")])


@pytest.fixture
def client(tmp_path: Path, rack: Rack) -> Client:
    return Client(tmp_path / "home", rack)


def test_a_run_is_as_one_here(client: Client, rack: Rack, world: World) -> None:
    result = client.run(rounds=3)
    ids = ["127.0.0.1:16500@lab-1", "127.0.0.1:16500@lab-2", "R58M"]
    assert result.counts["valid"] == 9
    assert [info.id for info in result.run.info.targets] == ids
    assert sorted(block.planned.case.target for block in result.run.blocks) == sorted(ids * 3)
    assert [block.planned for block in result.run.blocks] == list(result.run.planned)
    assert sorted(world.engine.measured) == list(range(9))
    assert set(world.opened) == {"127.0.0.1:16500", "R58M"}
    assert {one.target for one in client.seen.of(events.TargetFinished)} == set(ids)
    assert {one.host for one in rack.of(Submit)} == {"lab-1", "lab-2"}
    assert rack.jobs == {}
    assert rack.leases == {}
    assert client.open_jobs() == []


def test_what_was_stored_is_acknowledged_and_no_more(client: Client, rack: Rack) -> None:
    stored: list[int] = []

    def before(question: Question) -> Answer | None:
        if isinstance(question, Ask):
            lines = rack.jobs[question.job_id].lines[: question.after]
            blocks = [one for one in map(events.from_json, lines) if isinstance(one, events.BlockFinished)]
            here = {block.planned.index for block in client.stored().blocks}
            assert {one.block.planned.index for one in blocks} <= here
            stored.append(question.after)
        return None

    rack.before = before
    assert client.run().counts["valid"] == 6
    assert max(stored) > 0


def test_a_bad_connection_loses_and_doubles_nothing(client: Client, rack: Rack, world: World) -> None:
    """Each question is lost once, and then each answer."""
    lost: set[str] = set()

    def lose(when: str, question: Question) -> None:
        key = f"{when} {question.model_dump_json()}"
        if key not in lost and isinstance(question, Ask | Submit):
            lost.add(key)
            raise RackAway("The rack does not answer.")

    def before(question: Question) -> Answer | None:
        lose("question", question)
        return None

    rack.before = before
    rack.after = lambda question: lose("answer", question)
    assert client.run(rounds=3).counts["valid"] == 9
    assert sorted(world.engine.measured) == list(range(9))
    assert rack.jobs == {}


def test_a_long_absence_is_told(client: Client, rack: Rack, monkeypatch: pytest.MonkeyPatch, pinned: Pinned) -> None:
    monkeypatch.setattr(following, "TELL_AFTER_SECONDS", 0.0)
    rack.phones = rack.phones[:1]
    tries = iter(range(3))

    def before(question: Question) -> Answer | None:
        if isinstance(question, Ask) and next(tries, None) is not None:
            return Refused(code="away", reason="Host lab-1 does not answer.")
        return None

    rack.before = before
    assert client.run().counts["valid"] == 2
    pinned(without_seconds("\n".join(one.words for one in client.seen.of(events.TargetNoticed))))


def test_an_absence_without_end_ends_the_target(
    client: Client, rack: Rack, monkeypatch: pytest.MonkeyPatch, pinned: Pinned
) -> None:
    monkeypatch.setattr(following, "AWAY_SECONDS", 0.01)
    rack.phones = rack.phones[:1]
    rack.before = lambda question: (
        Refused(code="away", reason="Host lab-1 does not answer.") if isinstance(question, Ask) else None
    )
    assert client.run().counts["not measured"] == 2
    (lost,) = client.seen.of(events.TargetLost)
    pinned(without_seconds(f"{lost.reason} {lost.hint}".replace(client.stored().info.id, "RUN")))
    rack.before = lambda question: None
    assert client.resume().counts["valid"] == 2
    assert len(rack.of(Submit)) == 1


def test_a_scheduler_that_forgot_the_job_is_asked_again(client: Client, rack: Rack, world: World) -> None:
    restarted: set[str] = set()

    def before(question: Question) -> Answer | None:
        if isinstance(question, Ask) and question.after and question.job_id not in restarted:
            restarted.add(question.job_id)
            rack.forgotten.add(question.job_id)
        return None

    rack.before = before
    assert client.run(rounds=3).counts["valid"] == 9
    assert sorted(world.engine.measured) == list(range(9))
    assert len(rack.of(Submit)) == 6
    assert len({one.job_id for one in rack.of(Submit)}) == 3


def test_a_scheduler_that_lost_its_notes_finds_the_job_at_its_host(client: Client, rack: Rack, world: World) -> None:
    asked: set[str] = set()

    def before(question: Question) -> Answer | None:
        if isinstance(question, Ask) and question.after and question.job_id not in asked:
            asked.add(question.job_id)
            return Events(lines=(), next=question.after, finished=True, missing_spool=True)
        return None

    rack.before = before
    assert client.run(rounds=3).counts["valid"] == 9
    assert sorted(world.engine.measured) == list(range(9))


def test_a_lost_spool_is_measured_again_under_another_id(client: Client, rack: Rack, world: World) -> None:
    rack.phones = rack.phones[2:]
    lost: list[str] = []
    is_lost = threading.Event()
    world.engine.behave = lambda planned, cancel: None if planned.index == 0 else _wait(is_lost)

    def before(question: Question) -> Answer | None:
        if isinstance(question, Ask) and question.after and not lost:
            lost.append(question.job_id)
            del rack.jobs[question.job_id]
            is_lost.set()
            return Events(lines=(), next=question.after, finished=False, missing_spool=True)
        return None

    rack.before = before
    result = client.run(rounds=3)
    assert result.counts["valid"] == 3
    assert len(result.run.blocks) == 3
    first, again, second = (one.job_id for one in rack.of(Submit))
    assert first == again != second
    assert [one.job_id for one in rack.of(Cancel)] == [first]
    assert rack.gone == [first, second]
    assert rack.jobs == {}


def _wait(until: threading.Event) -> None:
    until.wait()


class Killed(BaseException):
    """Ends a client as a signal would."""


def test_what_hosts_measured_after_the_client_was_killed_is_collected(
    client: Client, rack: Rack, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rack.phones = rack.phones[2:]

    def kill(event: events.Event) -> None:
        if isinstance(event, events.BlockFinished):
            rack.before = lambda question: Refused(code="away", reason="It was killed.")
            raise Killed

    client.on_event = kill
    with pytest.raises(Killed):
        client.run(rounds=4)
    assert len(client.stored().blocks) == 1
    assert len(client.open_jobs()) == 1
    rack.before = lambda question: None
    (job,) = rack.jobs.values()
    with rack.changed:
        rack.changed.wait_for(lambda: job.finished)
    result = client.resume()
    assert result.counts["valid"] == 4
    assert world.engine.measured == [0, 1, 2, 3]
    assert [one.token for one in rack.of(Reserve)] == [job.submit.lease] * 2
    assert client.open_jobs() == []


def test_ctrl_c_cancels_the_jobs_and_resume_goes_on(client: Client, rack: Rack, world: World) -> None:
    rack.phones = rack.phones[2:]
    endless = sleeping(600)
    world.engine.behave = lambda planned, cancel: endless(planned, cancel) if planned.index else None

    def stop(event: events.Event) -> None:
        if isinstance(event, events.BlockFinished):
            client.cancel.set()

    client.on_event = stop
    result = client.run(rounds=4)
    assert result.exit_code == 130
    assert rack.of(Cancel)
    assert rack.of(Release)
    assert not rack.of(Done)
    world.engine.behave = sleeping(0)
    result = client.resume()
    assert result.counts["valid"] == 4
    assert [block.planned.index for block in result.run.blocks] == [0, 1, 2, 3]
    assert client.open_jobs() == []


def test_an_old_failure_is_not_a_new_attempt(client: Client, rack: Rack, world: World) -> None:
    """The spool of a job that was not forgotten still has the failed block that the run has."""
    rack.phones = rack.phones[2:]
    client.run()
    run_id, (first, second) = client.stored().info.id, client.stored().blocks
    (submit,) = rack.of(Submit)
    old = failed(submit.job.blocks[0]).model_copy(update={"started_at": first.started_at})
    lines = [events.BlockFinished(target="R58M", block=old), events.TargetFinished(target="R58M")]
    rack._submit(submit)
    job = rack.jobs[submit.job_id]
    with rack.changed:
        rack.changed.wait_for(lambda: job.finished)
    job.lines = [events.to_json(one) for one in lines]
    records.keep(client.store.run_folder(run_id), records.OpenJob(target="R58M", submit=submit))
    fresh = failed(first.planned).model_copy(update={"started_at": first.started_at})
    client.store.append(run_id, fresh, instead_of=first)
    result = client.resume(retry_failed=True)
    assert result.counts["valid"] == 2
    assert result.run.blocks[1] == second


def test_a_phone_in_use_is_skipped(client: Client, rack: Rack, pinned: Pinned) -> None:
    rack.leases["lab-2", "R58M"] = lease("bob")
    assert client.run().counts["valid"] == 4
    (skipped,) = client.seen.of(events.TargetSkipped)
    pinned(f"{skipped.target}: {skipped.reason} {skipped.hint}")


def test_phones_are_reserved_at_the_same_time_and_told_in_their_order(client: Client, rack: Rack) -> None:
    rack.phones = [listed(phone(f"R{number}"), "lab-1") for number in range(4)]
    rack.leases = {("lab-1", serial): lease("bob") for serial in ("R0", "R2")}
    together = threading.Barrier(4)

    def meet(question: Question) -> Answer | None:
        if isinstance(question, Reserve):
            together.wait(60)
        return None

    rack.before = meet
    assert client.run().counts["valid"] == 4
    assert [one.target for one in client.seen.of(events.TargetSkipped)] == ["R0", "R2"]
    assert [info.id for info in client.stored().info.targets] == ["R0", "R1", "R2", "R3"]


def left_by_a_killed_run(rack: Rack) -> str:
    """The token of a lease whose process has ended."""
    token = "d" * 32
    lease = OwnLease(rack=ADDRESS, host="lab-2", phone="R58M", token=token, run_id="20261130-120000-abcd")
    with own_leases.noted(lease):
        pass
    rack.leases["lab-2", "R58M"] = token
    return token


def test_what_a_killed_run_of_this_computer_leased_is_given_back(client: Client, rack: Rack, pinned: Pinned) -> None:
    rack.phones = rack.phones[2:]
    left_by_a_killed_run(rack)
    assert client.run().counts["valid"] == 2
    assert rack.leases == {}
    (noticed,) = client.seen.of(events.TargetNoticed)
    pinned(noticed.words)
    assert list((paths.home() / "rack" / "leases").iterdir()) == []


def test_a_job_that_a_killed_run_left_keeps_its_phone(client: Client, rack: Rack, pinned: Pinned) -> None:
    rack.phones = rack.phones[2:]
    token = left_by_a_killed_run(rack)
    rack.before = lambda question: (
        Refused(code="in use", reason="Its job has not ended.") if isinstance(question, Release) else None
    )
    with pytest.raises(BadInput) as error:
        client.run()
    pinned(error.value.text_with_hint)
    assert rack.leases == {("lab-2", "R58M"): token}


def test_the_lease_of_a_run_that_goes_on_is_left_alone(client: Client, rack: Rack) -> None:
    rack.phones = rack.phones[2:]
    token = "d" * 32
    rack.leases["lab-2", "R58M"] = token
    lease = OwnLease(rack=ADDRESS, host="lab-2", phone="R58M", token=token, run_id="20261130-120000-abcd")
    with own_leases.noted(lease), pytest.raises(BadInput, match="cannot be reserved"):
        client.run()
    assert rack.of(Release) == []
    assert rack.leases == {("lab-2", "R58M"): token}


def test_a_lease_whose_answer_is_lost_is_given_back(client: Client, rack: Rack) -> None:
    def lose(question: Question) -> None:
        if isinstance(question, Reserve):
            raise RackAway("The rack does not answer.")

    rack.after = lose
    with pytest.raises(RackAway):
        client.run()
    assert rack.of(Reserve)
    assert rack.leases == {}


def test_a_reservation_of_a_person_is_used_and_stays(client: Client, rack: Rack) -> None:
    rack.phones = rack.phones[2:]
    rack.leases["lab-2", "R58M"] = token = "e" * 32
    client.reservations["R58M"] = token
    assert client.run().counts["valid"] == 2
    assert [one.lease for one in rack.of(Submit)] == [token]
    assert rack.leases == {("lab-2", "R58M"): token}


def test_a_host_that_takes_no_files_makes_them_itself(client: Client, rack: Rack, world: World, tmp_path: Path) -> None:
    entry = FormatFile(path="m.onnx", sha256="3" * 64, bytes=1, inputs={}, outputs={})
    world.engine.format = "onnx"
    world.models["m"] = ModelFiles(tmp_path, manifest().model_copy(update={"formats": {"onnx": entry}}))
    rack.phones = rack.phones[2:]
    rack.before = lambda question: (
        Refused(reason="Host lab-2 takes no files.") if isinstance(question, Missing) else None
    )
    assert client.run().counts["valid"] == 2
    assert [one.digests for one in rack.of(Submit)] == [()]
    assert [one.words.partition(";")[0] for one in client.seen.of(events.TargetNoticed)] == [
        "Host lab-2 takes no files"
    ]


def test_a_host_that_has_not_ended_yet_is_told_again(client: Client, rack: Rack) -> None:
    rack.phones = rack.phones[2:]
    busy = iter([Refused(code="in use", reason="It has not ended.")])
    rack.before = lambda question: next(busy, None) if isinstance(question, Done) else None
    assert client.run().counts["valid"] == 2
    assert len(rack.of(Done)) == 2
    assert rack.jobs == {}


def test_a_phone_is_given_back_though_the_connection_was_lost_meanwhile(client: Client, rack: Rack) -> None:
    lost: dict[type[Question], Iterator[Answer]] = {
        kind: iter([Refused(code="away", reason="x")]) for kind in (Release, Done)
    }
    rack.before = lambda question: next(lost.get(type(question), iter(())), None)
    assert client.run().counts["valid"] == 6
    assert rack.leases == {}
    assert rack.jobs == {}


@pytest.mark.parametrize("forgot_notes", [False, True])
def test_what_a_killed_client_did_not_give_back_is_given_back(client: Client, rack: Rack, forgot_notes: bool) -> None:
    """The client is killed after the last block of one phone, when every phone has its job."""
    last = rack.phones[2].target.id
    all_are_submitted = threading.Event()

    def before(question: Question) -> Answer | None:
        if isinstance(question, Submit) and len(rack.of(Submit)) == 3:
            all_are_submitted.set()
        if isinstance(question, Ask):
            assert all_are_submitted.wait(60)
        return None

    rack.before = before

    def kill(event: events.Event) -> None:
        finished = [one.block.planned.case.target for one in client.seen.of(events.BlockFinished)]
        if finished.count(last) == 2:
            rack.before = lambda question: Refused(code="away", reason="It was killed.")
            raise Killed

    client.on_event = kill
    with pytest.raises(Killed):
        client.run()
    rack.before = lambda question: None
    assert ("lab-2", last) in rack.leases
    done = [one for one in client.open_jobs() if one.target == last]
    if forgot_notes:
        records.forget(client.store.run_folder(client.stored().info.id), done[0])
    client.settle()
    assert ("lab-2", last) not in rack.leases
    assert last not in {one.target for one in client.open_jobs()}
    assert {one.target for one in client.open_jobs()} == {block.case.target for block in unmeasured(client.stored())}


def test_a_host_that_could_not_be_told_of_the_end_is_told_when_the_run_ends(client: Client, rack: Rack) -> None:
    rack.phones = rack.phones[2:]
    away = iter([Refused(code="away", reason="x")] * following._TRIES_AT_END)
    rack.before = lambda question: next(away, None) if isinstance(question, Done) else None
    assert client.run().counts["valid"] == 2
    assert len(rack.of(Done)) == following._TRIES_AT_END + 1
    assert rack.jobs == {}
    assert client.open_jobs() == []


def test_a_job_that_ended_is_never_submitted_again(client: Client, rack: Rack, world: World) -> None:
    """Its host has forgotten it, and the client, which did not hear of that, goes on with the run."""
    rack.phones = rack.phones[2:]

    def lose(question: Question) -> None:
        if isinstance(question, Done):
            raise RackAway("The rack does not answer.")

    rack.after = lose
    client.run()
    (note,) = client.open_jobs()
    assert note.ended
    rack.after = lambda question: None
    first = client.stored().blocks[0]
    fresh = failed(first.planned).model_copy(update={"started_at": first.started_at})
    client.store.append(client.stored().info.id, fresh, instead_of=first)
    assert client.resume(retry_failed=True).counts["valid"] == 2
    assert world.engine.measured == [0, 1, 0]
    assert [one.job_id for one in rack.of(Submit)].count(note.submit.job_id) == 1
    assert client.open_jobs() == []


def test_a_host_may_refuse_a_job(client: Client, rack: Rack, pinned: Pinned) -> None:
    refusal = Refused(code="version", reason="Host lab-2 has mobilebench 0.9.", hint="Upgrade it.")
    rack.before = lambda question: (
        refusal
        if isinstance(question, Submit) and question.host == "lab-2" and question.job.target.id == "R58M"
        else None
    )
    assert client.run().counts["valid"] == 4
    (lost,) = client.seen.of(events.TargetLost)
    pinned(f"{lost.target}: {lost.reason} {lost.hint}".replace(client.stored().info.id, "RUN"))


def test_a_host_says_nothing_of_other_blocks(client: Client, rack: Rack) -> None:
    """A host cannot end the run, begin another one, or give results for what was not asked of it."""
    rack.phones = rack.phones[2:]
    strange = failed(plan(phone("R58M"), rounds=9).blocks[8])
    bad = [
        events.BlockFinished(target="other", block=strange),
        events.BlockStarted(target="other", planned=strange.planned),
        events.RunFinished(run_id="x", status="finished", counts={}),
        events.TargetNoticed(target="other", words="hello"),
    ]
    said = [events.to_json(one) for one in bad]

    def after(question: Question) -> None:
        if isinstance(question, Submit):
            with rack.changed:
                rack.jobs[question.job_id].lines[:0] = said

    rack.after = after
    result = client.run()
    assert result.counts["valid"] == 2
    assert [one.target for one in client.seen.of(events.TargetNoticed)] == ["R58M"]
    assert len(client.seen.of(events.RunFinished)) == 1


def test_something_that_is_no_event_ends_the_target(client: Client, rack: Rack, pinned: Pinned) -> None:
    rack.phones = rack.phones[2:]
    rack.before = lambda question: Events(lines=("{}",), next=1, finished=False) if isinstance(question, Ask) else None
    assert client.run().counts["not measured"] == 2
    (lost,) = client.seen.of(events.TargetLost)
    pinned(lost.reason)


def test_no_phone_no_run(client: Client, rack: Rack) -> None:
    rack.leases |= {(one.host, one.target.id): lease("bob") for one in rack.phones}
    with pytest.raises(BadInput, match="in use by bob"):
        client.run()


def test_a_run_says_and_stores_that_the_clock_of_a_host_is_wrong(client: Client, rack: Rack) -> None:
    clock = ClockOffset(ahead_s=-86_400.0, within_s=0.1)
    rack.phones[2] = rack.phones[2].model_copy(update={"clock": clock})
    assert client.run().counts["valid"] == 6
    (noticed,) = client.seen.of(events.TargetNoticed)
    assert (noticed.target, "the clock of its host lab-2 is 1 d 0 h behind" in noticed.words) == ("R58M", True)
    stored = [one for one in client.store.stored_events(client.stored().info.id) if one.kind == "TargetNoticed"]
    assert [one.target for one in stored] == ["R58M"]


def test_a_phone_that_comes_and_goes_is_left_to_the_quarantine_of_its_host(client: Client, rack: Rack) -> None:
    lost = events.TargetLost(target="R58M", reason="It was lost in 3 blocks in a row.", loss="unstable")
    finished = events.TargetFinished(target="R58M")

    def before(question: Question) -> Answer | None:
        if isinstance(question, Ask) and rack.jobs[question.job_id].submit.job.target.id == "R58M":
            return Events(lines=(events.to_json(lost), events.to_json(finished)), next=2, finished=True)
        return None

    rack.before = before
    client.run()
    assert [one.loss for one in client.seen.of(events.TargetLost)] == ["unstable"]
    assert client.store.quarantines() == []
