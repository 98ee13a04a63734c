"""The runs of a store as nights, and every case as a series over them, with the changes of its level.

A night is one run. A series belongs to one case on one machine: virtual and real targets, and two computers that are
both named `host`, are never in one series. Nothing is pooled over targets.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from mobilebench.analysis import comparability
from mobilebench.analysis.compare import ASSUMED, LEVEL, MeasuredCase, measured_cases
from mobilebench.analysis.compare_quantities import ASSUMED as ASSUMED_QUANTITIES
from mobilebench.analysis.labels import filed_under
from mobilebench.analysis.quantities import Resource, kind_of, quantities
from mobilebench.analysis.summary import STAGES, STATUSES, CaseSummary, Status, summarise
from mobilebench.core.records import Case, Quarantine, Run, RunInfo, Stage, StoredEvent, TargetInfo
from mobilebench.results.anonymous import SUFFIX, Anonymiser
from mobilebench.results.store import Store
from mobilebench.statistics.between_runs import corrected
from mobilebench.statistics.change_points import SMALLEST_CHANGE, ChangePoint, change_points
from mobilebench.statistics.estimates import Interval, deviation, estimate

LAST_NIGHT = timedelta(hours=18)
"""Runs that began less than this before the newest one belong to the last night, as it does."""
NOT_LONG = timedelta(days=14)
"""A target that was last measured longer ago is not missed."""
LEAST_NIGHTS = 8
"""A single night is compared with its level only if the level has so many nights before it."""
UNITS: dict[Resource, tuple[str, float]] = {"energy": ("mJ", 1.0), "memory": ("MiB", 1 / 1024)}
"""The unit in which series have a quantity, and how much of it one of `analysis.quantities` is."""
_LONGEST_REASON = 500
_ANOTHER, _NO_REASON = "another phone", "the reason is left out"
"""What an anonymised history says of a phone that has no pseudonym, because it is in no run."""
_BUILD = {"ro.build.fingerprint": "system build", "kernel": "kernel"}
"""Facts of a target that name its system more closely than its version does."""


@dataclass(frozen=True)
class Typical:
    """The typical time of one stage in one night, or its energy or memory."""

    value: float
    """Milliseconds, or in the unit of the quantity (`UNITS`)."""
    interval: Interval | None
    """95 % confidence interval; None with too few blocks."""
    blocks: int


@dataclass(frozen=True)
class NightCase:
    """One case in one night."""

    case: Case
    target: TargetInfo
    status: Status
    reasons: tuple[str, ...]
    stages: Mapping[Stage, Typical]
    """Stages with a block that counts."""
    facts: Mapping[str, Any]
    """What ran, from the stored proof; empty if nothing was measured."""
    quantities: Mapping[str, Typical] = field(default_factory=dict)
    """Energy and memory, by name (`analysis.quantities`), where a block counts."""
    planned: bool = True
    """Whether the run planned it; otherwise its phone was left out, and the reason says why."""

    @property
    def usable(self) -> bool:
        return self.status in ("valid", "suspect")

    @cached_property
    def typical(self) -> Mapping[str, Typical]:
        """By stage, and by quantity."""
        stages: dict[str, Typical] = dict(self.stages.items())
        return stages | dict(self.quantities)


@dataclass(frozen=True)
class LeftOut:
    """A phone that was skipped, lost or found faulty in a night."""

    target: str
    what: str
    """`skipped`, `lost`, `found by the doctor`, `in quarantine`, `blocked`, `away` or `not measured`."""
    reason: str
    virtual: bool = False


@dataclass(frozen=True)
class Night:
    """One run."""

    info: RunInfo
    cases: tuple[NightCase, ...]
    left_out: tuple[LeftOut, ...]
    """As the run and its store tell."""
    skipped: tuple[LeftOut, ...] = ()
    """As the night tells of which the run was a part (`mobilebench nightly`): what its doctor left out."""

    @cached_property
    def gone(self) -> tuple[LeftOut, ...]:
        """Everything that was left out, each target once for what the run itself tells, and else as the night does."""
        told = {one.target for one in self.left_out} | {info.id for info in self.info.targets}
        return (*self.left_out, *(one for one in self.skipped if one.target not in told))

    @cached_property
    def counts(self) -> dict[Status, int]:
        counts = Counter(case.status for case in self.cases)
        return {status: counts[status] for status in STATUSES}


def night_of(run: Run, happened: Sequence[StoredEvent] = (), quarantines: Sequence[Quarantine] = ()) -> Night:
    """A run as a night, with the events and quarantines of its store."""
    targets = {info.id: info for info in run.info.targets}
    cases = [_night_case(one, targets) for one in measured_cases(summarise(run))]
    in_force = (one for one in quarantines if one.is_in_force(run.info.created_at))
    left_out = [found for event in happened for found in _left_out(event)]
    left_out += [LeftOut(one.serial, "in quarantine", _shortened(one.reason)) for one in in_force]
    virtual = {info.id for info in run.info.targets if info.virtual}
    left_out = [replace(one, virtual=one.target in virtual) for one in left_out]
    return Night(run.info, tuple(cases), tuple(dict.fromkeys(left_out)))


def _night_case(one: MeasuredCase, targets: Mapping[str, TargetInfo]) -> NightCase:
    summary, target = one.summary, targets[one.summary.case.target]
    facts = comparability.facts(one.side) if one.side else {}
    if facts:
        facts |= {name: target.facts[key] for key, name in _BUILD.items() if key in target.facts}
    stages = {
        stage: Typical(found.value, found.interval, len(found.blocks))
        for stage in STAGES
        if (found := summary.stages.get(stage))
    }
    reasons = tuple(map(_shortened, summary.reasons))
    return NightCase(summary.case, target, summary.status, reasons, stages, facts, _quantities(summary))


def _quantities(summary: CaseSummary) -> dict[str, Typical]:
    """Those above 0, which alone can be compared on logarithms."""
    found = {}
    for name, one in quantities(summary).items():
        _, scale = UNITS[one.kind]
        made = estimate([scale * value for value in one.blocks])
        if made.value > 0:
            found[name] = Typical(made.value, made.interval, made.blocks)
    return found


def _left_out(event: StoredEvent) -> Iterator[LeftOut]:
    target = event.target or str(event.data.get("target", "a target"))
    if event.kind in ("TargetSkipped", "TargetLost"):
        what = "skipped" if event.kind == "TargetSkipped" else "lost"
        yield LeftOut(target, what, _shortened(str(event.data.get("reason") or "no reason was stored")))
    elif event.kind == "DoctorFound":
        faults = event.data.get("faults")
        words = [f"{one.get('check')}: {one.get('words')}" for one in faults or () if isinstance(one, dict)]
        yield LeftOut(target, "found by the doctor", _shortened("; ".join(words) or "no fault was stored"))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 1]}…"


def nights(
    store: Store,
    *,
    suites: Collection[str] = (),
    newest: int | None = None,
    known: Mapping[str, Night] | None = None,
    anonymiser: Anonymiser | None = None,
    skipped: Mapping[str, Sequence[LeftOut]] | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[Night, ...]:
    """The runs of a store that planned a timed case, oldest first.

    Args:
        store: the store, which is only read.
        suites: only runs of these suites; empty for all.
        newest: only so many of them, the newest ones; None for all.
        known: nights that were read before, by run id; those of finished runs are not read again.
        anonymiser: replaces what identifies phones, people and computers.
        skipped: the phones that the nights of these runs left out, by run id.
        progress: is told how many runs were read, of how many.
    """
    infos = [info for info in store.runs() if not suites or info.suite in suites]
    infos = infos[-newest:] if newest else infos
    quarantines = store.quarantines()
    virtual = {target.id for info in infos for target in info.targets if target.virtual}
    found = []
    for number, info in enumerate(infos, 1):
        earlier = known.get(f"{info.id}{SUFFIX if anonymiser else ''}") if known else None
        if earlier is None or info.status == "running" or earlier.info.finished_at != info.finished_at:
            earlier = _read(store, info, quarantines, anonymiser)
        own = _hidden_left_out((skipped or {}).get(info.id, ()), virtual, anonymiser)
        if own != earlier.skipped:
            earlier = replace(earlier, skipped=own)
        if earlier.cases or earlier.gone:
            found.append(earlier)
        progress(number, len(infos))
    return tuple(found)


def _read(store: Store, info: RunInfo, quarantines: Sequence[Quarantine], anonymiser: Anonymiser | None) -> Night:
    run, happened = store.load(info.id), store.stored_events(info.id)
    if anonymiser is None:
        return night_of(run, happened, quarantines)
    hidden = [_hidden(one, anonymiser) for one in quarantines]
    return night_of(anonymiser.run(run), anonymiser.events(happened), hidden)


def _hidden_left_out(
    found: Sequence[LeftOut], virtual: Collection[str], anonymiser: Anonymiser | None
) -> tuple[LeftOut, ...]:
    """Phones that a night left out, with whether they are virtual, and without what identifies."""
    marked = [replace(one, virtual=one.target in virtual, reason=_shortened(one.reason)) for one in found]
    if anonymiser is None:
        return tuple(marked)
    hidden = [replace(one, target=anonymiser.line(one.target), reason=anonymiser.line(one.reason)) for one in marked]
    return tuple(
        replace(one, target=_ANOTHER, reason=_NO_REASON) if one.target == before.target else one
        for one, before in zip(hidden, marked, strict=True)
    )


def _hidden(one: Quarantine, anonymiser: Anonymiser) -> Quarantine:
    """A quarantine without what identifies; a phone that is in no run has no pseudonym, and is `another phone`."""
    pseudonym, reason = anonymiser.line(one.serial), anonymiser.line(one.reason)
    if pseudonym == one.serial:
        pseudonym, reason = _ANOTHER, _NO_REASON
    return one.model_copy(update={"serial": pseudonym, "reason": reason, "number": None, "model": None})


@dataclass(frozen=True)
class Shift:
    """A change of a series' level."""

    at: int
    """Index of the first point of the new level, in the series' points."""
    found: ChangePoint
    causes: tuple[str, ...]
    """The facts that differ between the last night of the old level and the first night of the new one."""
    near: tuple[str, ...] = ()
    """Without a cause: the facts that changed one night earlier or later, which is how exact the place is."""


@dataclass(frozen=True)
class Apart:
    """The last night of a case lies apart from the nights of its level. One night alone does not make a level."""

    ratio: float
    p: float
    """After Holm's correction over all cases of the last night."""


@dataclass(frozen=True)
class CaseSeries:
    """One case on one machine, over the nights in which it was planned, oldest first."""

    case: Case
    target: TargetInfo
    """As it described itself in the last of these nights."""
    points: tuple[tuple[Night, NightCase], ...]

    @property
    def soc(self) -> str:
        """The SoC under which it is filed."""
        return filed_under(self.target)

    @property
    def virtual(self) -> bool:
        return self.target.virtual

    @property
    def key(self) -> tuple[str, str, str, bool]:
        """What identifies it."""
        return self.case.key, self.target.machine, self.soc, self.virtual

    @cached_property
    def quantities(self) -> tuple[str, ...]:
        """The names of the quantities that any of its nights has."""
        return tuple(dict.fromkeys(name for _, one in self.points for name in one.quantities))

    def timed(self, stage: str) -> list[int]:
        """Indices of the points that have a time of this stage, or a value of this quantity."""
        return [number for number, (_, one) in enumerate(self.points) if stage in one.typical]

    @cached_property
    def shifts(self) -> dict[str, tuple[Shift, ...]]:
        """The changes of level of each stage and quantity. What varies more from run to run has to change more."""
        return {stage: tuple(self._shifts(stage)) for stage in (*STAGES, *self.quantities)}

    def _shifts(self, stage: str) -> Iterator[Shift]:
        timed = self.timed(stage)
        values = [self.points[number][1].typical[stage].value for number in timed]
        for found in change_points(values, smallest_change(stage)):
            causes = self._changed(timed, found.position)
            beside = [number for number in (found.position - 1, found.position + 1) if 0 < number < len(timed)]
            near = [] if causes else [one for number in beside for one in self._changed(timed, number)]
            yield Shift(timed[found.position], found, tuple(causes), tuple(dict.fromkeys(near)))

    def _changed(self, timed: Sequence[int], position: int) -> list[str]:
        before, after = (self.points[timed[number]][1].facts for number in (position - 1, position))
        return comparability.changed(before, after)

    def level(self, stage: Stage = "prediction") -> list[float]:
        """The times of the current level, oldest first (ms)."""
        found = self.shifts[stage]
        start = found[-1].at if found else 0
        return [self.points[number][1].stages[stage].value for number in self.timed(stage) if number >= start]


def smallest_change(stage: str) -> float:
    """The smallest change of a level of a stage or quantity that is named, as a share."""
    known = next((one for one in STAGES if one == stage), None)
    if known is None:
        return ASSUMED_QUANTITIES[kind_of(stage)]
    return SMALLEST_CHANGE if known == "prediction" else ASSUMED[known]


def unit(stage: str) -> str:
    """The unit of a series of a stage or quantity."""
    return "ms" if stage in STAGES else UNITS[kind_of(stage)][0]


def absent(found: Sequence[Night]) -> dict[str, tuple[NightCase, ...]]:
    """The cases that were not planned in a night because their phone was left out, by run id.

    They are the cases that the last run of the same suite before it, oldest first, planned on that phone, as far as the
    night planned their engine and model on another target.
    """
    last: dict[tuple[str, str], tuple[NightCase, ...]] = {}
    made: dict[str, tuple[NightCase, ...]] = {}
    for night in found:
        own: dict[str, list[NightCase]] = {target.id: [] for target in night.info.targets}
        for case in night.cases:
            own[case.target.id].append(case)
        why = {one.target: f"Its phone was left out ({one.what}: {one.reason})." for one in night.gone}
        wanted = {(one.case.engine, one.case.model) for one in night.cases}
        made[night.info.id] = tuple(
            replace(case, status="not measured", reasons=(reason,), stages={}, facts={}, quantities={}, planned=False)
            for target, reason in why.items()
            if target not in own
            for case in last.get((night.info.suite, target), ())
            if not wanted or (case.case.engine, case.case.model) in wanted
        )
        last |= {(night.info.suite, target): tuple(cases) for target, cases in own.items()}
    return made


def series(found: Sequence[Night]) -> tuple[CaseSeries, ...]:
    """Every case of these nights, in the order of SoC, target, model and case.

    Nights in which its phone was left out are points of a case, too, without a time.
    """
    without = absent(found)
    points: dict[tuple[Case, str, str, bool], list[tuple[Night, NightCase]]] = {}
    for night in found:
        for one in (*night.cases, *without[night.info.id]):
            key = (one.case, one.target.machine, filed_under(one.target), one.target.virtual)
            points.setdefault(key, []).append((night, one))
    made = [CaseSeries(key[0], of[-1][1].target, tuple(of)) for key, of in points.items()]
    return tuple(sorted(made, key=_order))


def _order(one: CaseSeries) -> tuple[object, ...]:
    case = one.case
    return one.virtual, one.soc, one.target.id, one.target.machine, case.model, case.precision, case.batch, case.key


def last_night(found: Sequence[Night]) -> tuple[Night, ...]:
    """The newest run, with those that began shortly before it."""
    newest: datetime | None = max((night.info.created_at for night in found), default=None)
    return tuple(night for night in found if newest and newest - night.info.created_at < LAST_NIGHT)


def missing(found: Sequence[CaseSeries], among: Sequence[Night]) -> tuple[LeftOut, ...]:
    """The targets that were measured not long before these last nights, and are not among their targets."""
    if not among:
        return ()
    newest = max(night.info.created_at for night in among)
    present = {(info.id, info.machine) for night in among for info in night.info.targets}
    told = {one.target for night in among for one in night.gone}
    latest: dict[tuple[str, str], tuple[datetime, TargetInfo]] = {}
    for one in found:
        target = one.target
        last = next(night.info.created_at for night, case in reversed(one.points) if case.planned)
        key = target.id, target.machine
        if (
            key not in present
            and target.id not in told
            and newest - last < NOT_LONG
            and (key not in latest or latest[key][0] < last)
        ):
            latest[key] = last, target
    return tuple(
        LeftOut(target.id, "not measured", f"last planned on {last:%Y-%m-%d}", target.virtual)
        for last, target in latest.values()
    )


def apart(found: Sequence[CaseSeries], among: Sequence[Night]) -> dict[tuple[str, str, str, bool], Apart]:
    """The cases whose prediction in one of these last nights lies apart from their level, by the key of the series.

    A t test of one further value against the nights of the level, on logarithms, with Holm's correction over all cases.
    """
    ids = {night.info.id for night in among}
    tested: list[tuple[CaseSeries, float, float]] = []
    for one in found:
        timed = one.timed("prediction")
        if timed and one.points[timed[-1]][0].info.id in ids:
            *before, last = map(math.log, one.level())
            if len(before) >= LEAST_NIGHTS and (spread := deviation(before)) > 0:
                tested.append((one, *_further(before, last, spread)))
    after = corrected([p for _, _, p in tested])
    return {
        one.key: Apart(ratio, p)
        for (one, ratio, _), p in zip(tested, after, strict=True)
        if p <= LEVEL and abs(math.log(ratio)) >= math.log1p(SMALLEST_CHANGE)
    }


def _further(before: Sequence[float], last: float, spread: float) -> tuple[float, float]:
    """How many times the level a further value is, and the probability of one as far away."""
    from scipy.special import stdtr

    distance = last - math.fsum(before) / len(before)
    t = distance / (spread * math.sqrt(1 + 1 / len(before)))
    return math.exp(distance), float(2 * stdtr(len(before) - 1, -abs(t)))
