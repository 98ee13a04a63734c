"""`results.csv`: one row for each case and stage, for spreadsheets and scripts."""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Iterator

from mobilebench.analysis.labels import printable
from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary, TargetSummary
from mobilebench.results.records import Stage

COLUMNS = (
    "run",
    "target",
    "virtual",
    "soc",
    "engine",
    "backend",
    "setting",
    "threads",
    "browser",
    "model",
    "variant",
    "batch",
    "stage",
    "median_ms",
    "low_ms",
    "high_ms",
    "blocks",
    "samples",
    "outcome",
    "verdict",
    "reasons",
    "lowest_block_ms",
    "highest_block_ms",
)
"""`low_ms` and `high_ms` are the 95 % interval between blocks, empty with one block. Later columns go to the end."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv(summary: RunSummary) -> str:
    """The table as CSV text (RFC 4180, one header line). Cases without a number have rows too, with empty values."""
    text = io.StringIO()
    writer = csv_module.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for target in summary.targets:
        for case in target.cases:
            writer.writerows(_row(summary, target, case, stage) for stage in STAGES)
    return text.getvalue()


def _row(summary: RunSummary, target: TargetSummary, case: CaseSummary, stage: Stage) -> list[str]:
    return [
        *map(_safe, _identity(summary, target, case)),
        stage,
        *_numbers(case, stage),
        *map(_safe, _outcome(case)),
        *_blocks(case, stage),
    ]


def _identity(summary: RunSummary, target: TargetSummary, case: CaseSummary) -> Iterator[str]:
    yield from (summary.info.id, target.info.id, "true" if target.info.virtual else "false", target.soc)
    of = case.case
    yield from (
        of.engine,
        of.backend,
        of.setting,
        str(of.threads),
        of.browser or "",
        of.model,
        of.variant,
        str(of.batch),
    )


def _numbers(case: CaseSummary, stage: Stage) -> list[str]:
    statistics = case.stages.get(stage)
    if statistics is None:
        return ["", "", "", "0", "0"]
    interval = statistics.interval
    ends = [repr(interval.low), repr(interval.high)] if interval else ["", ""]
    return [repr(statistics.median), *ends, str(len(statistics.blocks)), str(statistics.samples)]


def _outcome(case: CaseSummary) -> list[str]:
    verdict = case.status if case.status in ("valid", "suspect", "invalid") else ""
    return ["measured" if verdict else case.status, verdict, " ".join(case.reasons)]


def _blocks(case: CaseSummary, stage: Stage) -> list[str]:
    statistics = case.stages.get(stage)
    return [repr(statistics.spread.low), repr(statistics.spread.high)] if statistics else ["", ""]


def _safe(cell: str) -> str:
    """Text that a spreadsheet takes for a formula gets an apostrophe in front (as OWASP advises)."""
    return printable(f"'{cell}" if cell.startswith(_FORMULA) else cell)
