"""A rack within the process, for tests of what a client does: hosts measure in threads, with the fakes of sessions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from mobilebench.core.records import TargetInfo
from mobilebench.rack import artefacts
from mobilebench.rack.client import RackAway, RackRefused
from mobilebench.rack.clocks import ClockOffset
from mobilebench.rack.messages import (
    Accepted,
    Answer,
    Ask,
    Cancel,
    Done,
    Events,
    Examination,
    Examine,
    ExaminedPhone,
    Gone,
    LeaseInfo,
    ListPhones,
    Missing,
    Phones,
    Put,
    Question,
    RackPhoneInfo,
    Refused,
    Release,
    Renew,
    Reserve,
    Reserved,
    Submit,
    phone_key,
)
from mobilebench.session import events
from mobilebench.session.worker import measure_job

from ..session.fakes import World

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)


def listed(info: TargetInfo, host: str = "lab-1", **more: Any) -> RackPhoneInfo:
    return RackPhoneInfo(
        target=info, key=phone_key(info), host=host, worker=f"tls://{host}:1", **{"seen_at": NOW, **more}
    )


@dataclass
class Job:
    """A job on a host, and its spool."""

    submit: Submit
    lines: list[str] = field(default_factory=list)
    cancel: threading.Event = field(default_factory=threading.Event)
    finished: bool = False


class Rack:
    """Hosts, their scheduler, and its client in one."""

    def __init__(self, world: World, phones: Sequence[RackPhoneInfo]) -> None:
        self.world = world
        self.phones = list(phones)
        self.clock: ClockOffset | None = None
        self.jobs: dict[str, Job] = {}
        self.forgotten: set[str] = set()
        """Jobs that the scheduler does not know any more."""
        self.gone: list[str] = []
        """Jobs whose spool was removed."""
        self.leases: dict[tuple[str, str], LeaseInfo | str] = {}
        """Host and serial to the token of the lease, or to a lease of somebody else."""
        self.asked: list[Question] = []
        self.most_lines = 3
        """Events in one answer."""
        self.before: Callable[[Question], Answer | None] = lambda question: None
        """Called with each question; may answer it, or raise."""
        self.after: Callable[[Question], None] = lambda question: None
        """Called when a question was carried out, before it is answered; may raise."""
        self.changed = threading.Condition()

    def another(self) -> Rack:
        return self

    def close(self) -> None:
        pass

    def ask(self, question: Question, kind: type[Any]) -> Any:
        answer = self.ask_any(question)
        assert isinstance(answer, kind)
        return answer

    def ask_any(self, question: Question) -> Answer:
        self.asked.append(question)
        answer = self.before(question) or self._answer(question)
        self.after(question)
        if isinstance(answer, Refused):
            raise RackAway(answer.reason) if answer.code == "away" else RackRefused(answer)
        return answer

    def of(self, kind: type[Any]) -> list[Any]:
        """The questions of this kind that were asked."""
        return [one for one in self.asked if isinstance(one, kind)]

    def list_phones(self) -> tuple[RackPhoneInfo, ...]:
        return self.ask(ListPhones(), Phones).phones  # type: ignore[no-any-return]

    def _answer(self, question: Question) -> Answer:
        match question:
            case ListPhones():
                return Phones(phones=tuple(self.phones))
            case Examine():
                return Examination(
                    phones=tuple(ExaminedPhone(phone=one, state="device", results=()) for one in question.phones)
                )
            case Reserve():
                return self._reserve(question)
            case Renew():
                return Reserved(lease=lease())
            case Release():
                known = self.leases.get((question.host, question.phone)) == question.token
                if known:
                    del self.leases[question.host, question.phone]
                return Gone(known=known)
            case Submit():
                return self._submit(question)
            case Ask():
                return self._events(question)
            case Cancel():
                job = self.jobs[question.job_id]
                if question.token == job.submit.job.cancel_token:
                    job.cancel.set()
                return Gone(known=True)
            case Done():
                self.gone.append(question.job_id)
                return Gone(known=self.jobs.pop(question.job_id, None) is not None)
            case Missing():
                return artefacts.missing(question)
            case Put():
                return artefacts.put(question)
            case _:
                raise AssertionError(question)

    def _reserve(self, question: Reserve) -> Answer:
        has = self.leases.setdefault((question.host, question.phone), question.token)
        if isinstance(has, LeaseInfo):
            return Refused(code="in use", reason=f"{question.phone} is in use by {has.owner}.")
        return Reserved(lease=lease(question.owner)) if has == question.token else Refused(code="in use", reason="x")

    def _submit(self, question: Submit) -> Answer:
        self.forgotten.discard(question.job_id)
        if question.job_id in self.jobs:
            assert self.jobs[question.job_id].submit == question
            return Accepted(job_id=question.job_id, attached=True)
        self.jobs[question.job_id] = job = Job(question)
        threading.Thread(target=self._measure, args=(job,), daemon=True).start()
        return Accepted(job_id=question.job_id, attached=False)

    def _events(self, question: Ask) -> Answer:
        job = self.jobs.get(question.job_id)
        if job is None or question.job_id in self.forgotten:
            return Refused(code="unknown", reason="There is no such job.")
        with self.changed:
            self.changed.wait_for(lambda: len(job.lines) > question.after, question.wait_s)
            reached = min(question.after + self.most_lines, len(job.lines))
            lines = tuple(job.lines[question.after : reached])
            return Events(lines=lines, next=reached, finished=job.finished and reached == len(job.lines))

    def _measure(self, job: Job) -> None:
        def emit(event: events.Event) -> None:
            with self.changed:
                job.lines.append(events.to_json(event))
                job.finished = isinstance(event, events.TargetFinished)
                self.changed.notify_all()

        spec = job.submit.job
        dependencies = self.world.dependencies()
        measure_job(
            spec, emit, job.cancel, lambda info, cancel: dependencies.machine_turn("m", cancel), dependencies, None
        )


def lease(owner: str = "ann") -> LeaseInfo:
    return LeaseInfo(owner=owner, purpose="x", since=NOW, until=NOW + timedelta(minutes=5), left_s=300)
