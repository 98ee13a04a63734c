"""Computes the native-to-web gap: the time of a web case over that of a native one on the same target and model.

A ratio pairs blocks of one round, which ran minutes apart on the same machine; the gap is the geometric mean over
rounds with its 95 % interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.analysis import comparability
from mobilebench.analysis.comparability import Side
from mobilebench.analysis.labels import engine_label
from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary, TargetSummary
from mobilebench.core.records import Case, Measurement, Stage
from mobilebench.statistics.estimates import Estimate, Interval, estimate


@dataclass(frozen=True)
class Ratio:
    """Web over native, over the rounds in which both were measured."""

    estimate: Estimate
    """Geometric mean of the rounds' ratios, with its 95 % interval."""
    spread: Interval
    """Smallest and largest ratio of a round."""

    @property
    def value(self) -> float:
        """The geometric mean."""
        return self.estimate.value

    @property
    def interval(self) -> Interval | None:
        """95 % confidence interval of `value`; None with fewer than three rounds."""
        return self.estimate.interval

    @property
    def rounds(self) -> int:
        return self.estimate.blocks


def ratio_of(values: Sequence[float]) -> Ratio:
    """The ratio over rounds, from that of each round, in order. Raises ValueError when there is none."""
    return Ratio(estimate(values), Interval(min(values), max(values)))


@dataclass(frozen=True)
class Gap:
    """The comparison of one web case with one native case, or why they may not be compared."""

    web: Case
    native: Case
    fastest_native: bool
    """Whether the native case has the shortest prediction on this target and model: the main comparison."""
    same_threads: bool
    suspect: bool
    """Whether at least one side is suspect."""
    ratios: dict[Stage, Ratio]
    refusal: str | None = None


@dataclass(frozen=True)
class GapGroup:
    """All gaps of one model on one target. Native cases in an app are compared with those from a shell only
    (`analysis.contexts`)."""

    target: TargetSummary
    model: str
    precision: str
    batch: int
    fastest_native: Case | None
    gaps: tuple[Gap, ...]
    reason: str | None = None
    """Why there is no gap at all."""

    @property
    def main(self) -> tuple[Gap, ...]:
        """Every web case against the fastest native one."""
        return tuple(gap for gap in self.gaps if gap.fastest_native)

    def same_threads(self, web: Case) -> Gap | None:
        """`web` against the fastest native case with the same number of threads, if there is one."""
        found = [gap for gap in self.gaps if gap.web == web and gap.same_threads and "prediction" in gap.ratios]
        return max(found, key=lambda gap: gap.ratios["prediction"].value, default=None)


def gaps(summary: RunSummary) -> tuple[GapGroup, ...]:
    """The native-to-web gaps of a run, one group for each target and model with cases."""
    return tuple(
        _group(target, model, precision, batch, cases)
        for target in summary.targets
        for (model, precision, batch), cases in target.by_model().items()
    )


def _group(target: TargetSummary, model: str, precision: str, batch: int, cases: Sequence[CaseSummary]) -> GapGroup:
    if all(case.case.has_scenario for case in cases):
        reason = "Pages that are used meanwhile are compared in the section on page quality."
        return GapGroup(target, model, precision, batch, None, (), reason)
    native = [case for case in cases if not case.web and "prediction" in case.stages and _answered(case)]
    native = [case for case in native if not case.case.in_app]
    web = [case for case in cases if case.in_page and case.timed and case.status not in ("unsupported", "not measured")]
    web = [case for case in web if not case.case.has_scenario]
    fastest = min(native, key=lambda case: case.stages["prediction"].value, default=None)
    if fastest is None or not web:
        missing = "native" if fastest is None else "web"
        reason = f"No {missing} case of {model} was timed on {target.info.id}, so there is nothing to compare."
        return GapGroup(target, model, precision, batch, fastest.case if fastest else None, (), reason)
    pairs = tuple(_gap(w, n, fastest) for w in web for n in native)
    return GapGroup(target, model, precision, batch, fastest.case, pairs)


def _answered(case: CaseSummary) -> bool:
    """Whether a case computed an output; one that did not (an engine that only sleeps) is no native counterpart."""
    return case.measurement is not None and bool(case.measurement.output)


def _gap(web: CaseSummary, native: CaseSummary, fastest: CaseSummary) -> Gap:
    reason = why_refused(web, native)
    ratios = {} if reason else ratios_of(web, native)
    if not reason and not ratios:
        reason = f"rounds: {engine_label(web.case)} and {engine_label(native.case)} share no round in which both count."
    return Gap(
        web=web.case,
        native=native.case,
        fastest_native=native is fastest,
        same_threads=web.case.threads == native.case.threads,
        suspect="suspect" in (web.status, native.status),
        ratios=ratios,
        refusal=reason,
    )


def why_refused(web: CaseSummary, native: CaseSummary) -> str | None:
    """Why two cases of one target are not compared; None if they are."""
    if web.measurement is None or native.measurement is None or "prediction" not in web.stages:
        return f"verdict: {engine_label(web.case)} is {web.status}."
    return refusal((web.case, web.measurement), (native.case, native.measurement))


def refusal(a: tuple[Case, Measurement], b: tuple[Case, Measurement]) -> str | None:
    """Why the proofs of two cases of one target do not allow a comparison, with the field; None when they do.

    Threads may differ between the two (the labels name them), but each side must have run with its planned number.
    """
    return comparability.refusal("native and web", Side(*a), Side(*b))


def ratios_of(above: CaseSummary, below: CaseSummary) -> dict[Stage, Ratio]:
    """The ratio of two cases over their common rounds, for each stage that has any."""
    found = {stage: list(values.values()) for stage, values in round_ratios(above, below).items()}
    return {stage: ratio_of(values) for stage, values in found.items() if values}


def round_ratios(above: CaseSummary, below: CaseSummary) -> dict[Stage, dict[int, float]]:
    """The ratios of two cases by stage and round. There is none for setup over a network that was slowed down on
    purpose.
    """
    slowed = any(one.downloads is not None and one.downloads.path == "shaped" for one in (above, below))
    return {stage: _by_round(above, below, stage) for stage in STAGES if not (slowed and stage == "setup")}


def _by_round(above: CaseSummary, below: CaseSummary, stage: Stage) -> dict[int, float]:
    bases = below.by_round(stage)
    return {number: value / base for number, value in above.by_round(stage).items() if (base := bases.get(number))}
