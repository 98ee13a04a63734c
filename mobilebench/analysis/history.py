"""One case over all runs of a store: its time, verdict and versions, and what changed from run to run."""

from __future__ import annotations

import difflib
import itertools
from dataclasses import dataclass
from datetime import datetime

from mobilebench.analysis.comparability import Difference
from mobilebench.analysis.compare import (
    CaseChange,
    MeasuredCase,
    StageChange,
    change_between,
    measured_cases,
    with_calls,
)
from mobilebench.analysis.stored import MOST_EARLIER, Wanted
from mobilebench.analysis.summary import Status, summarise
from mobilebench.core.errors import BadInput
from mobilebench.core.records import Case, RunInfo, Stage
from mobilebench.results.places import Where, place_of
from mobilebench.results.store import Store
from mobilebench.statistics.estimates import Interval


@dataclass(frozen=True)
class Point:
    """A case in one run."""

    run: RunInfo
    virtual: bool
    status: Status
    reasons: tuple[str, ...]
    value_ms: float | None
    """Typical time; None if no block counts."""
    interval: Interval | None
    blocks: int
    """Number of blocks that count."""
    engine_version: str | None
    browser_version: str | None
    change: StageChange | None = None
    """From the last run before that had a time; None for the first one."""
    differences: tuple[Difference, ...] = ()
    """Versions and conditions that differ from that run."""
    refusal: str | None = None
    """Why it may not be compared with that run."""


@dataclass(frozen=True)
class CaseHistory:
    """A case over the runs in which it was planned, oldest first."""

    case: Case
    stage: Stage
    points: tuple[Point, ...]


def history(where: Where, wanted: Wanted, stage: Stage, key: str | None = None) -> tuple[CaseHistory, ...]:
    """The history of every wanted case of a store, in the order in which they were first planned.

    Changes are called as in `compare`, after the correction over all runs of one case.

    Raises:
        BadInput: no run has such a case.
    """
    found: dict[Case, list[tuple[RunInfo, MeasuredCase]]] = {}
    with Store.open(where, create=False) as store:
        planned = store.cases()
        keys = {key: case for cases in planned.values() for key, case in cases.items() if wanted(case)}
        if not keys:
            raise BadInput(f"No run in {place_of(where)} has such a case.", hint=_hint(key, planned))
        for run_id, cases in planned.items():
            if chosen := keys.keys() & cases.keys():
                loaded = store.load(run_id, cases=chosen)
                for one in measured_cases(summarise(loaded)):
                    found.setdefault(one.summary.case, []).append((loaded.info, one))
    return tuple(CaseHistory(case, stage, _points(runs, stage)) for case, runs in found.items())


def _hint(key: str | None, planned: dict[str, dict[str, Case]]) -> str:
    known = sorted({one for cases in planned.values() for one in cases})
    close = difflib.get_close_matches(key, known, n=2, cutoff=0.5) if key else []
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return "`mobilebench history` without a case lists those that were measured; --engine, --model and --target filter."


def _points(runs: list[tuple[RunInfo, MeasuredCase]], stage: Stage) -> tuple[Point, ...]:
    """One point for each run; each is compared with the last one before it that has a time."""
    timed = [one for _, one in runs if stage in one.summary.stages]
    steps = []
    for number, (before, after) in enumerate(itertools.pairwise(timed)):
        earlier = [[one] for one in timed[max(0, number - MOST_EARLIER) : number]]
        steps.append(change_between("runs", before, after, (stage,), earlier, within=False))
    steps_by_run = {id(after): step for after, step in zip(timed[1:], with_calls(steps), strict=True)}
    return tuple(_point(info, one, stage, steps_by_run.get(id(one))) for info, one in runs)


def _point(info: RunInfo, one: MeasuredCase, stage: Stage, step: CaseChange | None) -> Point:
    found = one.summary.stages.get(stage)
    answer = one.side.measurement if one.side else None
    return Point(
        run=info,
        virtual=one.virtual,
        status=one.summary.status,
        reasons=one.summary.reasons,
        value_ms=found.value if found else None,
        interval=found.interval if found else None,
        blocks=len(found.blocks) if found else 0,
        engine_version=answer.version if answer else None,
        browser_version=answer.proof.browser_version if answer else None,
        change=step.stages.get(stage) if step else None,
        differences=step.differences if step else (),
        refusal=step.refusal if step else None,
    )


def planned_cases(where: Where) -> dict[Case, tuple[int, datetime]]:
    """Every case of a store, with the number of runs that planned it and when the last of them began."""
    found: dict[Case, tuple[int, datetime]] = {}
    with Store.open(where, create=False) as store:
        begun = {info.id: info.created_at for info in store.runs()}
        for run_id, cases in store.cases().items():
            for case in cases.values():
                count, _ = found.get(case, (0, begun[run_id]))
                found[case] = (count + 1, begun[run_id])
    return found
