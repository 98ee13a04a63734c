"""Whether the records of a run that comes from elsewhere fit together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from mobilebench.core.records import Block, Run, StoredEvent

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_WORDS = {"last", "none", "all"}
"""Words that commands understand in place of a run's id."""
_AHEAD = timedelta(days=1)
"""How far the clock of another computer may be ahead of this one."""


def check(run: Run, events: Sequence[StoredEvent]) -> None:
    """Raise `ValueError`, with a clause, if something does not fit."""
    for problem in _problems(run, events):
        raise ValueError(problem)


def _problems(run: Run, events: Sequence[StoredEvent]) -> Iterator[str]:
    info = run.info
    if not _RUN_ID.fullmatch(info.id) or info.id in _WORDS:
        yield f"{info.id[:80]!r} cannot be the id of a run"
    if any(moment.utcoffset() != timedelta() for moment in _moments(run, events)):
        yield "a moment is not in UTC"
    elif info.created_at > datetime.now(UTC) + _AHEAD:
        yield f"it begins in the future ({info.created_at:%Y-%m-%d})"
    try:
        _ = info.goal
    except ValueError:
        yield "what its suite says of precision and budget cannot be read"
    targets = [one.id for one in info.targets]
    if len(set(targets)) < len(targets):
        yield "two of its targets have the same id"
    indexes = [one.index for one in run.planned]
    if not _ascending(indexes):
        yield "the numbers of its planned blocks are not in ascending order"
    cases = {one.case.key: one.case for one in run.planned}
    if any(cases[one.case.key] != one.case for one in run.planned):
        yield "two different cases have the same key"
    if any(one.case.target not in targets for one in run.planned):
        yield "a case is planned for a target that the run does not have"
    if not _ascending([one.planned.index for one in run.blocks]):
        yield "the numbers of its blocks are not in ascending order"
    if len({one.key for one in run.models}) < len(run.models):
        yield "the facts of a model are there twice"
    planned = {one.index: one for one in run.planned}
    for block in run.blocks:
        if planned.get(block.planned.index) != block.planned:
            yield f"block {block.planned.index} is not the one that was planned"
        yield from (f"{problem} (block {block.planned.index})" for problem in _of_block(block))
    traces = [block.measurement.trace.name for block in run.blocks if block.measurement and block.measurement.trace]
    if len(set(traces)) < len(traces):
        yield "two traces have the same name"


def _of_block(block: Block) -> Iterator[str]:
    if block.verdict is not None:
        yield "a verdict that is computed on reading is stored"
    if block.outcome == "measured" and block.measurement is None:
        yield "it is measured and has no measurement"
    for one in [*block.series, *(series for attempt in block.stopped for series in attempt.series)]:
        if len(one.times_ms) != len(one.values):
            yield f"series {one.name[:40]} has {len(one.times_ms)} times and {len(one.values)} values"


def _moments(run: Run, events: Iterable[StoredEvent]) -> Iterator[datetime]:
    yield run.info.created_at
    if run.info.finished_at:
        yield run.info.finished_at
    for one in run.info.imports:
        yield one.imported_at
    for block in run.blocks:
        yield from (block.started_at, block.ended_at)
        for attempt in block.stopped:
            yield from (attempt.started_at, attempt.ended_at)
    for event in events:
        yield event.at


def _ascending(numbers: Sequence[int]) -> bool:
    return all(first < second for first, second in zip([-1, *numbers], numbers, strict=False))
