"""Compares energy and memory of two runs, by the rules by which stages are compared.

Energy has a value for each window: Welch's t test of the windows, with the variation between runs, as for stages. A run
has one block of memory: its value is compared by the variation of such values between runs alone, from earlier runs and
an assumed value (`ASSUMED`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from mobilebench.analysis import comparability
from mobilebench.analysis.comparability import Side
from mobilebench.analysis.compare import CaseChange, Comparison, MeasuredCase, measured_cases, same_thing
from mobilebench.analysis.quantities import (
    PASSES,
    RESOURCES,
    Quantity,
    QuantityChange,
    Resource,
    planned,
    quantities,
)
from mobilebench.analysis.summary import RunSummary
from mobilebench.core.errors import as_clause
from mobilebench.statistics.between_runs import between_runs, between_values, ratio_of_runs
from mobilebench.statistics.estimates import LEAST_BLOCKS, geometric_mean, unpaired_ratio

ASSUMED: dict[Resource, float] = {"energy": 0.05, "memory": 0.03}
"""Standard deviation between runs that is assumed without earlier runs, on logarithms. That of memory is the whole
variation of a value."""


def with_quantities(
    comparison: Comparison,
    before: RunSummary,
    after: RunSummary,
    *,
    resources: Sequence[Resource],
    earlier: Iterable[RunSummary] = (),
) -> Comparison:
    """The comparison of these two runs with the quantities that the second one planned, before any correction.

    Args:
        comparison: their comparison.
        before: the run that is the base of all ratios.
        after: the other run.
        resources: what to compare.
        earlier: other runs, to estimate how much the same case varies from run to run.
    """
    left, right = ({one.summary.case: one for one in measured_cases(run)} for run in (before, after))
    history = [measured_cases(one) for one in earlier]
    return replace(
        comparison,
        cases=tuple(
            one
            if one.refusal or one.before != one.after
            else _with_quantities(one, left[one.before], right[one.after], history, resources)
            for one in comparison.cases
        ),
    )


def _with_quantities(
    change: CaseChange,
    a: MeasuredCase,
    b: MeasuredCase,
    history: Sequence[Sequence[MeasuredCase]],
    resources: Sequence[Resource],
) -> CaseChange:
    found = [
        one
        for kind in RESOURCES
        if kind in resources and planned(b.summary, kind)
        for one in _quantities(kind, a, b, history)
    ]
    return replace(change, quantities=tuple(found))


def _quantities(
    kind: Resource, a: MeasuredCase, b: MeasuredCase, history: Sequence[Sequence[MeasuredCase]]
) -> list[QuantityChange]:
    before, after = (quantities(one.summary, [kind]) for one in (a, b))
    names = list(dict.fromkeys([*before, *after]))
    if not names:
        return [QuantityChange(kind, kind, None, None, "cannot be told", reason=_no_value(kind, "second", b))]
    return [_quantity(name, kind, (before.get(name), a), (after.get(name), b), history) for name in names]


def _quantity(
    name: str,
    kind: Resource,
    first: tuple[Quantity | None, MeasuredCase],
    second: tuple[Quantity | None, MeasuredCase],
    history: Sequence[Sequence[MeasuredCase]],
) -> QuantityChange:
    (old, a), (new, b) = first, second
    values = [None if one is None else geometric_mean(one.blocks) for one in (old, new)]
    base = QuantityChange(name, kind, values[0], values[1], "cannot be told")
    for place, found, case in (("first", old, a), ("second", new, b)):
        if found is None:
            return replace(base, reason=_no_value(kind, place, case))
        if kind == "energy" and len(found.blocks) < LEAST_BLOCKS:
            count = f"{len(found.blocks)} window{'' if len(found.blocks) == 1 else 's'}"
            reason = f"the {place} run has {count} with this energy, and a change needs {LEAST_BLOCKS}"
            return replace(base, reason=reason)
    before, after = (_side_of(kind, one) for one in (a, b))
    if old is None or new is None or before is None or after is None:
        return replace(base, reason="one of the runs measured no time of the case")
    if why := comparability.refusal("runs", before, after):
        return replace(base, reason=as_clause(why))
    pool = [one.blocks for one in _alike_quantities(name, kind, before, history)]
    if kind == "energy":
        between = between_runs([*pool, old.blocks], ASSUMED[kind])
        told = unpaired_ratio(new.blocks, old.blocks, further=between.of_difference)
    else:
        between = between_values([geometric_mean(one) for one in [*pool, old.blocks]], ASSUMED[kind])
        told = ratio_of_runs(geometric_mean(new.blocks), geometric_mean(old.blocks), between)
    if told is None:
        return replace(base, reason=f"a {'window' if kind == 'energy' else 'block'} has none above 0")
    return replace(base, call="no change", ratio=told.ratio, interval=told.interval, p=told.p, between=between)


def _no_value(kind: Resource, place: str, one: MeasuredCase) -> str:
    own = one.summary.watched.get(PASSES[kind])
    if own is None:
        return f"the {place} run did not measure its {kind}"
    why = f" ({as_clause(own.reasons[0])})" if own.reasons else ""
    return f"in the {place} run its {kind} is {own.status}{why}, and has no value that counts"


def _side_of(kind: Resource, one: MeasuredCase) -> Side | None:
    """The case with the proof of a block that measured this quantity."""
    counted = one.summary.watched[PASSES[kind]].counted if planned(one.summary, kind) else ()
    block = next((found.block for found in counted if found.block.measurement), None)
    if block is None or block.measurement is None or one.side is None:
        return None
    return replace(one.side, measurement=block.measurement, planned=block.planned)


def _alike_quantities(
    name: str, kind: Resource, own: Side, history: Sequence[Sequence[MeasuredCase]]
) -> list[Quantity]:
    """The same quantity of the same case in earlier runs, under the same conditions and with the same versions."""
    found = []
    for run in history:
        for one in run:
            if one.summary.case != own.case or (side := _side_of(kind, one)) is None:
                continue
            quantity = quantities(one.summary, [kind]).get(name)
            alike = comparability.refusal("runs", own, side) is None and same_thing(own, side)
            if quantity is not None and alike and min(quantity.blocks) > 0:
                found.append(quantity)
    return found
