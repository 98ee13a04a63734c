"""`results.csv`: one row for each case and stage, for spreadsheets and scripts."""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Iterable, Iterator, Sequence

from mobilebench.analysis.labels import SETUP_PARTS, printable
from mobilebench.analysis.summary import STAGES, CaseSummary, PassSummary, RunSummary, TargetSummary
from mobilebench.core.records import Stage

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
    "precision",
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
    "affinity",
    "caches",
    "predictions_per_sample",
    "user_ms",
    "system_ms",
    "minor_faults",
    "major_faults",
    "voluntary_switches",
    "involuntary_switches",
    "link",
    "loader",
    "encoding",
    "download_path",
    "download_share",
    "download_mb_s",
    "download_bytes",
    "cached_bytes",
    *(f"{part}_ms" for part in SETUP_PARTS),
    "shaders",
    "pipelines",
    "compilation_ms",
    "compilation_share",
    "readback_ms",
    "readback_share",
)
"""`low_ms` and `high_ms` are the 95 % interval between blocks, empty with fewer than three blocks. What the system
counted is for the whole process: of the prediction stage, for one prediction. Parts and downloads stand in rows of
setup, read-back in those of prediction. Later columns go to the end."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv(summary: RunSummary) -> str:
    """The table as CSV text (RFC 4180, one header line). Cases without a number have rows too, with empty values."""
    return csv_text(COLUMNS, (_row(summary, *one, stage) for one in every_case(summary) for stage in STAGES))


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """CSV as RFC 4180 has it, with one header line."""
    text = io.StringIO()
    writer = csv_module.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def every_case(summary: RunSummary) -> Iterator[tuple[TargetSummary, CaseSummary]]:
    """Every case with its target, in the order of the report."""
    return ((target, case) for target in summary.targets for case in target.cases)


def _row(summary: RunSummary, target: TargetSummary, case: CaseSummary, stage: Stage) -> list[str]:
    return [
        *map(safe, identity(summary, target, case)),
        stage,
        *_numbers(case, stage),
        *map(safe, came_of(case)),
        *_blocks(case, stage),
        *map(safe, (case.case.affinity, case.case.caches)),
        str(case.predictions_per_sample),
        *_cost(case, stage),
        *map(safe, (case.case.link, case.case.loader, case.case.encoding)),
        *_downloads(case, stage),
        *_setup_parts(case, stage),
        *_compilation(case, stage),
        *_readback(case, stage),
    ]


def identity(summary: RunSummary, target: TargetSummary, case: CaseSummary) -> Iterator[str]:
    """The cells of the first columns, up to `batch`."""
    yield from (summary.info.id, target.info.id, "true" if target.info.virtual else "false", target.soc)
    of = case.case
    yield from (
        of.engine,
        of.backend,
        of.setting,
        str(of.threads),
        of.browser or "",
        of.model,
        of.precision,
        str(of.batch),
    )


def _numbers(case: CaseSummary, stage: Stage) -> list[str]:
    statistics = case.stages.get(stage)
    if statistics is None:
        return ["", "", "", "0", "0"]
    interval = statistics.interval
    ends = [repr(interval.low), repr(interval.high)] if interval else ["", ""]
    return [repr(statistics.median), *ends, str(len(statistics.blocks)), str(statistics.samples)]


def came_of(of: CaseSummary | PassSummary) -> list[str]:
    """Outcome, verdict and reasons."""
    verdict = of.status if of.status in ("valid", "suspect", "invalid") else ""
    return ["measured" if verdict else of.status, verdict, " ".join(of.reasons)]


def _blocks(case: CaseSummary, stage: Stage) -> list[str]:
    statistics = case.stages.get(stage)
    return [repr(statistics.spread.low), repr(statistics.spread.high)] if statistics else ["", ""]


def _cost(case: CaseSummary, stage: Stage) -> list[str]:
    cost = case.costs.get(stage)
    if cost is None:
        return [""] * 6
    faults, switches = (cost.minor_faults, cost.major_faults), (cost.voluntary_switches, cost.involuntary_switches)
    return [repr(value) for value in (cost.user_ms, cost.system_ms, *faults, *switches)]


def _downloads(case: CaseSummary, stage: Stage) -> list[str]:
    found = case.downloads if stage == "setup" else None
    if found is None:
        return [""] * 5
    return [found.path or "", *_cells(found.share, found.megabytes_per_second, found.bytes, found.cached_bytes)]


def _setup_parts(case: CaseSummary, stage: Stage) -> list[str]:
    parts = case.setup_parts if stage == "setup" else {}
    return _cells(*(parts[part].median if part in parts else None for part in SETUP_PARTS))


def _compilation(case: CaseSummary, stage: Stage) -> list[str]:
    found = case.compilation.get(stage)
    return _cells(found.shaders, found.pipelines, found.time.median, found.share) if found else [""] * 4


def _readback(case: CaseSummary, stage: Stage) -> list[str]:
    found = case.readback if stage == "prediction" else None
    return _cells(found.time.median, found.share) if found else [""] * 2


def _cells(*numbers: float | None) -> list[str]:
    return ["" if number is None else repr(number) for number in numbers]


def safe(cell: str) -> str:
    """Text that a spreadsheet takes for a formula gets an apostrophe in front (as OWASP advises)."""
    return printable(f"'{cell}" if cell.startswith(_FORMULA) else cell)
