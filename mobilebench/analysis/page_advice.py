"""Advice: which engine, backend, place and duty keep a page within a budget, at the shortest latency.

A budget is a share of the baseline's frames and runs per minute. A case keeps it if the lower end of the 95 % interval
of every share is within it. It may keep it if only the shares themselves are, or if there are too few blocks for an
interval. A case that is invalid or failed is never advised, even if some of its blocks count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mobilebench.analysis.page_quality import PageCase, PageScenario, Quality, title_of
from mobilebench.core.errors import as_sentence

Judgement = Literal["keeps", "may keep", "does not keep", "not known"]
KEEP = 0.9
"""The share of the baseline's frames and runs per minute that has to be left, unless another one is asked for."""


@dataclass(frozen=True)
class Judged:
    """One case against the budget."""

    case: PageCase
    judgement: Judgement
    evidence: tuple[Quality, ...]
    """The metrics by which it was judged, each with its ratio to the baseline."""
    reason: str = ""
    """Why it cannot be judged, as a sentence."""

    @property
    def ms(self) -> float:
        """Latency by which cases are ordered."""
        return self.case.latency.value if self.case.latency else float("inf")

    @property
    def worst(self) -> Quality | None:
        """The metric of which least is left."""
        return min(self.evidence, key=lambda one: one.over_baseline.value if one.over_baseline else 0, default=None)


@dataclass(frozen=True)
class Advice:
    """What to choose for one model in one scenario."""

    scenario: PageScenario
    model: tuple[str, str, int]
    keep: float
    judged: tuple[Judged, ...]
    """Every case of the model: those that keep the budget first, then those that may, then the others; the one with the
    shortest latency first."""

    @property
    def chosen(self) -> Judged | None:
        """The case with the shortest latency that keeps the budget, or else that may keep it; None without one."""
        first = self.judged[0] if self.judged else None
        return first if first and first.judgement in ("keeps", "may keep") else None

    def of(self, judgement: Judgement) -> tuple[Judged, ...]:
        """The cases with this judgement."""
        return tuple(one for one in self.judged if one.judgement == judgement)


_ORDER: tuple[Judgement, ...] = ("keeps", "may keep", "does not keep", "not known")


def advice(scenario: PageScenario, keep: float = KEEP) -> tuple[Advice, ...]:
    """The advice for each model that infers in a scenario."""
    return tuple(
        Advice(scenario, model, keep, _ordered([one for one in scenario.cases if one.model == model], scenario, keep))
        for model in scenario.models
    )


def _ordered(cases: Sequence[PageCase], scenario: PageScenario, keep: float) -> tuple[Judged, ...]:
    found = [_judged(case, scenario, keep) for case in cases]
    return tuple(sorted(found, key=lambda one: (_ORDER.index(one.judgement), one.ms)))


def _judged(case: PageCase, scenario: PageScenario, keep: float) -> Judged:
    if not case.qualities:
        reasons = " ".join(map(as_sentence, case.case.reasons))
        return Judged(case, "not known", (), reasons or "The run ended before it was measured.")
    if not case.case.usable:
        reasons = " ".join(map(as_sentence, case.case.reasons))
        return Judged(case, "not known", (), f"It is {case.case.status}. {reasons}".strip())
    if scenario.baseline is None or not scenario.baseline.qualities:
        return Judged(case, "not known", (), "The page without inference was not measured.")
    evidence = tuple(case.qualities[name] for name in scenario.watched if name in case.qualities)
    for one in evidence:
        if one.over_baseline is None:
            why = one.voids[0] if one.voids else "no round has it with and without inference"
            return Judged(case, "not known", (), as_sentence(f"{title_of(one.metric.name)}: {why}"))
    if not evidence or case.latency is None:
        return Judged(case, "not known", evidence, "It has no metric or no latency to judge by.")
    ratios = [one.over_baseline for one in evidence if one.over_baseline]
    if any(ratio.value < keep for ratio in ratios):
        return Judged(case, "does not keep", evidence)
    certain = all(ratio.interval is not None and ratio.interval.low >= keep for ratio in ratios)
    return Judged(case, "keeps" if certain else "may keep", evidence)
