"""`gaps.csv`: every web case against every native one of its target and model, one row a stage."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.analysis.gaps import Gap, GapGroup, gaps
from mobilebench.analysis.labels import case_label
from mobilebench.analysis.summary import STAGES, RunSummary
from mobilebench.report.results_csv import csv_text, safe

COLUMNS = (
    "run",
    "target",
    "virtual",
    "soc",
    "model",
    "precision",
    "batch",
    "web",
    "native",
    "fastest_native",
    "same_threads",
    "suspect",
    "stage",
    "ratio",
    "lowest_round",
    "highest_round",
    "rounds",
    "refusal",
)
"""`ratio` is web over native, the median over the rounds that both share. A pair that is not compared has one row."""


def gaps_csv(summary: RunSummary) -> str | None:
    """The pairs as CSV text; None where there is none."""
    groups = [group for group in gaps(summary) if group.gaps]
    if not groups:
        return None
    return csv_text(COLUMNS, (row for group in groups for gap in group.gaps for row in _rows(summary, group, gap)))


def _rows(summary: RunSummary, group: GapGroup, gap: Gap) -> Iterator[list[str]]:
    info = group.target.info
    shared = [
        *map(safe, (summary.info.id, info.id, _truth(info.virtual), group.target.soc, group.model, group.precision)),
        str(group.batch),
        *map(safe, (case_label(gap.web), case_label(gap.native))),
        *map(_truth, (gap.fastest_native, gap.same_threads, gap.suspect)),
    ]
    if gap.refusal:
        yield [*shared, *[""] * 5, safe(gap.refusal)]
    for stage in STAGES:
        if ratio := gap.ratios.get(stage):
            yield [*shared, stage, *map(repr, (ratio.median, ratio.low, ratio.high, ratio.rounds)), ""]


def _truth(value: bool) -> str:
    return "true" if value else "false"
