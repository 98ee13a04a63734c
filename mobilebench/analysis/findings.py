"""What a run found: how much longer the fastest page takes than the fastest native engine, where, and how sure this is.

Only measured values that count are used. Virtual targets are kept apart from real ones, and means are taken over the
models of one target only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mobilebench.analysis.gaps import Gap, GapGroup, Ratio
from mobilebench.analysis.summary import CaseSummary, RunSummary, Status, TargetSummary
from mobilebench.statistics.estimates import geometric_mean

Kind = Literal["gaps", "times", "nothing"]
"""`gaps`: web and native were compared; `times`: cases were timed, but none compared; `nothing`: no time counts."""
_NOT_COUNTED: tuple[Status, ...] = ("invalid", "failed", "not measured")


@dataclass(frozen=True)
class Fastest:
    """The fastest native and the fastest web case of one model on one target."""

    group: GapGroup
    native: CaseSummary | None
    web: CaseSummary | None
    gap: Gap | None
    """The comparison of `web` with `native`; None if a side is missing."""

    @property
    def ratio(self) -> Ratio | None:
        """Web over native for one prediction; None if they were not compared."""
        return self.gap.ratios.get("prediction") if self.gap else None

    @property
    def cases(self) -> tuple[CaseSummary, ...]:
        """The sides that there are."""
        return tuple(case for case in (self.native, self.web) if case)

    @property
    def best(self) -> CaseSummary:
        """The faster side."""
        return min(self.cases, key=lambda case: case.stages["prediction"].value)


@dataclass(frozen=True)
class Place:
    """One target, with the models of which at least one case was timed."""

    target: TargetSummary
    models: tuple[Fastest, ...]

    @property
    def compared(self) -> tuple[Fastest, ...]:
        """The models that have a gap, smallest gap first."""
        return tuple(sorted((one for one in self.models if one.ratio), key=_ratio))

    @property
    def mean(self) -> float | None:
        """Geometric mean of the gaps over the models; None if there is none."""
        return geometric_mean([_ratio(one) for one in self.compared]) if self.compared else None


@dataclass(frozen=True)
class Certainty:
    """How sure the findings are."""

    numbers: int
    """How many ratios (`gaps`) or times (`times`) there are."""
    blocks: tuple[int, int]
    """The fewest and the most rounds or blocks behind one of them; (0, 0) if there is none."""
    widths: tuple[float, ...]
    """Half-width of each 95 % interval that there is, as a share of the number, narrowest first."""
    suspect: tuple[CaseSummary, ...]
    """Suspect cases behind the numbers."""
    other_suspect: int
    """How many further cases of the run are suspect."""
    left_out: dict[Status, int]
    """How many cases of the run do not count, by status."""


@dataclass(frozen=True)
class Findings:
    """The answer of a run."""

    kind: Kind
    places: tuple[Place, ...]
    """Targets that have the numbers: the real ones, or the virtual ones if no real target has any."""
    stand_ins: tuple[Place, ...]
    """Virtual targets that have such numbers, too, beside real ones."""
    certainty: Certainty
    refusal: str | None = None
    """For `times`: why a web and a native case were not compared; None if one side is missing everywhere."""
    common_reason: tuple[str, int] | None = None
    """For `nothing`: the most frequent reason, and the number of cases that have it."""

    @property
    def virtual(self) -> bool:
        """Whether the numbers are those of virtual targets only."""
        return bool(self.places) and all(place.target.info.virtual for place in self.places)

    @property
    def models(self) -> tuple[Fastest, ...]:
        """The models of `places` that have the numbers: by gap, or else by time, smallest first."""
        return _ordered(self.kind, self.places)


def findings(summary: RunSummary, groups: Sequence[GapGroup]) -> Findings:
    """The answer of a run, from its summary and its gaps (`gaps.gaps`)."""
    places = [Place(target, tuple(_timed(groups, target))) for target in summary.targets]
    kind: Kind = "gaps" if any(place.compared for place in places) else "times"
    places = [place for place in places if (place.compared if kind == "gaps" else place.models)]
    if not places:
        return Findings("nothing", (), (), _certainty(summary, "nothing", ()), common_reason=_common_reason(summary))
    real = tuple(place for place in places if not place.target.info.virtual)
    virtual = tuple(place for place in places if place.target.info.virtual)
    return Findings(
        kind=kind,
        places=real or virtual,
        stand_ins=virtual if real else (),
        certainty=_certainty(summary, kind, _ordered(kind, places)),
        refusal=_refusal(places) if kind == "times" else None,
    )


def fastest(group: GapGroup) -> Fastest:
    """The fastest cases of one model on one target; those that may be compared go before those that may not."""
    cases = group.target.by_model()[group.model, group.precision, group.batch]
    timed = sorted(
        (case for case in cases if "prediction" in case.stages and not case.case.has_scenario),
        key=lambda case: case.stages["prediction"].value,
    )
    gaps = {gap.web: gap for gap in group.main}
    native = min(
        (case for case in timed if not case.web), key=lambda case: case.case != group.fastest_native, default=None
    )
    web = min(
        (case for case in timed if case.in_page),
        key=lambda case: not (case.case in gaps and gaps[case.case].ratios),
        default=None,
    )
    return Fastest(group, native, web, gaps.get(web.case) if web else None)


def _timed(groups: Sequence[GapGroup], target: TargetSummary) -> Iterable[Fastest]:
    found = (fastest(group) for group in groups if group.target is target)
    return (one for one in found if one.cases)


def _ratio(one: Fastest) -> float:
    return one.ratio.value if one.ratio else 0.0


def _ordered(kind: Kind, places: Iterable[Place]) -> tuple[Fastest, ...]:
    if kind == "gaps":
        return tuple(sorted((one for place in places for one in place.compared), key=_ratio))
    every = (one for place in places for one in place.models)
    return tuple(sorted(every, key=lambda one: one.best.stages["prediction"].value))


def _certainty(summary: RunSummary, kind: Kind, models: Sequence[Fastest]) -> Certainty:
    if kind == "gaps":
        estimates = [one.ratio.estimate for one in models if one.ratio]
        behind = [case for one in models for case in one.cases]
    else:
        estimates = [one.best.stages["prediction"].estimate for one in models]
        behind = [one.best for one in models]
    blocks = [estimate.blocks for estimate in estimates] or [0]
    suspect = tuple(case for case in behind if case.status == "suspect")
    widths = [estimate.half_width for estimate in estimates if estimate.half_width is not None]
    return Certainty(
        numbers=len(estimates),
        blocks=(min(blocks), max(blocks)),
        widths=tuple(sorted(widths)),
        suspect=suspect,
        other_suspect=summary.counts["suspect"] - len(suspect),
        left_out={status: summary.counts[status] for status in _NOT_COUNTED if summary.counts[status]},
    )


def _refusal(places: Sequence[Place]) -> str | None:
    models = [one for place in places for one in place.models]
    sides = {case.in_page for one in models for case in one.cases}
    reasons = [one.group.reason or (one.gap.refusal if one.gap else None) for one in models]
    return next((reason for reason in reasons if reason), None) if len(sides) > 1 else None


def _common_reason(summary: RunSummary) -> tuple[str, int] | None:
    cases = (case for target in summary.targets for case in target.cases)
    counts = Counter(reason for case in cases for reason in case.reasons)
    return counts.most_common(1)[0] if counts else None
