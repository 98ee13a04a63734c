"""A page that does several things at once against pages that do one of them, with the same inference in each.

The ratio pairs blocks of one round. With a reference, the same ratio of published cells stands beside ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from mobilebench.analysis import page_accuracy
from mobilebench.analysis.gaps import Ratio, ratio_of
from mobilebench.analysis.page_quality import RUNS, VIDEO_FRAMES, PageCase, PageScenario, Quality
from mobilebench.analysis.published_quality import QualityTable
from mobilebench.core.records import Case
from mobilebench.reference.published import PageCell

TOGETHER = "call"
"""The scenario that does several things at once."""
ALONE: Mapping[str, str] = {RUNS: "interaction", VIDEO_FRAMES: "video", page_accuracy.MAP: "video"}
"""Metric to the scenario that does only this."""


@dataclass(frozen=True)
class Pair:
    """One metric of one case, in the page that does several things and in the page that does one."""

    metric: str
    alone_in: str
    together: Quality | None
    alone: Quality | None
    ratio: Ratio | None
    """Together over alone, paired by rounds; None where no round has both, with values above 0."""
    missing: str = ""
    """Why there is no ratio, as a clause."""
    published_together: PageCell | None = None
    published_alone: PageCell | None = None

    @property
    def published_ratio(self) -> float | None:
        """Together over alone; None for accuracy, which the study has over other frames in each."""
        if self.metric in page_accuracy.METRICS:
            return None
        together, alone = self.published_together, self.published_alone
        return together.mean / alone.mean if together and alone and together.mean is not None and alone.mean else None


@dataclass(frozen=True)
class Beside:
    """One case of the page that does several things, beside the same case in the others."""

    case: PageCase
    pairs: tuple[Pair, ...]
    alone: Mapping[str, PageCase]
    """Scenario that does one thing to its case; those that the run does not have are missing."""


@dataclass(frozen=True)
class Together:
    """A call in one browser on one target, beside the pages that do one thing."""

    scenario: PageScenario
    rows: tuple[Beside, ...]
    """The page without inference first."""

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that at least one case has together."""
        return tuple(name for name in ALONE if any(_of(row, name).together for row in self.rows))

    @property
    def compared(self) -> bool:
        """Whether there is a published cell of the page that does several things."""
        return any(pair.published_together for row in self.rows for pair in row.pairs)


def _of(row: Beside, metric: str) -> Pair:
    return next(pair for pair in row.pairs if pair.metric == metric)


def calls_beside(scenarios: tuple[PageScenario, ...], tables: tuple[QualityTable, ...] = ()) -> tuple[Together, ...]:
    """Every call of a run that has at least one of the other pages in the same browser on the same target.

    Args:
        scenarios: all scenarios of the run.
        tables: its tables like those of the study, for published cells.
    """
    return tuple(found for one in scenarios if one.name == TOGETHER and (found := _beside(one, scenarios, tables)))


def _beside(
    call: PageScenario, scenarios: tuple[PageScenario, ...], tables: tuple[QualityTable, ...]
) -> Together | None:
    alone = {
        one.name: one
        for one in scenarios
        if one.name in ALONE.values() and one.target is call.target and one.browser == call.browser
    }
    if not alone:
        return None
    published = dict(_published(tables, call))
    return Together(call, tuple(_row(case, alone, published) for case in call.all))


_Published = Mapping[tuple[Case, str], tuple[PageCell | None, PageCell | None]]


def _published(
    tables: tuple[QualityTable, ...], call: PageScenario
) -> Iterator[tuple[tuple[Case, str], tuple[PageCell | None, PageCell | None]]]:
    """The case as in the call, and the scenario and metric, to the published cells with and without inference."""
    for table in tables:
        if table.scenario.target is call.target and table.scenario.browser == call.browser:
            for cell in table.cells.values():
                key = replace(cell.case.of, scenario=TOGETHER), f"{table.scenario.name} {table.matter.metric}"
                yield key, (cell.published, cell.published_baseline)


def _row(case: PageCase, alone: Mapping[str, PageScenario], published: _Published) -> Beside:
    found = {
        name: other
        for name, scenario in alone.items()
        if (other := next((one for one in scenario.all if replace(one.of, scenario=TOGETHER) == case.of), None))
    }
    return Beside(case, tuple(_pair(case, metric, found, published) for metric in ALONE), found)


def _pair(case: PageCase, metric: str, found: Mapping[str, PageCase], published: _Published) -> Pair:
    name = ALONE[metric]
    other = found.get(name)
    together = case.qualities.get(metric)
    alone = other.qualities.get(metric) if other else None
    ratio = _ratio(together, alone)
    with_, _ = published.get((case.of, f"{TOGETHER} {metric}"), (None, None))
    without, _ = published.get((case.of, f"{name} {metric}"), (None, None))
    return Pair(metric, name, together, alone, ratio, "" if ratio else _missing(name, other), with_, without)


def _ratio(together: Quality | None, alone: Quality | None) -> Ratio | None:
    if together is None or alone is None:
        return None
    pairs = [value / base for round_, value in sorted(together.values.items()) if (base := alone.values.get(round_))]
    return ratio_of(pairs) if pairs else None


def _missing(name: str, other: PageCase | None) -> str:
    return f"{name} was not measured like this" if other is None else "no round has a value of both"
