"""Compares a night with its baseline. The statistics are those of `mobilebench compare`, with one correction over
everything that the night compares."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice

from mobilebench.analysis import compare as comparing
from mobilebench.analysis.compare import Comparison, Limit, StageChange
from mobilebench.analysis.compare_quantities import with_quantities
from mobilebench.analysis.labels import case_label, model_label
from mobilebench.analysis.quantities import QuantityChange
from mobilebench.analysis.stored import MOST_EARLIER
from mobilebench.analysis.summary import CaseSummary, RunSummary
from mobilebench.core.errors import BadInput, as_clause
from mobilebench.core.records import Case, Stage
from mobilebench.nights import stored
from mobilebench.nights.config import LAST_GOOD, STAGES, Config, Regression
from mobilebench.nights.records import LOST, USABLE, Change, Flaky, Night, StepRecord
from mobilebench.report.comparison import percent_change
from mobilebench.report.phrases import plural
from mobilebench.results.places import Where

MOST_BACK = 30
"""So many nights back a good one of a case is looked for."""


@dataclass(frozen=True)
class Judged:
    """What became of a night's cases."""

    changes: tuple[Change, ...]
    missing: tuple[str, ...]
    """Cases of the newest earlier night of a step that were not planned in this one; without those of phones that were
    skipped."""
    differences: tuple[str, ...]
    """What differs from the baseline beside times, such as `quick: engine version 1.29.0 → 1.30.0 (4 cases)`."""
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Pair:
    """A run of this night and one with which some of its cases are compared."""

    step: StepRecord
    base: str
    before: RunSummary
    after: RunSummary
    comparison: Comparison | None


def judge(config: Config, night: Night, past: Sequence[Night], where: Where) -> Judged:
    """Compare every measured suite of a night with its baseline.

    Args:
        config: what counts as a regression, and what the baseline is.
        night: the night, with the statuses of its cases.
        past: earlier nights of the same configuration, oldest first.
        where: where the store of runs is.

    Raises:
        BadInput: the configured baseline is a run that is not stored.
    """
    notes: list[str] = []
    missing: list[str] = []
    pairs: list[_Pair] = []
    begun = stored.begun(where)
    for step in night.steps:
        if step.kind != "suite" or not step.runs:
            continue
        before = [(one, other) for one in past for other in one.steps if other.name == step.name and other.cases]
        if before:
            missing += [
                key
                for key in before[-1][1].cases
                if key not in step.cases and not any(key.startswith(f"{phone.id}/") for phone in night.skipped)
            ]
        for run, cases in _bases(config, step, past, begun, where, notes).items():
            pairs.append(_pair(config.regression, step, run, cases, _earlier(step, run, past, begun), where, notes))
    corrected = _corrected(pairs)
    notes += [note for pair in corrected for note in _together(pair)]
    return Judged(
        changes=tuple(change for pair in corrected for change in _changes(config.regression, pair)),
        missing=tuple(dict.fromkeys(missing)),
        differences=tuple(dict.fromkeys(one for pair in corrected for one in _differences(pair))),
        notes=tuple(notes),
    )


def _bases(
    config: Config,
    step: StepRecord,
    past: Sequence[Night],
    begun: Mapping[str, datetime],
    where: Where,
    notes: list[str],
) -> dict[str, set[str] | None]:
    """Run with which cases of a step are compared to the keys of these; None stands for all."""
    if config.baseline != LAST_GOOD and config.nights_back is None:
        return {stored.resolve(where, config.baseline): None}
    finished = [one for one in past if one.status == "finished"]
    if back := config.nights_back:
        chosen = finished[-back : len(finished) - back + 1] if len(finished) >= back else []
    else:
        chosen = [one for one in finished if one.good][-MOST_BACK:]
    found: dict[str, set[str] | None] = {}
    left = set(step.cases)
    for night in reversed(chosen):
        other = next((one for one in night.steps if one.name == step.name and one.runs), None)
        cases = {key for key in left if other and other.cases.get(key) in USABLE}
        if other and cases and other.runs[-1] in begun:
            found[other.runs[-1]] = cases
            left -= cases
        if other and night.accepted:  # what was lost that night is no longer expected
            left -= {key for key in left if other.cases.get(key) in LOST}
    if not found:
        notes.append(f"{step.name}: there is no baseline yet ({config.baseline}), so nothing is compared.")
    elif new := [key for key in left if step.cases[key] in USABLE]:
        notes.append(f"{step.name}: {len(new)} of {len(step.cases)} cases have no baseline yet.")
    return found


def _pair(
    rules: Regression,
    step: StepRecord,
    base: str,
    cases: Collection[str] | None,
    earlier: Sequence[str],
    where: Where,
    notes: list[str],
) -> _Pair:
    before, after = (stored.summary(where, run, cases) for run in (base, step.runs[-1]))
    varied = [stored.summary(where, run, cases) for run in earlier]
    try:
        comparison = comparing.compare(before, after, stages=_stages(rules), earlier=varied)
        comparison = with_quantities(comparison, before, after, resources=list(rules.more), earlier=varied)
    except BadInput as error:
        notes.append(f"{step.name}: it is not compared with {base}, because {as_clause(error.message)}.")
        comparison = None
    return _Pair(step, base, before, after, comparison)


def _stages(rules: Regression) -> list[Stage]:
    return [stage for stage in STAGES if stage in rules.slower]


def _earlier(step: StepRecord, base: str, past: Iterable[Night], begun: Mapping[str, datetime]) -> list[str]:
    """Runs from which the variation between runs is estimated: those of good nights before the baseline. A regression
    that is younger than the baseline would look like variation, and hide itself."""
    runs = [
        other.runs[-1]
        for night in past
        if night.good
        for other in night.steps
        if other.name == step.name and other.runs
    ]
    return [run for run in runs if run in begun and begun[run] < begun[base]][-MOST_EARLIER:]


def _corrected(pairs: Sequence[_Pair]) -> list[_Pair]:
    """The pairs with changes that are called after one correction over all of them."""
    cases = iter(comparing.with_calls([one for pair in pairs if pair.comparison for one in pair.comparison.cases]))
    return [
        replace(
            pair,
            comparison=pair.comparison
            and replace(pair.comparison, cases=tuple(islice(cases, len(pair.comparison.cases)))),
        )
        for pair in pairs
    ]


def _changes(rules: Regression, pair: _Pair) -> list[Change]:
    timed = of_comparison(pair.comparison, rules, pair.step.name, pair.base) if pair.comparison else []
    return [*_by_status(rules, pair), *timed]


def _differences(pair: _Pair) -> list[str]:
    """What differs from the baseline, such as versions."""
    found = pair.comparison.differences if pair.comparison else ()
    return [f"{pair.step.name}: {one.change} ({plural(count, 'case')})" for one, count in found]


def _together(pair: _Pair) -> Iterator[str]:
    """Targets of which every prediction changed the same way."""
    if pair.comparison is None:
        return
    for target in dict.fromkeys(case.after.target for case in pair.comparison.cases):
        cases = tuple(case for case in pair.comparison.cases if case.after.target == target)
        ratio = replace(pair.comparison, cases=cases).together
        if ratio is not None:
            yield (
                f"{pair.step.name}: all predictions on {target} changed the same way (by {percent_change(ratio)}): "
                "perhaps the machine was slower or faster, and not the cases."
            )


def of_comparison(comparison: Comparison, rules: Regression, step: str, base: str | None) -> list[Change]:
    """The changes of a comparison, after the correction; those that break a limit are worse."""
    limits = {stage: limit_of(stage, share).on(comparison) for stage, share in rules.slower.items()}
    broken = {(id(case), stage.stage) for limit in limits.values() for case, stage in limit.broken}
    found = []
    for case in comparison.cases:
        about = _about(step, case.after, base, virtual=case.virtual, label=case.label)
        if case.refusal:
            found.append(about.model_copy(update={"call": "not compared", "reason": case.refusal}))
            continue
        found += [
            _timed(about, change, rules.slower.get(change.stage), worse=(id(case), change.stage) in broken)
            for change in case.stages.values()
        ]
        found += [_of_quantity(about, change, rules.more[change.kind]) for change in case.quantities]
    return found


def _of_quantity(about: Change, change: QuantityChange, share: float) -> Change:
    """It is worse if it is called more, and its whole interval is above the limit."""
    interval = (change.interval.low, change.interval.high) if change.interval else None
    return about.model_copy(
        update={
            "quantity": change.name,
            "call": change.call,
            "before": change.before,
            "after": change.after,
            "ratio": change.ratio,
            "interval": interval,
            "corrected_p": change.corrected_p,
            "limit": share,
            "worse": change.call == "more" and interval is not None and interval[0] > 1 + share,
            "reason": change.reason,
        }
    )


def _timed(about: Change, change: StageChange, share: float | None, *, worse: bool) -> Change:
    return about.model_copy(
        update={
            "stage": change.stage,
            "call": change.call,
            "before_ms": change.before_ms,
            "after_ms": change.after_ms,
            "ratio": change.ratio,
            "interval": (change.interval.low, change.interval.high) if change.interval else None,
            "corrected_p": change.corrected_p,
            "limit": share,
            "worse": worse,
            "reason": change.reason,
        }
    )


def limit_of(stage: Stage, share: float) -> Limit:
    """The limit of a stage, as `compare --fail-if` has it."""
    return Limit(f"{stage} > {share * 100:g}%", stage, share)


def _about(step: str, case: Case, base: str | None, *, virtual: bool, label: str | None = None) -> Change:
    place = model_label(case.model, case.precision, case.batch)
    return Change(
        step=step,
        case=case.key,
        label=f"{place}, {label or case_label(case)}",
        target=case.target,
        call="cannot be told",
        base=base,
        virtual=virtual,
    )


def _by_status(rules: Regression, pair: _Pair) -> list[Change]:
    """Cases that had a time, were tried again, and have none now."""
    before = cases_of(pair.before)
    virtual = {target.info.id for target in pair.after.targets if target.info.virtual}
    found = []
    for key, case in cases_of(pair.after).items():
        old = before.get(key)
        about = _about(pair.step.name, case.case, pair.base, virtual=case.case.target in virtual)
        if old is not None and old.status in USABLE and case.status in LOST:
            why = f": {as_clause(case.reasons[0])}" if case.reasons else ""
            reason = f"it was {old.status} and is {case.status}{why}"
            found.append(about.model_copy(update={"call": "lost", "reason": reason, "worse": rules.lost}))
    return found


def cases_of(run: RunSummary) -> Mapping[str, CaseSummary]:
    """The cases of a run by key."""
    return {case.case.key: case for target in run.targets for case in target.cases}


def with_flaky(changes: Iterable[Change], flaky: Iterable[Flaky]) -> list[Change]:
    """The changes, with those of flaky cases marked."""
    known = {(one.step, one.case) for one in flaky}
    return [one.model_copy(update={"flaky": True}) if (one.step, one.case) in known else one for one in changes]
