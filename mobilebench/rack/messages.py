"""What a client may ask a rack's scheduler, and the answers: records that travel as JSON text.

A question is sent to the operation that has its name (`mobilebench_submit` takes a `Submit`). Every operation may
answer `Refused` instead of its own answer. A phone is named by its host and by its serial there. All text of people is
shortened, and no field names a file.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter, ValidationError

from mobilebench.core.errors import BadInput, first_problem
from mobilebench.core.record import Record
from mobilebench.core.records import TargetInfo
from mobilebench.rack.clocks import ClockOffset
from mobilebench.session.job import JobSpec

PROTOCOL = 2
"""Changes when an older client or host would misread a message."""
LONGEST_QUESTION = 32 << 20
"""Bytes of a question's JSON text."""
LONGEST_ANSWER = 1 << 30
"""Bytes of an answer's JSON text; only a recorded trace comes near it."""
LONGEST_CHUNK = 4 << 20
"""Bytes of a file in one `Put`, before base64."""
LONGEST_WAIT_S = 60.0
"""Seconds for which one question may wait for its answer."""
LONGEST_LEASE_S = 14 * 86400.0
"""Seconds for which a phone may be reserved at once."""
LONGEST_QUARANTINE_S = 3653 * 86400.0
"""Seconds for which a phone may be left out of runs."""
EVENTS_AT_ONCE = 16 << 20
"""Bytes of events in one answer, which has at least one event."""

_OWNER = 80
_PURPOSE = 200
_CLAUSE = 400


def _plain(text: str) -> str:
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def shortened(text: str, longest: int) -> str:
    """Text of a person in one line of printable characters, at most `longest` of them."""
    plain = _plain(text)
    return plain if len(plain) <= longest else f"{plain[: longest - 1].rstrip()}…"


JobId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$")]
Host = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$")]
Serial = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
"""A phone's serial on its host."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Token = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
"""What proves that a lease, or a place in a queue, is one's own. Nobody else is told it."""
Owner = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(lambda text: shortened(text, _OWNER))]
Purpose = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(lambda text: shortened(text, _PURPOSE))]
Clause = Annotated[str, StringConstraints(max_length=10_000), AfterValidator(lambda text: shortened(text, _CLAUSE))]
Words = Annotated[str, StringConstraints(max_length=10_000)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_WAIT_S, allow_inf_nan=False)]
LeaseSeconds = Annotated[float, Field(gt=0, le=LONGEST_LEASE_S, allow_inf_nan=False)]
Version = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,80}$")]


class Question(Record):
    """Base of what a client asks."""


class Answer(Record):
    """Base of what a rack answers."""


class PhoneQuestion(Question):
    """Base of what is asked about one phone; its host answers."""

    host: Host
    phone: Serial


class Refused(Answer):
    """The answer of any operation that did not do what was asked."""

    kind: Literal["refused"] = "refused"
    code: Literal["bad question", "version", "unknown", "in use", "away", "role", "failed"] = "failed"
    """`unknown`: no such host, phone, job or lease · `away`: known, but it cannot be reached now; ask again later."""
    reason: Words
    hint: Words | None = None


class Hello(Question):
    """The first question on a connection."""

    version: Version
    """Version of mobilebench."""
    protocol: int


class Welcome(Answer):
    """The answer to `Hello`."""

    kind: Literal["welcome"] = "welcome"
    version: Version
    protocol: int
    now: datetime
    """The scheduler's clock."""
    scheduler_id: str
    """New at every start of the scheduler."""


class ListPhones(Question):
    """Asks for every phone of the rack."""


class LeaseInfo(Record):
    """Who has a phone. Times are of the host's clock."""

    owner: Owner
    purpose: Purpose
    since: datetime
    until: datetime
    """When it ends unless it is renewed."""
    left_s: float
    """Seconds until it ends, which needs no common clock."""
    job_id: JobId | None = None
    """The job that uses the phone now; the lease is renewed while it runs."""


class Waiting(Record):
    """One place in the queue for a phone."""

    owner: Owner
    purpose: Purpose
    since: datetime


class RackPhoneInfo(Record):
    """A phone of the rack, as its host describes it."""

    target: TargetInfo
    """`target.id` is its serial on its host."""
    key: str
    """Names the phone itself, however and wherever it is attached; see `phone_key`."""
    host: Host
    worker: str
    """Address of the worker."""
    labels: tuple[str, ...] = ()
    group: str | None = None
    name: str | None = None
    """Name in the host's rack file."""
    lease: LeaseInfo | None = None
    queue: tuple[Waiting, ...] = ()
    quarantined: str | None = None
    """Why it is in quarantine."""
    present: bool = True
    """Whether it can be reached now; a phone that vanished stays listed while it is leased."""
    seen_at: datetime
    clock: ClockOffset | None = None
    """Its host's clock, against the scheduler's as the scheduler lists it (`discovery.seen_from_here`)."""

    @property
    def usable(self) -> bool:
        """Whether a job may be sent to it now, if its lease allows that."""
        return self.present and self.quarantined is None and self.target.state == "device"


class Phones(Answer):
    """The answer to `ListPhones`. A phone that is attached twice is listed once as usable; the other connection has the
    state `the same phone as …`."""

    kind: Literal["phones"] = "phones"
    phones: tuple[RackPhoneInfo, ...]
    now: datetime | None = None
    """The clock of a host that answers the scheduler."""


class Examine(Question):
    """Asks a host to examine some of its phones with the doctor, which changes nothing on them."""

    host: Host
    phones: tuple[Serial, ...] = Field(min_length=1, max_length=1000)
    leases: dict[Serial, Token] = Field(default={}, max_length=1000)
    """Own leases of these phones. A phone that somebody else has is left alone."""
    wait_s: Seconds = LONGEST_WAIT_S
    """How long the examination may take."""


class CheckResult(Record):
    """What one check of the doctor found on a phone."""

    check: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{0,59}$")]
    state: Literal["ok", "degraded", "blocking", "unknown"]
    words: Clause
    mend: Clause | None = None
    """How to mend it, if that is not what the check says."""
    passes: bool = False
    """Whether it ends by itself after a while, such as heat."""


class ExaminedPhone(Record):
    """A phone as the doctor of its host found it."""

    phone: Serial
    state: Clause
    """Its state after the examination, as `TargetInfo.state`."""
    results: tuple[CheckResult, ...] = Field(max_length=200)


class Examination(Answer):
    """The answer to `Examine`. A phone that was left alone is not in it."""

    kind: Literal["examination"] = "examination"
    phones: tuple[ExaminedPhone, ...] = Field(max_length=1000)


class Submit(Question):
    """Asks a host to measure a job on one of its phones, which is `job.target`.

    Asking again with the same `job_id` and job attaches to it.
    """

    job_id: JobId
    host: Host
    job: JobSpec
    lease: Token | None = None
    """The lease under which it runs; None: it takes one for itself, in the queue if the phone is in use."""
    owner: Owner = ""
    digests: tuple[Sha256, ...] = Field(default=(), max_length=10_000)
    """Files that the host must have; the job is refused otherwise."""


class Accepted(Answer):
    """The job is known to the rack and will be run."""

    kind: Literal["accepted"] = "accepted"
    job_id: JobId
    attached: bool
    """Whether it was known already."""


class Ask(Question):
    """Asks for the events of a job. This tells its host that the first `after` ones are safe at the client."""

    job_id: JobId
    after: int = Field(ge=0)
    """Number of events that the client has."""
    wait_s: Seconds = 0.0
    """How long to wait for a further event."""


class Events(Answer):
    """Events of a job in their order, each a line of JSON (`session.events.from_json`)."""

    kind: Literal["events"] = "events"
    lines: tuple[str, ...]
    next: int
    """`after` plus the number of lines."""
    finished: bool
    """Whether no event follows these."""
    missing_spool: bool = False
    """The host no longer has events that were asked for, so what they said is lost and its blocks must be measured
    again under another job id."""
    waiting_for: LeaseInfo | None = None
    """Who has the phone, while the job waits for it."""


class Cancel(Question):
    """Asks to end a job after putting its phone back."""

    job_id: JobId
    token: str = Field(max_length=200)
    """The job's `cancel_token`."""


class Done(Question):
    """Says that every event of a job is safe at the client, so the host may forget it."""

    job_id: JobId


class Gone(Answer):
    """The answer to `Cancel`, `Done` and `Release`."""

    kind: Literal["gone"] = "gone"
    known: bool
    """Whether there was such a thing."""


class Missing(Question):
    """Asks which of these files a host does not have."""

    host: Host
    digests: tuple[Sha256, ...] = Field(max_length=10_000)


class MissingFiles(Answer):
    """The answer to `Missing`."""

    kind: Literal["missing"] = "missing"
    digests: tuple[Sha256, ...]


class Put(Question):
    """A part of a file for a host. Parts are sent in order; the last one completes the file, which is then verified."""

    host: Host
    digest: Sha256
    """SHA-256 of the whole file."""
    offset: int = Field(ge=0)
    total: int = Field(ge=0)
    """Bytes of the whole file."""
    data: str = Field(max_length=LONGEST_CHUNK * 4 // 3 + 4)
    """The bytes in base64."""


class Stored(Answer):
    """The answer to `Put`."""

    kind: Literal["stored"] = "stored"
    digest: Sha256
    size: int
    """Bytes that the host has of it; the next part begins here."""
    complete: bool
    """Whether the whole file is there and its SHA-256 is right."""


class Reserve(PhoneQuestion):
    """Asks for a phone for some time. If it is in use, this takes a place in its queue.

    Asking again with the same `token` continues the same lease or place.
    """

    token: Token
    """Made by the client (`secrets.token_hex(16)`), so that a lost answer loses no lease."""
    owner: Owner
    purpose: Purpose = ""
    seconds: LeaseSeconds
    queue: bool = True
    """Whether to wait in the queue if it is in use; otherwise that is `Refused`."""


class Wait(PhoneQuestion):
    """Waits for a reservation that is in the queue. A place that nobody asks for within two minutes is lost."""

    token: Token
    wait_s: Seconds


class Reserved(Answer):
    """The phone is leased to the one that asked."""

    kind: Literal["reserved"] = "reserved"
    lease: LeaseInfo


class Queued(Answer):
    """The phone is in use."""

    kind: Literal["queued"] = "queued"
    position: int = Field(ge=1)
    """1 is next."""
    lease: LeaseInfo
    """Who has it."""


class Release(PhoneQuestion):
    """Gives a lease, or a place in the queue, back."""

    token: Token


class Renew(PhoneQuestion):
    """Asks that a lease ends after this many seconds from now."""

    token: Token
    seconds: LeaseSeconds


class AddQuarantine(PhoneQuestion):
    """Asks that every run leaves a phone out for some time, by its host's clock."""

    seconds: Annotated[float, Field(gt=0, le=LONGEST_QUARANTINE_S, allow_inf_nan=False)]
    reason: Clause


class LiftQuarantine(PhoneQuestion):
    """Asks that a phone may be measured again."""


class Quarantined(Answer):
    """The answer to `AddQuarantine` and `LiftQuarantine`."""

    kind: Literal["quarantined"] = "quarantined"
    words: tuple[Words, ...]
    """What was added or lifted, each as `Quarantine.describe` says it."""


class ListLeases(Question):
    """Asks for every lease and queue."""


class PhoneLease(Record):
    """The lease and the queue of a phone."""

    host: Host
    phone: Serial
    lease: LeaseInfo
    queue: tuple[Waiting, ...] = ()


class Leases(Answer):
    """The answer to `ListLeases`."""

    kind: Literal["leases"] = "leases"
    leases: tuple[PhoneLease, ...]


OPERATIONS: dict[str, type[Question]] = {
    "mobilebench_hello": Hello,
    "mobilebench_phones": ListPhones,
    "mobilebench_examine": Examine,
    "mobilebench_submit": Submit,
    "mobilebench_events": Ask,
    "mobilebench_cancel": Cancel,
    "mobilebench_done": Done,
    "mobilebench_missing": Missing,
    "mobilebench_put": Put,
    "mobilebench_reserve": Reserve,
    "mobilebench_wait": Wait,
    "mobilebench_release": Release,
    "mobilebench_renew": Renew,
    "mobilebench_leases": ListLeases,
    "mobilebench_quarantine": AddQuarantine,
    "mobilebench_lift": LiftQuarantine,
}
"""Every operation of a client, with its question."""

_NAMES = {question: name for name, question in OPERATIONS.items()}
_ANSWERS: TypeAdapter[Answer] = TypeAdapter(
    Annotated[
        Refused
        | Welcome
        | Phones
        | Examination
        | Accepted
        | Events
        | Gone
        | MissingFiles
        | Stored
        | Reserved
        | Queued
        | Leases
        | Quarantined,
        Field(discriminator="kind"),
    ]
)
QuestionType = TypeVar("QuestionType", bound=Question)


def name_of(question: Question) -> str:
    """The operation that takes this question."""
    return _NAMES[type(question)]


def to_text(record: Record) -> str:
    """A question or answer as JSON text."""
    return record.model_dump_json(by_alias=True)


def read_question(kind: type[QuestionType], text: object) -> QuestionType:
    """Check the JSON text of a question.

    Raises:
        BadInput: it is no text, too long, or not such a question.
    """
    if not isinstance(text, str):
        raise BadInput("A question to a rack is JSON text.")
    if len(text) > LONGEST_QUESTION:
        raise BadInput(f"A question to a rack has at most {LONGEST_QUESTION >> 20} MiB.")
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        problem = first_problem(error)
        raise BadInput(f"The question {kind.__name__} is not valid: {problem.sentence('it')}.") from None


def read_answer(text: object) -> Answer:
    """Check the JSON text of an answer.

    Raises:
        BadInput: it is no answer.
    """
    if not isinstance(text, str):
        raise BadInput("The rack's answer is no text.", hint="Is it a scheduler of mobilebench of the same version?")
    try:
        return _ANSWERS.validate_json(text)
    except ValidationError as error:
        problem = first_problem(error)
        raise BadInput(
            f"The rack's answer is not valid: {problem.sentence('it')}.",
            hint="Is it a scheduler of mobilebench of the same version?",
        ) from None


def phone_key(target: TargetInfo) -> str:
    """Names a phone itself, in letters that are safe in URLs and resource names; see `identity.key`."""
    from urllib.parse import quote

    from mobilebench.targets.android import identity

    return quote(identity.key(target), safe="")
