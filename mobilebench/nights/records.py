"""What is known of a night, as `night.json` holds it. Statuses and findings are those of the morning after it: raw
samples stay in the store, from which `mobilebench compare` computes them anew."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from mobilebench.analysis.summary import Status
from mobilebench.core.errors import ExitCode
from mobilebench.core.record import Record
from mobilebench.core.records import Stage

USABLE: tuple[Status, ...] = ("valid", "suspect")
"""Statuses of cases whose times count."""
LOST: tuple[Status, ...] = ("invalid", "unsupported", "failed")
"""Statuses of cases that were tried, and whose times do not count."""

PhoneOutcome = Literal["ready", "degraded", "blocked", "quarantined", "away"]
StepState = Literal["planned", "running", "done", "cut by the budget", "no time", "interrupted", "no phone", "failed"]
"""`cut by the budget`: ended when the budget was spent · `no time`: not begun for that reason · `failed`: its command
ended with an error."""
Outcome = Literal["good", "worse", "incomplete", "phones skipped", "interrupted"]


EXIT_CODES: dict[Outcome, ExitCode] = {
    "good": ExitCode.OK,
    "worse": ExitCode.WORSE,
    "incomplete": ExitCode.INCOMPLETE,
    "phones skipped": ExitCode.PHONES_SKIPPED,
    "interrupted": ExitCode.INTERRUPTED,
}


class Phone(Record):
    """A target, as the doctor found it."""

    id: str
    name: str
    outcome: PhoneOutcome
    words: str | None = None
    """What was found, as a clause."""

    @property
    def skipped(self) -> bool:
        return self.outcome not in ("ready", "degraded")

    @property
    def sentence(self) -> str:
        """What was found, such as `blocked: storage: it is full`."""
        return f"{self.outcome}: {self.words or 'no reason is known'}"


class StepRecord(Record):
    """What became of a suite, or of an A/B comparison."""

    name: str
    suite: str
    kind: Literal["suite", "ab"] = "suite"
    state: StepState = "planned"
    runs: list[str] = Field(default=[])
    """Ids of its runs; an A/B comparison of libraries has two for each round."""
    sides: list[str] = Field(default=[])
    """For such a comparison, `before` or `after` for each run."""
    exit_code: int | None = None
    """That of `mobilebench run`; the highest one if there are several runs."""
    problem: str | None = None
    seconds: float = 0.0
    cases: dict[str, Status] = Field(default={})
    """Key of each planned case to its status."""
    times_ms: dict[str, dict[Stage, float]] = Field(default={})
    """Key of each case with a time that counts to its typical times."""


class Change(Record):
    """A case in comparison with its baseline."""

    step: str
    case: str
    label: str
    target: str
    stage: Stage | None = None
    """None where no time is compared."""
    quantity: str | None = None
    """For energy and memory: what is compared, such as `energy (rapl-package)`."""
    call: Literal["slower", "faster", "more", "less", "no change", "cannot be told", "lost", "not compared"]
    before_ms: float | None = None
    after_ms: float | None = None
    before: float | None = None
    """Of a quantity: mJ for each inference, or KiB."""
    after: float | None = None
    ratio: float | None = None
    interval: tuple[float, float] | None = None
    """95 % interval of the ratio."""
    corrected_p: float | None = None
    """After Holm's correction over all cases, stages and quantities of the night."""
    limit: float | None = None
    """The share by which it may be slower, or need more."""
    worse: bool = False
    """Whether it counts as a regression."""
    flaky: bool = False
    """Whether it is flaky, and therefore does not fail the night."""
    base: str | None = None
    """Id of the run with which it is compared."""
    reason: str | None = None
    virtual: bool = False

    @property
    def what(self) -> str:
        """What is compared: a stage, a quantity, or the outcome."""
        return self.quantity or self.stage or "outcome"


class Flaky(Record):
    """A case that changed its verdict, or failed, in too many of the last nights."""

    step: str
    case: str
    unsteady: int
    nights: int
    statuses: list[str]
    """Its statuses, oldest first."""


class AbResult(Record):
    """An A/B comparison."""

    step: str
    before: str
    after: str
    """What is compared, as configured."""
    versions: list[str] = Field(default=[])
    """Facts that differ, as they were read back."""
    changes: list[Change] = Field(default=[])
    problem: str | None = None
    fails: bool = False


class Told(Record):
    """Whom a night told, without addresses."""

    whom: str
    problem: str | None = None


class Accepted(Record):
    """A person's word that a night is good in spite of its findings."""

    at: datetime
    reason: str


class Night(Record):
    """A night."""

    format: Literal[1] = 1
    """Version of this record."""
    id: str
    name: str
    mobilebench: str
    """Version."""
    begun_at: datetime
    ended_at: datetime | None = None
    status: Literal["running", "interrupted", "finished"] = "running"
    outcome: Outcome | None = None
    exit_code: int | None = None
    budget_seconds: float | None = None
    spent_seconds: float = 0.0
    baseline: str
    phones: list[Phone] = Field(default=[])
    steps: list[StepRecord] = Field(default=[])
    changes: list[Change] = Field(default=[])
    """Every case that was compared with the baseline, by stage and quantity."""
    flaky: list[Flaky] = Field(default=[])
    ab: list[AbResult] = Field(default=[])
    missing: list[str] = Field(default=[])
    """Cases of the newest earlier night that were not planned in this one, although their phone was not skipped."""
    differences: list[str] = Field(default=[])
    """What differs from the baseline beside times, such as versions."""
    notes: list[str] = Field(default=[])
    told: list[Told] = Field(default=[])
    accepted: Accepted | None = None
    """Set by `nightly --accept`."""

    @property
    def good(self) -> bool:
        """Whether it may be a baseline: nothing got worse, or a person accepted it."""
        return self.status == "finished" and (self.outcome != "worse" or self.accepted is not None)

    @property
    def worse(self) -> list[Change]:
        """The regressions."""
        of_ab = [one for found in self.ab if found.fails for one in found.changes]
        return [one for one in (*self.changes, *of_ab) if one.worse and not one.flaky]

    @property
    def skipped(self) -> list[Phone]:
        return [one for one in self.phones if one.skipped]

    @property
    def unfinished(self) -> list[StepRecord]:
        """Steps that were not measured to their end, or have cases without a measurement."""
        return [one for one in self.steps if one.state != "done" or "not measured" in one.cases.values()]

    def counts(self) -> dict[str, int]:
        """Number of cases by status."""
        found: dict[str, int] = {}
        for step in self.steps:
            for status in step.cases.values():
                found[status] = found.get(status, 0) + 1
        return found


def outcome_of(night: Night) -> Outcome:
    """What a night came to; the worst comes first."""
    if night.status == "interrupted":
        return "interrupted"
    if night.worse:
        return "worse"
    if night.unfinished or any(one.problem for one in night.ab):
        return "incomplete"
    return "phones skipped" if night.skipped else "good"
