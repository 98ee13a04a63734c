"""The scheduler's side of clients: reads their questions, asks the hosts, and answers. All of it is JSON text."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import ValidationError
from tornado.iostream import StreamClosedError

import mobilebench
from mobilebench.core.errors import BadInput
from mobilebench.rack import wire
from mobilebench.rack.clocks import Asked, ClockOffset
from mobilebench.rack.host_messages import AskReady, Readiness
from mobilebench.rack.job_list import JobList
from mobilebench.rack.messages import (
    OPERATIONS,
    PROTOCOL,
    Accepted,
    Answer,
    Ask,
    Cancel,
    Done,
    Events,
    Examine,
    Gone,
    Hello,
    Leases,
    ListLeases,
    ListPhones,
    Missing,
    PhoneQuestion,
    Phones,
    Put,
    Question,
    RackPhoneInfo,
    Refused,
    Submit,
    Welcome,
    read_answer,
    read_question,
    to_text,
)
from mobilebench.rack.versions import refuse_skew
from mobilebench.targets.android.identity import SAME_PHONE

if TYPE_CHECKING:
    from tornado.iostream import SSLIOStream

_logger = logging.getLogger(__name__)

_HOST_S = 30.0
"""Seconds within which a host answers, beyond the question's own waiting."""
_LIST_S = 5.0
"""Seconds within which a host says what it has; one that does not is listed as it was."""
_READY_S = 30.0
_PAUSE_S = 1.0
_GRACE_S = 60.0
"""Seconds after its start within which the scheduler assumes that unknown hosts are about to connect again."""

AnswerType = TypeVar("AnswerType", bound=Answer)


class Hosts(Protocol):
    """How the desk reaches hosts; the scheduler."""

    async def send(self, address: str, name: str, text: str) -> str:
        """Ask the host at this address. Raises `OSError` when it cannot be reached."""
        ...

    async def place(self, host: str, serial: str, key: str, text: str) -> str:
        """Run a job on a phone as soon as Dask gives it one; `text` is an `AskReady`, the result a `Readiness`."""
        ...


class Desk:
    """Answers clients, and sees to it that every job that a host accepted is run.

    Args:
        hosts: how hosts are reached.
        jobs: the jobs that are not done.
    """

    def __init__(self, hosts: Hosts, jobs: JobList) -> None:
        self._hosts = hosts
        self._jobs = jobs
        self._id = secrets.token_hex(8)
        self._since = time.monotonic()
        self._addresses: dict[str, str] = {}
        self._phones: dict[str, tuple[RackPhoneInfo, ...]] = {}
        """What each host had when it answered last."""
        self._clocks: dict[str, ClockOffset] = {}
        self._changed = asyncio.Condition()
        self._drives: dict[str, asyncio.Task[None]] = {}
        self._talks: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Go on with the jobs of the scheduler's last process."""
        for job_id, host in self._jobs.all():
            self._drive(job_id, host)

    async def close(self) -> None:
        """Stop answering; the hosts' jobs go on."""
        tasks = [*self._drives.values(), *self._talks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._jobs.close()

    async def connected(self, host: str, address: str) -> None:
        """A host can be reached at this address now."""
        async with self._changed:
            self._addresses[host] = address
            self._changed.notify_all()

    def disconnected(self, address: str) -> None:
        """A host can no longer be reached."""
        self._addresses = {host: one for host, one in self._addresses.items() if one != address}

    def address_of(self, host: str) -> str | None:
        """Where a host is reached now; None if it is not connected."""
        return self._addresses.get(host)

    async def talk(self, stream: SSLIOStream, address: str, name: str) -> None:
        """Answer one client's questions until it closes the connection or sends something else than a question."""
        task = asyncio.current_task()
        assert task is not None
        self._talks.add(task)
        greeted = False
        try:
            while True:
                (size,) = wire.HEADER.unpack(await stream.read_bytes(wire.HEADER.size))
                if size > wire.LONGEST_FRAME:
                    _logger.warning("Refused %s (%s): it sent something that is no question.", address, name)
                    return
                answer = await self._reply(await stream.read_bytes(size), greeted)
                greeted = greeted or isinstance(answer, Welcome)
                await stream.write(wire.frame(answer if isinstance(answer, str) else to_text(answer)))
        except StreamClosedError:
            return
        finally:
            self._talks.discard(task)

    async def _reply(self, content: bytes, greeted: bool) -> Answer | str:
        try:
            name, text = wire.question_in(content)
            question = read_question(OPERATIONS[name], text)
            if not greeted and not isinstance(question, Hello):
                return Refused(code="bad question", reason="The first question on a connection is Hello.")
            return await self._answer(question)
        except BadInput as error:
            return Refused(code="bad question", reason=error.message, hint=error.hint)
        except Exception as error:
            _logger.exception("A question could not be answered.")
            return Refused(reason=f"The scheduler has a defect ({type(error).__name__}); its log has the details.")

    async def _answer(self, question: Question) -> Answer | str:
        """The answer; a host's own one as the text that it sent."""
        match question:
            case Hello():
                return self._welcome(question)
            case ListPhones():
                return Phones(phones=_once(await self._all_phones()))
            case ListLeases():
                answers = await self._of_all(ListLeases(), Leases)
                return Leases(leases=tuple(one for answer in answers.values() for one in answer.leases))
            case Submit():
                return await self._submit(question)
            case Ask():
                return await self._events(question)
            case Cancel():
                return await self._about_job(question.job_id, question)
            case Done():
                return await self._done(question)
            case PhoneQuestion() | Examine() | Missing() | Put():
                return await self._pass_on(question.host, question, getattr(question, "wait_s", 0.0))
        raise BadInput(f"A rack has no operation {type(question).__name__}.")

    def _welcome(self, hello: Hello) -> Answer:
        return refuse_skew("this computer", hello.version, hello.protocol) or Welcome(
            version=mobilebench.__version__, protocol=PROTOCOL, now=datetime.now(UTC), scheduler_id=self._id
        )

    async def _all_phones(self) -> list[RackPhoneInfo]:
        answers = await self._of_all(ListPhones(), Phones)
        for host, answer in answers.items():
            clock = {"clock": self._clocks.get(host)}
            self._phones[host] = tuple(phone.model_copy(update=clock) for phone in answer.phones)
        away = {"present": False}
        return [
            phone if host in answers else phone.model_copy(update=away)
            for host in sorted(self._phones)
            for phone in self._phones[host]
        ]

    async def _of_all(self, question: Question, kind: type[AnswerType]) -> dict[str, AnswerType]:
        """The answers of the hosts that answer in time."""
        hosts = [*self._addresses]
        answers = await asyncio.gather(*(self._ask(host, question, limit_s=_LIST_S) for host in hosts))
        return {host: answer for host, answer in zip(hosts, answers, strict=True) if isinstance(answer, kind)}

    async def _submit(self, submit: Submit) -> Answer:
        known = self._jobs.host_of(submit.job_id)
        if known not in (None, submit.host):
            return Refused(code="in use", reason=f"There is a job {submit.job_id} on host {known} already.")
        answer = await self._ask(submit.host, submit)
        if isinstance(answer, Accepted):
            await asyncio.to_thread(self._jobs.add, submit.job_id, submit.host)
            self._drive(submit.job_id, submit.host)
        return answer

    async def _done(self, done: Done) -> Answer:
        host = self._jobs.host_of(done.job_id)
        if host is None:
            return Gone(known=False)
        answer = await self._ask(host, done)
        if isinstance(answer, Gone):
            self._forget(done.job_id)
        return answer

    async def _events(self, ask: Ask) -> Answer | str:
        if self._jobs.host_of(ask.job_id) is None:
            return Events(lines=(), next=ask.after, finished=True, missing_spool=True)
        return await self._about_job(ask.job_id, ask, ask.wait_s)

    async def _about_job(self, job_id: str, question: Question, wait_s: float = 0.0) -> Answer | str:
        host = self._jobs.host_of(job_id)
        return Gone(known=False) if host is None else await self._pass_on(host, question, wait_s)

    async def _ask(self, host: str, question: Question, *, limit_s: float = _HOST_S) -> Answer:
        """A host's answer; `Refused` when it cannot be reached."""
        asked = Asked()
        text = await self._pass_on(host, question, limit_s=limit_s)
        answer = read_answer(text) if isinstance(text, str) else text
        if isinstance(answer, Phones) and answer.now is not None:
            self._clocks[host] = asked.answered(answer.now)
        return answer

    async def _pass_on(
        self, host: str, question: Question, wait_s: float = 0.0, *, limit_s: float = _HOST_S
    ) -> Refused | str:
        """The text of a host's answer; `Refused` when it cannot be reached."""
        address = self._addresses.get(host)
        if address is None:
            if host not in self._phones and time.monotonic() - self._since > _GRACE_S:
                hint = "`mobilebench rack list` shows the hosts."
                return Refused(code="unknown", reason=f"There is no host {host[:80]} in this rack.", hint=hint)
            return Refused(code="away", reason=f"Host {host[:80]} is not connected to the rack now.")
        try:
            async with asyncio.timeout(wait_s + limit_s):
                return await self._hosts.send(address, type(question).__name__, to_text(question))
        except (OSError, TimeoutError) as error:
            _logger.debug("Host %s did not answer.", host, exc_info=error)
            return Refused(code="away", reason=f"Host {host} does not answer now.")

    # Running jobs

    def _drive(self, job_id: str, host: str) -> None:
        if job_id in self._drives:
            return
        task = asyncio.get_running_loop().create_task(self._run(job_id, host), name=f"job {job_id}")
        self._drives[job_id] = task
        task.add_done_callback(lambda _: self._drives.pop(job_id, None))

    async def _run(self, job_id: str, host: str) -> None:
        """Run a job on its host: when it has its phone there, Dask gives it the phone here."""
        while True:
            try:
                standing = await self._readiness(job_id, host)
                if standing is None:
                    self._forget(job_id, stop=False)
                    return
                if standing.ended:
                    return
                if standing.ready:
                    text = to_text(AskReady(job_id=job_id, wait_s=0))
                    key = f"{job_id}-{secrets.token_hex(4)}"
                    ran = Readiness.model_validate_json(await self._hosts.place(host, standing.phone, key, text))
                    if ran.ended:
                        return
                else:
                    await asyncio.sleep(0)
            except (OSError, TimeoutError, ValidationError) as error:
                _logger.debug("Job %s waits for host %s.", job_id, host, exc_info=error)
                await asyncio.sleep(_PAUSE_S)
            except Exception:
                _logger.exception("Job %s could not be placed; it is tried again.", job_id)
                await asyncio.sleep(_PAUSE_S)

    async def _readiness(self, job_id: str, host: str) -> Readiness | None:
        """Whether a job has its phone; None if its host does not know the job. Waits for the host to connect."""
        async with self._changed:
            await self._changed.wait_for(lambda: host in self._addresses)
            address = self._addresses[host]
        question = AskReady(job_id=job_id, wait_s=_READY_S)
        async with asyncio.timeout(_READY_S + _HOST_S):
            text = await self._hosts.send(address, "AskReady", to_text(question))
        try:
            return Readiness.model_validate_json(text)
        except ValidationError:
            answer = read_answer(text)
            if isinstance(answer, Refused) and answer.code == "unknown":
                return None
            raise OSError(f"host {host} answered {answer}") from None

    def _forget(self, job_id: str, *, stop: bool = True) -> None:
        self._jobs.remove(job_id)
        task = self._drives.get(job_id)
        if task is not None and stop:
            task.cancel()


def _once(phones: list[RackPhoneInfo]) -> tuple[RackPhoneInfo, ...]:
    """A phone that two hosts have is usable on the first of them; on the other it is the same phone."""
    first: dict[str, RackPhoneInfo] = {}
    found = []
    for phone in phones:
        if phone.usable and (other := first.setdefault(phone.key, phone)) is not phone:
            state = f"{SAME_PHONE}{other.target.id} on host {other.host}"
            found.append(phone.model_copy(update={"target": phone.target.model_copy(update={"state": state})}))
        else:
            found.append(phone)
    return tuple(found)
