"""One host of a rack: its phones, their leases, and its jobs. It knows nothing of Dask, and outlives every connection.

A job runs in a thread of its own, which reads from the process that measures. Its events go into its spool. A job that
was not finished when the worker ended is known again when it starts, and measures the blocks that have no outcome yet.
"""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from mobilebench.core import atomic_files
from mobilebench.core.errors import BadInput, MobilebenchError
from mobilebench.core.records import Quarantine, TargetInfo
from mobilebench.rack import artefacts
from mobilebench.rack import leases as leasing
from mobilebench.rack.changes import Changes
from mobilebench.rack.examining import Doctor, examined_phone
from mobilebench.rack.host_messages import HOST_OPERATIONS, AskReady, Readiness
from mobilebench.rack.leases import Leases, Place
from mobilebench.rack.messages import (
    Accepted,
    AddQuarantine,
    Answer,
    Ask,
    Cancel,
    Done,
    Events,
    Examination,
    Examine,
    Gone,
    LiftQuarantine,
    ListLeases,
    ListPhones,
    Missing,
    PhoneLease,
    PhoneQuestion,
    Phones,
    Put,
    Quarantined,
    Question,
    Queued,
    RackPhoneInfo,
    Refused,
    Release,
    Renew,
    Reserve,
    Reserved,
    Submit,
    Wait,
    phone_key,
    read_question,
    to_text,
)
from mobilebench.rack.messages import (
    Leases as LeaseList,
)
from mobilebench.rack.phones import Offered
from mobilebench.rack.quarantines import Quarantines
from mobilebench.rack.spool import KEEP_DAYS, Spool, Spools
from mobilebench.session import events
from mobilebench.session.coordinator import QUARANTINE
from mobilebench.session.executors import Executor, HostExclusion
from mobilebench.targets.android.identity import SAME_PHONE
from mobilebench.targets.android.states import ABSENT
from mobilebench.targets.rack import Rack

_logger = logging.getLogger(__name__)

_OWN_SECONDS = leasing.USE_S
_TICK_S = 30.0
_PUT_BACK_S = 20.0
"""Seconds to wait for the end of a job's process after its last event."""
_SHOWN = "`mobilebench rack list` shows the phones of the rack."


class PhoneSource(Protocol):
    """Where a host's phones come from; `AttachedPhones` or `FixedPhones`."""

    def current(self) -> dict[str, Offered]: ...
    def entries(self) -> Rack: ...
    def wait_restored(self, serial: str, cancel: threading.Event) -> None: ...
    def start(self, changed: Callable[[], None]) -> None: ...
    def stop(self) -> None: ...


class Job:
    """A job of this host, from its submission until its client has all events."""

    def __init__(self, submit: Submit, spool: Spool) -> None:
        self.submit = submit
        self.spool = spool
        self.changes = Changes()
        self.cancel = threading.Event()
        self.thread: threading.Thread | None = None
        self.problem: str | None = None
        """Why its events could not be kept."""

    @property
    def serial(self) -> str:
        return self.submit.job.target.id

    @property
    def ended(self) -> bool:
        return self.spool.finished or self.problem is not None


class Host:
    """Answers what a scheduler asks of one host.

    Args:
        name: the host's name in the rack.
        folder: where leases and spools are.
        phones: the phones that it offers.
        executor: measures jobs.
        quarantines: the phones that are left out; None: there are none, and none can be.
        doctor: examines phones; None: they have no doctor.
        changed: called from any thread when a phone appeared or vanished.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        phones: PhoneSource,
        executor: Executor,
        quarantines: Quarantines | None = None,
        changed: Callable[[], None] = lambda: None,
        doctor: Doctor | None = None,
    ) -> None:
        self.name = name
        self.address = ""
        """Where the scheduler reaches it now."""
        folder.mkdir(parents=True, exist_ok=True)
        self.home_id = _home_id(folder)
        self._phones = phones
        self._executor = executor
        self._exclusion = HostExclusion()
        self._quarantines = quarantines
        self._doctor = doctor
        self._guard = threading.RLock()
        self._closing = threading.Event()
        self._lease_changes = Changes()
        self._leases = Leases(folder / "leases.json", self._lease_changes.tell)
        self._spools = Spools(folder / "spool")
        self._jobs: dict[str, Job] = {}
        for job_id, spool in self._spools.open_all():
            try:
                self._jobs[job_id] = Job(spool.submit(), spool)
            except (OSError, ValueError) as error:
                _logger.warning("The spool of job %s cannot be read: %s", job_id, error)
                spool.close()
        self._leases.keep_jobs({job_id for job_id, job in self._jobs.items() if not job.ended})
        self._ticking = threading.Thread(target=self._tick, name="leases of the rack", daemon=True)
        self._ticking.start()
        phones.start(changed)
        with suppress(MobilebenchError):
            self._list_phones()  # it loads modules for seconds, and the scheduler waits for a list for only a few

    def serials(self) -> list[str]:
        """The phones that may be given to jobs, present or not."""
        return sorted({*self._phones.current(), *(job.serial for job in self._jobs.values())})

    async def answer(self, name: str, text: object) -> str:
        """The JSON answer to a question in JSON; everything that goes wrong is a `Refused`."""
        try:
            kind = HOST_OPERATIONS.get(name)
            if kind is None:
                raise BadInput(f"A host has no operation “{name[:60]}”.")
            return to_text(await self._answer(read_question(kind, text)))
        except BadInput as error:
            return to_text(Refused(code="bad question", reason=error.message, hint=error.hint))
        except MobilebenchError as error:
            return to_text(Refused(reason=error.message, hint=error.hint))
        except OSError as error:
            _logger.exception("A question could not be answered.")
            return to_text(Refused(reason=f"Host {self.name} could not do it: {error.strerror or error}."))

    def close(self) -> None:
        """End every job after putting its phone back; they stay unfinished, so that they can go on later."""
        self._closing.set()
        for job in self._jobs.values():
            job.cancel.set()
        for job in [*self._jobs.values()]:
            if (thread := job.thread) is not None:
                thread.join()
            job.spool.close()
        self._ticking.join()
        self._phones.stop()

    async def run(self, job_id: str) -> Readiness:
        """Run a job, or attach to the run of it; returns when it ended, or when it has to wait for its phone."""
        job = self._jobs.get(job_id)
        if job is None:
            return Readiness(phone="gone", ready=False, ended=True)
        if not await asyncio.to_thread(self._start, job):
            return self._readiness(job)
        await job.changes.wait_until(lambda: not _is_alive(job), math.inf)
        return self._readiness(job)

    async def _answer(self, question: Question) -> Answer:
        match question:
            case ListPhones():
                return await asyncio.to_thread(self._list_phones)
            case ListLeases():
                return await asyncio.to_thread(self._list_leases)
            case Examine():
                return await asyncio.to_thread(self._examine, question)
            case Submit():
                return await asyncio.to_thread(self._submit, question)
            case AskReady():
                return await self._ask_ready(question)
            case Ask():
                return await self._events(question)
            case Cancel():
                return await asyncio.to_thread(self._cancel, question)
            case Done():
                return await self._done(question)
            case PhoneQuestion():
                return await self._about_phone(question)
            case Missing():
                return await asyncio.to_thread(artefacts.missing, question)
            case Put():
                return await asyncio.to_thread(artefacts.put, question)
        raise BadInput(f"A host has no operation {type(question).__name__}.")

    # Phones and leases

    def _list_phones(self) -> Phones:
        entries = self._phones.entries()
        quarantines = self._quarantines.in_force() if self._quarantines else ()
        current = self._phones.current()
        shown = {serial: one for serial, one in current.items() if one.present or self._leases.info(serial)}
        phones = tuple(self._describe(one, entries, quarantines) for one in shown.values())
        return Phones(phones=phones, now=datetime.now(UTC))

    def _describe(self, offered: Offered, entries: Rack, quarantines: Sequence[Quarantine]) -> RackPhoneInfo:
        from mobilebench.results import quarantine

        info = offered.target
        entry = entries.entry(info)
        serial = self._same_phone(info.id)
        kept_out = quarantine.of(info, quarantines)
        return RackPhoneInfo(
            target=info,
            key=phone_key(info),
            host=self.name,
            worker=self.address,
            labels=entry.labels if entry else (),
            group=entry.group if entry else None,
            name=entry.name if entry else None,
            lease=self._leases.info(serial),
            queue=self._leases.queue(serial),
            quarantined=kept_out.describe() if kept_out else None,
            present=offered.present,
            seen_at=datetime.now(UTC) if offered.present else offered.seen_at,
        )

    def _examine(self, question: Examine) -> Examination | Refused:
        if self._doctor is None:
            return Refused(reason=f"Host {self.name} has simulated phones, which no doctor examines.")
        current = self._phones.current()
        chosen = []
        for serial in dict.fromkeys(question.phones):
            if (one := current.get(serial)) is not None and self._may_examine(serial, question.leases.get(serial)):
                state = one.target.state if one.present else ABSENT
                chosen.append(one.target.model_copy(update={"state": state}))
        return Examination(phones=tuple(map(examined_phone, self._doctor(chosen))))

    def _may_examine(self, serial: str, token: str | None) -> bool:
        """Whether nobody has a phone, or the lease has this token and no job uses it."""
        phone = self._same_phone(serial)
        lease = self._leases.info(phone)
        if lease is None:
            return True
        return lease.job_id is None and token is not None and isinstance(self._leases.look(phone, token), Reserved)

    def _put_in_quarantine(self, question: AddQuarantine | LiftQuarantine) -> Quarantined | Refused:
        if refused := self._refuse_never_seen(question.phone):
            return refused
        if self._quarantines is None:
            return Refused(reason=f"Host {self.name} keeps no quarantines.")
        target = self._phones.current()[question.phone].target
        if isinstance(question, AddQuarantine):
            found = [self._quarantines.add(target, question.seconds, question.reason)]
        else:
            found = self._quarantines.lift(target)
        return Quarantined(words=tuple(one.describe() for one in found))

    def _list_leases(self) -> LeaseList:
        found = ((phone, self._leases.info(phone)) for phone in self._leases.phones())
        return LeaseList(
            leases=tuple(
                PhoneLease(host=self.name, phone=phone, lease=lease, queue=self._leases.queue(phone))
                for phone, lease in found
                if lease
            )
        )

    async def _about_phone(self, question: PhoneQuestion) -> Answer:
        phone = self._same_phone(question.phone)
        match question:
            case Reserve():
                refused = self._refuse_unknown(question.phone)
                if refused is not None:
                    return refused
                place = Place(
                    token=question.token,
                    owner=question.owner,
                    purpose=question.purpose,
                    since=datetime.now(UTC),
                    seconds=question.seconds,
                )
                return await asyncio.to_thread(self._leases.reserve, phone, place, queue=question.queue)
            case Wait():
                return await self._wait(phone, question)
            case AddQuarantine() | LiftQuarantine():
                return await asyncio.to_thread(self._put_in_quarantine, question)
            case Renew():
                return await asyncio.to_thread(self._leases.renew, phone, question.token, question.seconds)
            case Release():
                return await asyncio.to_thread(self._release, phone, question.token)
        raise BadInput(f"A host has no operation {type(question).__name__}.")

    def _release(self, phone: str, token: str) -> Gone | Refused:
        """Give a lease back, unless a job goes on under it. One that was cancelled keeps it until it has ended."""
        with self._guard:
            going_on = (
                job_id
                for job_id, job in self._jobs.items()
                if job.submit.lease == token and not job.ended and not job.cancel.is_set()
            )
            job_id = next(going_on, None)
            if job_id is not None and isinstance(self._leases.look(phone, token), Reserved):
                return Refused(
                    code="in use",
                    reason=f"Phone {phone} is {self._leases.words(phone)}, and its job {job_id} has not ended.",
                    hint="Stop the run that measures there (Ctrl-C), or wait for its end.",
                )
            return Gone(known=self._leases.release(phone, token))

    async def _wait(self, phone: str, question: Wait) -> Answer:
        answer = await asyncio.to_thread(self._leases.look, phone, question.token)
        if isinstance(answer, Queued):
            seconds = min(question.wait_s, answer.lease.left_s + 0.05)
            before = answer.position
            await self._lease_changes.wait_until(
                lambda: (
                    not isinstance(now := self._leases.look(phone, question.token), Queued) or now.position != before
                ),
                seconds,
            )
            answer = await asyncio.to_thread(self._leases.look, phone, question.token)
        return answer

    def _same_phone(self, serial: str) -> str:
        """The serial under which this phone is leased: where it is attached twice, the first one."""
        offered = self._phones.current().get(serial)
        if offered is not None and offered.target.state.startswith(SAME_PHONE):
            return offered.target.state.removeprefix(SAME_PHONE)
        return serial

    def _refuse_never_seen(self, serial: str) -> Refused | None:
        if serial in self._phones.current():
            return None
        return Refused(code="unknown", reason=f"Host {self.name} has no phone {serial}.", hint=_SHOWN)

    def _refuse_unknown(self, serial: str) -> Refused | None:
        refused = self._refuse_never_seen(serial)
        if refused is None and not self._phones.current()[serial].present:
            return Refused(code="away", reason=f"Phone {serial} of host {self.name} is not attached now.", hint=_SHOWN)
        return refused

    def _tick(self) -> None:
        while not self._closing.wait(_TICK_S):
            try:
                self._leases.tick()
                self._remove_old()
            except OSError:
                _logger.exception("Leases or spools could not be written.")

    def _remove_old(self) -> None:
        """Forget ended jobs whose events nobody took for a long time."""
        with self._guard:
            for job_id, job in [*self._jobs.items()]:
                if job.ended and not _is_alive(job) and job.spool.age_s > KEEP_DAYS * 86400:
                    del self._jobs[job_id]
                    job.spool.remove()

    # Jobs

    def _submit(self, submit: Submit) -> Accepted | Refused:
        with self._guard:
            known = self._jobs.get(submit.job_id)
            if known is not None:
                if known.submit.job != submit.job:
                    return Refused(
                        code="in use", reason=f"There is another job {submit.job_id} on host {self.name} already."
                    )
                if not known.ended and submit.lease != known.submit.lease:
                    known.submit = submit
                self._demand(known)
                return Accepted(job_id=submit.job_id, attached=True)
            target = submit.job.target
            refused = (
                self._refuse_never_seen(target.id) or self._refuse_other(target) or self._refuse_without_files(submit)
            )
            if refused is not None:
                return refused
            job = Job(submit, self._spools.create(submit))
            self._jobs[submit.job_id] = job
            self._demand(job)
            return Accepted(job_id=submit.job_id, attached=False)

    def _refuse_without_files(self, submit: Submit) -> Refused | None:
        """Refuse a job whose files have to be here, and are not."""
        lacking = artefacts.missing(Missing(host=self.name, digests=submit.digests)).digests
        if not lacking:
            return None
        number = f"{len(lacking)} file{'' if len(lacking) == 1 else 's'}"
        return Refused(reason=f"Host {self.name} lacks {number} of this job.", hint="Begin the run again.")

    def _refuse_other(self, target: TargetInfo) -> Refused | None:
        """Refuse a job for a phone that is no longer the one it was made for. One that is away is waited for when the
        job runs, for as long as the job says."""
        here = self._phones.current()[target.id].target
        mine, theirs = (one.facts.get("ro.serialno") for one in (here, target))
        if mine and theirs and mine != theirs:
            return Refused(
                code="unknown",
                reason=f"Another phone has the serial {target.id} on host {self.name} now.",
                hint=_SHOWN,
            )
        return None

    def _demand(self, job: Job) -> None:
        """Take the phone for a job that names no lease, or a place in its queue."""
        if job.ended or job.submit.lease is not None or self._token(job) is not None:
            return
        self._leases.reserve(
            self._same_phone(job.serial),
            Place(
                token=secrets.token_hex(16),
                owner=job.submit.owner,
                purpose=f"job {job.submit.job_id}",
                since=datetime.now(UTC),
                seconds=_OWN_SECONDS,
                job_id=job.submit.job_id,
                own=True,
            ),
        )

    def _token(self, job: Job) -> str | None:
        return job.submit.lease or self._leases.token_of(self._same_phone(job.serial), job.submit.job_id)

    def _has_phone(self, job: Job) -> bool:
        token = self._token(job)
        return token is not None and self._leases.may_use(self._same_phone(job.serial), token, job.submit.job_id)

    def _readiness(self, job: Job) -> Readiness:
        ready = _is_alive(job) or (not job.ended and self._has_phone(job))
        return Readiness(phone=job.serial, ready=ready, ended=job.ended or (job.cancel.is_set() and not _is_alive(job)))

    async def _ask_ready(self, question: AskReady) -> Readiness | Refused:
        job = self._jobs.get(question.job_id)
        if job is None:
            return Refused(code="unknown", reason=f"Host {self.name} has no job {question.job_id}.")
        await asyncio.to_thread(self._demand, job)
        lease = self._leases.info(self._same_phone(job.serial))
        seconds = min(question.wait_s, lease.left_s + 0.05 if lease else question.wait_s)

        def decided() -> bool:
            return (now := self._readiness(job)).ready or now.ended

        await self._lease_changes.wait_until(decided, seconds)
        return self._readiness(job)

    def _start(self, job: Job) -> bool:
        """Start a job unless it runs; whether it runs now."""
        with self._guard:
            if _is_alive(job):
                return True
            token = self._token(job)
            if job.ended or job.cancel.is_set() or self._closing.is_set() or token is None:
                return False
            if not self._leases.use(self._same_phone(job.serial), token, job.submit.job_id):
                return False
            job.thread = threading.Thread(
                target=self._measure, args=(job, token), name=f"job {job.submit.job_id}", daemon=True
            )
            job.thread.start()
            return True

    def _measure(self, job: Job, token: str) -> None:
        def emit(event: events.Event) -> None:
            if self._closing.is_set() and isinstance(event, (events.TargetFinished, events.TargetLost)):
                return  # the job goes on when the worker is back
            if job.problem is None:
                try:
                    job.spool.append(event)
                except OSError as error:
                    _logger.exception("Events of job %s could not be kept.", job.submit.job_id)
                    job.problem = f"Host {self.name} could not keep the job's events: {error.strerror or error}."
                    job.cancel.set()
                if isinstance(event, events.TargetLost) and event.loss == "unstable":
                    emit(events.TargetNoticed(target=event.target, words=self._leave_out(event)))
            job.changes.tell()

        serial = job.serial
        try:
            self._phones.wait_restored(serial, job.cancel)
            spec = job.submit.job
            left = tuple(one for one in spec.blocks if one.index not in job.spool.measured)
            self._executor.measure(spec.model_copy(update={"blocks": left}), emit, job.cancel, self._exclusion.turn)
        except Exception as error:
            _logger.exception("Job %s failed.", job.submit.job_id)
            emit(events.TargetLost(target=serial, reason=f"mobilebench has a defect ({type(error).__name__}: {error})"))
            emit(events.TargetFinished(target=serial))
        finally:
            with suppress(OSError):
                self._leases.end_use(self._same_phone(serial), token)
            job.thread = None
            job.changes.tell()
            self._lease_changes.tell()

    def _leave_out(self, lost: events.TargetLost) -> str:
        """Put a phone that cannot be relied on in quarantine; what was done, as a clause."""
        offered = self._phones.current().get(lost.target)
        if offered is None or self._quarantines is None:
            return f"host {self.name} keeps no quarantine of it"
        try:
            added = self._quarantines.add(offered.target, QUARANTINE.total_seconds(), lost.reason)
        except MobilebenchError as error:
            _logger.warning("Phone %s could not be put in quarantine: %s", lost.target, error.text_with_hint)
            return f"host {self.name} could not put it in quarantine: {error.message}"
        until = f"{added.until:%Y-%m-%d %H:%M} UTC"
        return (
            f"host {self.name} leaves it out of everybody's runs until {until} "
            f"(`mobilebench quarantine lift {lost.target} --rack tls://…` ends that)"
        )

    async def _events(self, ask: Ask) -> Events | Refused:
        job = self._jobs.get(ask.job_id)
        if job is None or (ask.after > job.spool.count and not job.spool.has_more_than(ask.after - 1)):
            return Events(lines=(), next=ask.after, finished=True, missing_spool=True)
        spool = job.spool
        await job.changes.wait_until(lambda: spool.has_more_than(ask.after) or job.ended, ask.wait_s)
        lines = await asyncio.to_thread(spool.read, ask.after)
        reached = ask.after + len(lines)
        if not lines and job.problem is not None:
            return Refused(reason=job.problem, hint="Free space on that host, then resume the run.")
        waiting = None if _is_alive(job) or job.ended or self._has_phone(job) else self._leases.info(job.serial)
        return Events(
            lines=lines,
            next=reached,
            finished=spool.finished and not spool.has_more_than(reached),
            waiting_for=waiting,
        )

    def _cancel(self, question: Cancel) -> Gone | Refused:
        job = self._jobs.get(question.job_id)
        if job is None:
            return Gone(known=False)
        if not secrets.compare_digest(question.token, job.submit.job.cancel_token):
            return Refused(code="unknown", reason=f"This is not the token that cancels job {question.job_id}.")
        with self._guard:
            job.cancel.set()
            if not _is_alive(job) and not job.ended:
                self._end_waiting(job)
        return Gone(known=True)

    def _end_waiting(self, job: Job) -> None:
        """End a job that does not run."""
        job.spool.append(events.TargetFinished(target=job.serial))
        token = self._token(job)
        if token is not None and job.submit.lease is None:
            self._leases.release(self._same_phone(job.serial), token)
        job.changes.tell()
        self._lease_changes.tell()

    async def _done(self, question: Done) -> Gone | Refused:
        job = self._jobs.get(question.job_id)
        if job is None:
            return Gone(known=False)
        if job.ended:
            await job.changes.wait_until(lambda: not _is_alive(job), _PUT_BACK_S)
        if not job.ended or _is_alive(job):
            return Refused(code="in use", reason=f"Job {question.job_id} has not ended.", hint="Cancel it first.")
        with self._guard:
            self._jobs.pop(question.job_id, None)
        await asyncio.to_thread(job.spool.remove)
        return Gone(known=True)


def _is_alive(job: Job) -> bool:
    return job.thread is not None


def _home_id(folder: Path) -> str:
    file = folder / "host_id"
    try:
        return file.read_text(encoding="utf-8").strip()[:64]
    except FileNotFoundError:
        made = secrets.token_hex(16)
        atomic_files.write_text(file, made, durable=True)
        return made
