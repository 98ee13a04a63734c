"""Conducts a night: the doctor, the suites in order within the budget, the comparison with the baseline.

What measures is `mobilebench run` itself, which a caller gives as a function; nothing here starts an engine.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Protocol

from mobilebench import __version__
from mobilebench.analysis.summary import Status
from mobilebench.core import file_locks
from mobilebench.core.errors import BadInput, ExitCode, MobilebenchError, as_clause
from mobilebench.core.records import Stage
from mobilebench.nights import ab, flakes, judging, past, stored
from mobilebench.nights import phones as doctor
from mobilebench.nights.config import AbStep, Config, Options, Step, SuiteStep, arguments
from mobilebench.nights.records import EXIT_CODES, Night, Phone, StepRecord, StepState, outcome_of
from mobilebench.results.places import Where

LEAST_SECONDS = 1.0
"""A step for which less is left of the budget is not begun."""
_ENDED_WELL = (ExitCode.OK, ExitCode.CASES_FAILED, ExitCode.SUSPECT)
"""Exit codes of `run` after which everything was measured that can be."""


@dataclass(frozen=True)
class Ended:
    """How `mobilebench run` ended."""

    exit_code: int
    stopped: Literal["budget", "person"] | None = None
    """What ended it before its end."""
    problem: str | None = None
    """The error with which it ended."""
    skipped: tuple[Phone, ...] = ()
    """Targets that it had to leave out."""


class RunCommand(Protocol):
    """`mobilebench run` with these arguments.

    It ends the run cleanly after `seconds`, calls `begun` with the run's id when it is recorded, and raises
    `KeyboardInterrupt` only if it was interrupted before that.
    """

    def __call__(self, typed: Sequence[str], seconds: float | None, begun: Callable[[str], None]) -> Ended: ...


@dataclass(frozen=True)
class Means:
    """What a night is conducted with."""

    folder: Path
    """The folder of results, in which the nights lie."""
    store: Where
    """Where the store of runs is."""
    run: RunCommand
    say: Callable[[str], None]
    """Tells a person what happens now, in a line."""
    out: tuple[str, ...] = ()
    """Options of `run` that name the store."""
    examine: Callable[..., list[Phone]] = doctor.examine
    clock: Callable[[], float] = time.monotonic


_Came = tuple[StepState, str | None]
"""What a step came to, and the problem with which it ended."""


@contextmanager
def alone(folder: Path, config: Config) -> Iterator[None]:
    """No other night of this configuration is conducted in these results meanwhile.

    Raises:
        BadInput: one is.
    """
    nights = past.folder_of(folder, config.name)
    nights.mkdir(parents=True, exist_ok=True)
    with file_locks.if_free(nights / ".lock") as free:
        if not free:
            raise BadInput(f"A night of {config.name} is being measured.", hint="Wait until it has ended.")
        yield


def begin(config: Config, now: datetime | None = None) -> Night:
    """A new night, of which nothing is measured."""
    now = now or datetime.now(UTC)
    steps = [
        StepRecord(name=step.title, suite=Path(step.suite).stem, kind="ab" if isinstance(step, AbStep) else "suite")
        for step in config.steps
    ]
    return Night(
        id=f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        name=config.name,
        mobilebench=__version__,
        begun_at=now,
        budget_seconds=config.budget,
        baseline=config.baseline,
        steps=steps,
    )


def interrupted(config: Config, nights: Sequence[Night]) -> Night:
    """The last night, which was interrupted or killed, so that it can go on.

    Raises:
        BadInput: it was not, or its steps are no longer those of the configuration.
    """
    if not nights or nights[-1].status == "finished":
        raise BadInput(
            f"The last night of {config.name} was not interrupted." if nights else f"{config.name} had no night yet.",
            hint="Leave `--resume` out to begin a new one.",
        )
    if [one.name for one in nights[-1].steps] != [one.title for one in config.steps]:
        raise BadInput(
            f"Night {nights[-1].id} cannot go on, because the configuration has other suites now.",
            hint="Leave `--resume` out to begin a new one.",
        )
    return nights[-1]


def conduct(config: Config, night: Night, earlier: Sequence[Night], means: Means) -> Night:
    """Measure what is left of a night, compare it, and write it. The night is written after every step.

    Args:
        config: the configuration.
        night: a new one, or one that was interrupted.
        earlier: the nights before it, oldest first.
        means: what it is conducted with.
    """
    work = _Work(config, means, night.model_copy(update={"status": "running", "outcome": None, "exit_code": None}))
    work.write()
    try:
        for number, step in enumerate(config.steps):
            if not work.measure(number, step):
                break
    except KeyboardInterrupt:
        work.interrupted = True
    if work.interrupted:
        return work.finish(status="interrupted")
    means.say("Comparing with the baseline …")
    return work.finish(**_compared(config, work.night, earlier, means.store))


def _compared(config: Config, night: Night, earlier: Sequence[Night], where: Where) -> dict[str, object]:
    """The fields that hold what became of a measured night."""
    flaky = flakes.flaky([*(one for one in earlier if one.status == "finished"), night], config.flakes)
    try:
        judged = judging.judge(config, night, earlier, where)
    except BadInput as error:
        judged = judging.Judged((), (), (), (f"Nothing is compared: {as_clause(error.message)}.",))
    results = [
        ab.compared(step, record, config.regression, where)
        for step, record in zip(config.steps, night.steps, strict=True)
        if isinstance(step, AbStep)
    ]
    return {
        "status": "finished",
        "changes": judging.with_flaky(judged.changes, flaky),
        "missing": list(judged.missing),
        "differences": list(judged.differences),
        "notes": list(judged.notes),
        "flaky": flaky,
        "ab": results,
    }


@dataclass
class _Work:
    """A night while it is measured."""

    config: Config
    means: Means
    night: Night
    interrupted: bool = False
    _words: str | None = None
    """The targets of the step that is measured, as `--serial` names them."""
    _spent_before: float = field(init=False)
    _begun: float = field(init=False)

    def __post_init__(self) -> None:
        self._spent_before = self.night.spent_seconds
        self._begun = self.means.clock()

    def left(self) -> float | None:
        """Seconds of the budget that are left; None without a budget."""
        return None if self.config.budget is None else self.config.budget - self._spent()

    def _spent(self) -> float:
        return self._spent_before + self.means.clock() - self._begun

    def write(self, **fields: object) -> None:
        self.night = self.night.model_copy(update={**fields, "spent_seconds": self._spent()})
        past.write(self.means.folder, self.night)

    def finish(self, **fields: object) -> Night:
        night = self.night.model_copy(update={**fields, "ended_at": datetime.now(UTC)})
        outcome = outcome_of(night)
        self.write(**fields, ended_at=night.ended_at, outcome=outcome, exit_code=int(EXIT_CODES[outcome]))
        return self.night

    def step(self, number: int, **fields: object) -> StepRecord:
        """The record of a step, with these fields, written."""
        steps = list(self.night.steps)
        steps[number] = steps[number].model_copy(update=fields)
        self.write(steps=steps)
        return steps[number]

    def measure(self, number: int, step: Step) -> bool:
        """Measure a step; whether the night goes on."""
        record = self.night.steps[number]
        if record.state in ("done", "cut by the budget", "no time"):
            return True
        left = self.left()
        if left is not None and left < LEAST_SECONDS:
            self.step(number, state="no time", problem="the budget of the night was spent before it")
            return True
        self.means.say(f"{step.title}: suite {record.suite}")
        self.step(number, state="running", problem=None)
        begun = self.means.clock()
        self._words = None
        try:
            measure = self._suite if isinstance(step, SuiteStep) else self._ab
            state, problem = measure(number, step)
        except MobilebenchError as error:
            state, problem = "failed", error.message
        seconds = record.seconds + self.means.clock() - begun
        self.step(number, state=state, problem=problem, seconds=seconds, **self._found(number))
        self.interrupted = state == "interrupted"
        return not self.interrupted

    def _found(self, number: int) -> dict[str, object]:
        """Status and times of every planned case, from the store; for a comparison of libraries its last round's."""
        record = self.night.steps[number]
        cases: dict[str, Status] = {}
        times: dict[str, dict[Stage, float]] = {}
        begun = stored.begun(self.means.store)
        for run in record.runs[-2:] if record.sides else record.runs[-1:]:
            if run in begun:
                for key, case in judging.cases_of(stored.summary(self.means.store, run)).items():
                    cases[key] = case.status
                    if case.usable and case.stages:
                        times[key] = {stage: found.value for stage, found in case.stages.items()}
        return {"cases": cases, "times_ms": times}

    def _suite(self, number: int, step: Step) -> _Came:
        runs = self.night.steps[number].runs
        typed = ["--suite", step.suite, *arguments(step.options)]
        return self._run(number, self._resumed(runs[-1], step) if runs else typed, resumed=bool(runs))

    def _ab(self, number: int, step: Step) -> _Came:
        assert isinstance(step, AbStep)
        seed = int(self.night.id.replace("-", "")[:8])
        if step.engine_library is None:
            runs = self.night.steps[number].runs
            typed = ab.arguments_of(step, None, seed)
            return self._run(number, self._resumed(runs[-1], step) if runs else typed, resumed=bool(runs))
        sides = ab.orders(step, self.night.id)
        record = self.night.steps[number]
        if len(record.runs) % 2:  # a round that was interrupted is measured anew, so that its sides stay neighbours
            record = self.step(number, runs=record.runs[:-1], sides=record.sides[:-1])
        for place in range(len(record.runs), len(sides)):
            typed = ab.arguments_of(step, sides[place], seed + place // 2)
            state, problem = self._run(number, typed, side=sides[place])
            if state != "done":
                return state, problem
        return "done", None

    def _resumed(self, run: str, step: Step) -> list[str]:
        """The arguments that continue a run."""
        known: Options = {
            name: step.options[name] for name in ("engine-library", "browser-path") if name in step.options
        }
        typed = ["--resume", run, *arguments(known)]
        if isinstance(step, AbStep) and step.browser:
            for text in (step.browser.before, step.browser.after):
                typed += ["--browser-path", text] if "=" in text else []
        return typed

    def _run(self, number: int, typed: Sequence[str], *, side: str | None = None, resumed: bool = False) -> _Came:
        """Run once, and a second time if a phone went away between the doctor and the run."""
        for attempt in (1, 2):
            left = self.left()
            if left is not None and left < LEAST_SECONDS:
                return "cut by the budget", None
            try:
                chosen = self._chosen() if self._words is None else self._words
            except MobilebenchError as error:
                return "failed", error.text_with_hint
            self._words = chosen
            if not chosen and not resumed:
                return "no phone", "no target that is selected can be measured"
            where = () if resumed else ("--serial", chosen)
            ended = self.means.run(
                [*typed, *where, *self._rack(), *self.means.out], left, lambda run: self._add(number, run, side)
            )
            self._left_out(ended.skipped)
            begun = bool(self.night.steps[number].runs) if side is None else len(self.night.steps[number].sides) % 2
            if attempt == 2 or ended.exit_code != ExitCode.BAD_INPUT or begun:
                break
            self._words = None
            try:
                self._words = self._chosen()
            except MobilebenchError as error:
                return "failed", error.text_with_hint
            if self._words == chosen:
                break
        code = max(ended.exit_code, self.night.steps[number].exit_code or 0)
        self.step(number, exit_code=code)
        if ended.stopped == "budget":
            return "cut by the budget", None
        if ended.stopped == "person" or ended.exit_code == ExitCode.INTERRUPTED:
            return "interrupted", None
        if ended.problem is None and ended.exit_code in _ENDED_WELL:
            return "done", None
        return "failed", ended.problem or f"`mobilebench run` ended with exit code {ended.exit_code}"

    def _add(self, number: int, run: str, side: str | None) -> None:
        record = self.night.steps[number]
        if run not in record.runs:
            self.step(number, runs=[*record.runs, run], sides=[*record.sides, *([side] if side else [])])

    def _rack(self) -> list[str]:
        return [] if self.config.rack is None else ["--rack", self.config.rack]

    def _chosen(self) -> str:
        """The words for `--serial`, after the doctor has examined what they select; empty if nothing can be measured.

        Raises:
            MobilebenchError: the scheduler of a rack cannot be reached.
        """
        found = self.means.examine(self.config.phones, stored.in_quarantine(self.means.store), mend=self.config.mend)
        known = {one.id: one for one in self.night.phones}
        for one in found:
            if one.skipped and not (one.id in known and known[one.id].skipped):
                self.means.say(f"{one.id} is skipped: {one.outcome}{f' ({one.words})' if one.words else ''}.")
        self._remember(found)
        return ",".join(one.id for one in found if not one.skipped)

    def _left_out(self, phones: Sequence[Phone]) -> None:
        if phones:
            self._remember(phones)

    def _remember(self, phones: Sequence[Phone]) -> None:
        """Keep what was found last of each phone; one that was skipped once stays so in the report."""
        known = {one.id: one for one in self.night.phones}
        for one in phones:
            if not (one.id in known and known[one.id].skipped):
                known[one.id] = one
        self.write(phones=list(known.values()))
