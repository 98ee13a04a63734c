"""Compares two runs case by case: what became slower or faster, and how sure that is.

A change is the ratio of the typical times of a case in both runs, with its 95 % interval by Welch's t test on the
logarithms of the block medians; within one run, blocks are paired by rounds instead. Two runs of the same case differ
by more than their blocks show, so the variation between runs is added: estimated from earlier runs of the case,
together with an assumed value (`ASSUMED`). A change is called one only if it stays significant after Holm's correction
over everything that is compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, get_args

from mobilebench.analysis import comparability
from mobilebench.analysis.comparability import Difference, Kind, Side, engine_name
from mobilebench.analysis.labels import case_label
from mobilebench.analysis.quantities import QuantityCall, QuantityChange
from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary
from mobilebench.core.errors import BadInput, as_clause
from mobilebench.core.records import Case, RunInfo, Stage
from mobilebench.statistics.between_runs import BetweenRuns, between_runs, corrected
from mobilebench.statistics.estimates import LEAST_BLOCKS, Interval, geometric_mean, paired_ratio, unpaired_ratio

Across = Literal["engine", "browser", "target"]
"""What may differ between the two cases of a comparison: the release of an engine, the browser, or the target."""
Call = Literal["slower", "faster", "no change", "cannot be told"]

ASSUMED: dict[Stage, float] = {"prediction": 0.025, "warmup": 0.10, "setup": 0.25}
"""Standard deviation between runs that is assumed without earlier runs, on logarithms (0.025 is 2.5 %)."""
LEVEL = 0.05
"""Largest probability that at least one change is called where nothing changed."""
_KINDS: dict[Across | None, Kind] = {None: "runs", "engine": "releases", "browser": "browsers", "target": "targets"}
_SAME_THING = ("engine version", "engine files", "browser version", "block rule", "renderer")
"""Facts in which an earlier run must agree, so that its difference is not due to a change that is known."""
_TOGETHER = 4
_LIMIT = re.compile(r"\s*(\w+)\s*>\s*(\d{1,6}(?:\.\d{1,6})?)\s*%\s*")


@dataclass(frozen=True)
class StageChange:
    """One stage of a case in both runs."""

    stage: Stage
    before_ms: float | None
    """Typical time, as `CaseSummary` has it; None without a sample that counts."""
    after_ms: float | None
    call: Call
    ratio: float | None = None
    """Time of the second run over that of the first; None without an interval."""
    interval: Interval | None = None
    """95 % confidence interval of the ratio, for this stage of this case alone."""
    p: float | None = None
    corrected_p: float | None = None
    """After Holm's correction over all stages and cases that are compared; at most 0.05 is a change."""
    between: BetweenRuns | None = None
    """The variation between runs that the interval contains; None within one run."""
    reason: str | None = None
    """Why it cannot be told."""


@dataclass(frozen=True)
class CaseChange:
    """One case in both runs."""

    before: Case
    after: Case
    target: str
    """Name of the second run's target."""
    virtual: bool
    suspect: bool
    """Whether the case is suspect in at least one of the runs."""
    stages: dict[Stage, StageChange]
    differences: tuple[Difference, ...] = ()
    """Facts that differ and may differ: what is compared, and versions."""
    refusal: str | None = None
    """Why it may not be compared, with the field and both values."""
    quantities: tuple[QuantityChange, ...] = ()
    """Energy and memory, where they are compared (`analysis.compare_quantities`)."""

    @property
    def label(self) -> str:
        """The case; with both sides if they are not the same case."""
        before, after = case_label(self.before), case_label(self.after)
        if self.before.target != self.after.target:
            return f"{after} on {self.before.target} → {self.after.target}"
        if replace(self.before, engine=self.after.engine) == self.after != self.before:
            before = self.before.engine
        return after if before == after else f"{before} → {after}"


@dataclass(frozen=True)
class Comparison:
    """What changed from one run to another."""

    before: RunInfo
    after: RunInfo
    kind: Kind
    stages: tuple[Stage, ...]
    cases: tuple[CaseChange, ...]
    only_before: tuple[Case, ...]
    """Cases without a counterpart in the second run."""
    only_after: tuple[Case, ...]
    earlier: int
    """Number of other runs from which the variation between runs was estimated."""
    stopped: tuple[int, int] = (0, 0)
    """Number of attempts at blocks of these runs that were stopped because of heat: invalid, and not compared."""

    @property
    def differences(self) -> tuple[tuple[Difference, int], ...]:
        """What differs between the two runs, and in how many cases."""
        counts: dict[Difference, int] = {}
        for case in self.cases:
            if not case.refusal:
                for one in case.differences:
                    counts[one] = counts.get(one, 0) + 1
        return tuple(counts.items())

    @property
    def changes(self) -> tuple[tuple[CaseChange, StageChange], ...]:
        """Every stage of every case that may be compared."""
        return tuple((case, stage) for case in self.cases if not case.refusal for stage in case.stages.values())

    def called(self, call: Call) -> tuple[tuple[CaseChange, StageChange], ...]:
        return tuple((case, stage) for case, stage in self.changes if stage.call == call)

    @property
    def together(self) -> float | None:
        """The geometric mean of all ratios of the predictions, if at least four were told and all go the same way by
        at least one called change: then perhaps the machine changed, and not the cases. Otherwise None.
        """
        told = [stage for _, stage in self.changes if stage.stage == "prediction" and stage.ratio is not None]
        ratios = [stage.ratio for stage in told if stage.ratio is not None]
        called = any(stage.call in ("slower", "faster") for stage in told)
        if len(ratios) < _TOGETHER or not called or min(ratios) < 1 < max(ratios):
            return None
        return geometric_mean(ratios)


def compare(
    before: RunSummary,
    after: RunSummary,
    *,
    stages: Sequence[Stage] = ("prediction",),
    across: Across | None = None,
    earlier: Iterable[RunSummary] = (),
) -> Comparison:
    """Compare the cases of two runs.

    Args:
        before: the run that is the base of all ratios.
        after: the other run; with `across` it may be the same run.
        stages: the stages to compare.
        across: what may differ between the two cases of a pair; None: they are the same case.
        earlier: other runs, to estimate how much the same case varies from run to run.

    Raises:
        BadInput: the runs have no case in common, or none that may be compared.
    """
    if across is None and before.info.id == after.info.id:
        raise BadInput(
            f"Run {before.info.id} would be compared with itself.",
            hint="Name two runs, or say what to compare within it: `--across engine`.",
        )
    kind = _KINDS[across]
    within = before.info.id == after.info.id
    left, right = measured_cases(before), measured_cases(after)
    pairs = _pairs(left, right, across, within=within)
    if not pairs:
        other_way = across is None and _pairs(left, right, "engine", within=within)
        hint = (
            "`--across engine` pairs releases of an engine." if other_way else "`mobilebench results RUN` lists cases."
        )
        raise BadInput(_nothing_in_common(before.info, after.info, across), hint=hint)
    history = [measured_cases(one) for one in earlier]
    changes = [change_between(kind, a, b, stages, history, within=within) for a, b in pairs]
    if all(change.refusal for change in changes):
        raise BadInput(
            f"No case of run {before.info.id} may be compared with run {after.info.id}. {changes[0].refusal}",
            hint="docs/method.md has the facts that must agree; --across names one that may differ.",
        )
    paired = [{one.summary.case for one in side} for side in zip(*pairs, strict=True)]
    if within:
        paired = [paired[0] | paired[1]] * 2
    only_before, only_after = (
        tuple(one.summary.case for one in side if one.summary.case not in known)
        for side, known in zip((left, right), paired, strict=True)
    )
    return Comparison(
        before=before.info,
        after=after.info,
        kind=kind,
        stages=tuple(stages),
        cases=tuple(with_calls(changes)),
        only_before=only_before,
        only_after=() if within else only_after,
        earlier=len(history),
        stopped=(before.stopped, after.stopped),
    )


@dataclass(frozen=True)
class MeasuredCase:
    """A case of a run, with the facts on which its comparability depends."""

    summary: CaseSummary
    side: Side | None
    """None if no block of it was measured."""
    target_name: str
    virtual: bool
    begun: datetime
    """When its run began."""


def measured_cases(run: RunSummary) -> list[MeasuredCase]:
    """The cases of a run of which timing was planned."""
    found = []
    for target in run.targets:
        for case in target.cases:
            if case.timed:
                block = next((one.block for one in (*case.counted, *case.blocks) if one.block.measurement), None)
                answer = block.measurement if block else None
                side = Side(case.case, answer, block.planned, target.info, run.info) if block and answer else None
                found.append(MeasuredCase(case, side, target.info.name, target.info.virtual, run.info.created_at))
    return found


_Pair = tuple[MeasuredCase, MeasuredCase]


def _pairs(left: list[MeasuredCase], right: list[MeasuredCase], across: Across | None, *, within: bool) -> list[_Pair]:
    if across is None:
        same = {one.summary.case: one for one in right}
        pairs = [(one, same[one.summary.case]) for one in left if one.summary.case in same]
        return pairs + _on_other_targets(left, right, pairs)
    by_key: dict[Case, list[MeasuredCase]] = {}
    for one in right:
        by_key.setdefault(_without(across, one.summary.case), []).append(one)
    pairs = [
        (one, other)
        for one in left
        for other in by_key.get(_without(across, one.summary.case), ())
        if getattr(one.summary.case, across) != getattr(other.summary.case, across)
    ]
    return [pair for pair in pairs if _in_order(*pair)] if within else pairs


def _in_order(a: MeasuredCase, b: MeasuredCase) -> bool:
    """Whether `a` comes before `b`: the older release, or else the name that sorts first."""
    return _release_order(a) < _release_order(b)


def _release_order(one: MeasuredCase) -> tuple[list[int], str]:
    case, version = one.summary.case, (one.side.measurement.version if one.side else None) or ""
    return [int(part) for part in version.split(".") if part.isdecimal()], case.key


def _without(across: Across, case: Case) -> Case:
    """The case with the part that may differ removed."""
    if across == "engine":
        return replace(case, engine=engine_name(case.engine))
    if across == "browser":
        return replace(case, browser=None if case.browser is None else "any")
    return replace(case, target="any")


def _on_other_targets(left: list[MeasuredCase], right: list[MeasuredCase], pairs: list[_Pair]) -> list[_Pair]:
    """Pairs of cases that differ only in the target, and have no other counterpart. They will be refused by name."""
    paired = {id(one) for pair in pairs for one in pair}
    rest_left, rest_right = ([one for one in side if id(one) not in paired] for side in (left, right))
    found = []
    for one in rest_left:
        key = _without("target", one.summary.case)
        mine = [other for other in rest_left if _without("target", other.summary.case) == key]
        theirs = [other for other in rest_right if _without("target", other.summary.case) == key]
        if len(mine) == len(theirs) == 1:
            found.append((one, theirs[0]))
    return found


def _nothing_in_common(before: RunInfo, after: RunInfo, across: Across | None) -> str:
    if across is None:
        return f"Runs {before.id} and {after.id} have no case in common."
    what = {"engine": "release of an engine", "browser": "browser", "target": "target"}[across]
    where = f"In run {before.id}" if before.id == after.id else f"Between runs {before.id} and {after.id}"
    return f"{where}, no two cases differ only in the {what}."


def change_between(
    kind: Kind,
    a: MeasuredCase,
    b: MeasuredCase,
    stages: Sequence[Stage],
    history: Sequence[Sequence[MeasuredCase]],
    *,
    within: bool,
) -> CaseChange:
    change = CaseChange(
        before=a.summary.case,
        after=b.summary.case,
        target=b.target_name,
        virtual=a.virtual or b.virtual,
        suspect="suspect" in (a.summary.status, b.summary.status),
        stages={},
    )
    if a.side is None or b.side is None:
        return replace(change, stages={stage: _untold(stage, a, b) for stage in stages})
    if why := comparability.refusal(kind, a.side, b.side):
        return replace(change, refusal=why)
    return replace(
        change,
        differences=tuple(comparability.differences(kind, a.side, b.side)),
        stages={stage: _stage(stage, a, b, history, within) for stage in stages},
    )


def _stage(
    stage: Stage, a: MeasuredCase, b: MeasuredCase, history: Sequence[Sequence[MeasuredCase]], within: bool
) -> StageChange:
    base = _untold(stage, a, b)
    if base.reason is not None:
        return base
    if within:
        above, below = _common_rounds(stage, b, a)
        if len(above) < LEAST_BLOCKS:
            return replace(base, reason=f"only {len(above)} rounds have both, and a change needs {LEAST_BLOCKS}")
        between, found = None, paired_ratio(above, below)
    else:
        between = _between(stage, a, b, history)
        above, below = ([*one.summary.stages[stage].blocks] for one in (b, a))
        found = unpaired_ratio(above, below, further=between.of_difference)
    if found is None:
        return replace(base, reason="a block took no time, by its clock")
    return replace(base, call="no change", ratio=found.ratio, interval=found.interval, p=found.p, between=between)


def _common_rounds(stage: Stage, a: MeasuredCase, b: MeasuredCase) -> tuple[list[float], list[float]]:
    """The block medians of the rounds in which both were measured, in the order of the rounds."""
    first, second = (one.summary.by_round(stage) for one in (a, b))
    rounds = [number for number in first if number in second]
    return [first[number] for number in rounds], [second[number] for number in rounds]


def _untold(stage: Stage, a: MeasuredCase, b: MeasuredCase) -> StageChange:
    """The two times, and why they do not tell a change, if they do not."""
    found = [one.summary.stages.get(stage) for one in (a, b)]
    before, after = (one.value if one else None for one in found)
    reason = None
    for place, one, statistics in zip(("first", "second"), (a, b), found, strict=True):
        if reason is not None:
            continue
        if statistics is None:
            why = f" ({as_clause(one.summary.reasons[0])})" if one.summary.reasons else ""
            reason = f"in the {place} run it is {one.summary.status}{why}, and has no {stage} that counts"
        elif len(statistics.blocks) < LEAST_BLOCKS:
            count = len(statistics.blocks)
            reason = (
                f"the {place} run has {count} block{'' if count == 1 else 's'} of it, and a change needs {LEAST_BLOCKS}"
            )
    return StageChange(stage, before, after, call="cannot be told", reason=reason)


def _between(stage: Stage, a: MeasuredCase, b: MeasuredCase, history: Sequence[Sequence[MeasuredCase]]) -> BetweenRuns:
    """How much each of two cases varies from run to run; the larger estimate, if they are not the same thing."""
    older, newer = sorted((a, b), key=lambda one: one.begun)
    pool = [one.summary.stages[stage].blocks for one in _alike(older, stage, history)]
    found = [between_runs([*pool, older.summary.stages[stage].blocks], ASSUMED[stage])]
    if not (a.side and b.side and a.summary.case == b.summary.case and same_thing(a.side, b.side)):
        pool = [one.summary.stages[stage].blocks for one in _alike(newer, stage, history)]
        found.append(between_runs(pool, ASSUMED[stage]))
    return max(found, key=lambda one: one.deviation)


def _alike(own: MeasuredCase, stage: Stage, history: Sequence[Sequence[MeasuredCase]]) -> list[MeasuredCase]:
    """The same case in earlier runs, measured under the same conditions and with the same versions."""
    return [
        one
        for run in history
        for one in run
        if one.summary.case == own.summary.case
        and stage in one.summary.stages
        and one.side
        and own.side
        and comparability.refusal("runs", own.side, one.side) is None
        and same_thing(own.side, one.side)
    ]


def same_thing(a: Side, b: Side) -> bool:
    return not any(one.field in _SAME_THING for one in comparability.differences("runs", a, b))


def with_calls(changes: Sequence[CaseChange]) -> list[CaseChange]:
    """The changes after the correction over all of them."""
    told: list[StageChange | QuantityChange] = []
    for change in changes:
        told += [one for one in change.stages.values() if one.p is not None]
        told += [one for one in change.quantities if one.p is not None]
    after = dict(zip(map(id, told), corrected([one.p for one in told if one.p is not None]), strict=True))
    return [
        replace(
            change,
            stages={
                name: _called(stage, after[id(stage)]) if stage.p is not None else stage
                for name, stage in change.stages.items()
            },
            quantities=tuple(
                _called_more(one, after[id(one)]) if one.p is not None else one for one in change.quantities
            ),
        )
        for change in changes
    ]


def _called(stage: StageChange, p: float) -> StageChange:
    call: Call = "no change"
    if p <= LEVEL and stage.ratio is not None:
        call = "slower" if stage.ratio > 1 else "faster"
    return replace(stage, corrected_p=p, call=call)


def _called_more(one: QuantityChange, p: float) -> QuantityChange:
    call: QuantityCall = "no change"
    if p <= LEVEL and one.ratio is not None:
        call = "more" if one.ratio > 1 else "less"
    return replace(one, corrected_p=p, call=call)


@dataclass(frozen=True)
class Limit:
    """A limit of `--fail-if`: how much slower a stage may become."""

    text: str
    """As it was typed."""
    stage: Stage
    share: float
    """0.05 is 5 %."""
    broken: tuple[tuple[CaseChange, StageChange], ...] = field(default=())
    """Cases that are slower by more than the limit for sure."""

    def on(self, comparison: Comparison) -> Limit:
        """The limit with the cases that break it.

        A case breaks it if its change is called one, and the lower end of its interval is above the limit.
        """
        broken = [
            (case, stage)
            for case, stage in comparison.called("slower")
            if stage.stage == self.stage and stage.interval and stage.interval.low > 1 + self.share
        ]
        return replace(self, broken=tuple(broken))


def limit(text: str) -> Limit:
    """A limit as it is typed: `prediction > 5%`.

    Raises:
        BadInput: it is none.
    """
    found = _LIMIT.fullmatch(text)
    stage = next((one for one in STAGES if found and one == found[1]), None)
    if found is None or stage is None:
        raise BadInput(f"`{text}` is no limit.", hint='Write a stage and a percentage: --fail-if "prediction > 5%".')
    return Limit(text.strip(), stage, float(found[2]) / 100)


def stages_of(names: Sequence[str], limits: Sequence[Limit] = ()) -> tuple[Stage, ...]:
    """The stages that are named, with those of the limits; without a name `prediction`, and `all` is every one.

    Raises:
        BadInput: a name is no stage.
    """
    for name in names:
        if name not in (*STAGES, "all"):
            raise BadInput(f"There is no stage {name}.", hint=f"The stages are {', '.join(STAGES)}; `all` has all.")
    asked = set(STAGES if "all" in names else names or ("prediction",)) | {one.stage for one in limits}
    return tuple(stage for stage in reversed(STAGES) if stage in asked)


def across(name: str | None) -> Across | None:
    """What may differ between the cases of a pair, by name.

    Raises:
        BadInput: it is not one of these.
    """
    known: tuple[Across, ...] = get_args(Across)
    found = next((one for one in known if one == name), None)
    if name is not None and found is None:
        raise BadInput(f"Cases cannot be compared across {name}.", hint=f"Choose {', '.join(known)}.")
    return found
