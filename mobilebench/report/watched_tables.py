"""`kernels.csv`: one row for each case and operator type. `memory.csv`: one for each case and stage that was read."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.analysis.kernels import kernels
from mobilebench.analysis.memory import MemorySummary, memory
from mobilebench.analysis.page_memory import NAMES, PageMemorySummary, page_memory
from mobilebench.analysis.summary import CaseSummary, PassSummary, RunSummary, TargetSummary
from mobilebench.core.records import PageMemory
from mobilebench.report.results_csv import COLUMNS, came_of, csv_text, every_case, identity, safe

_CASE_COLUMNS = (*COLUMNS[: COLUMNS.index("stage")], "affinity", "caches", "outcome", "verdict", "reasons")
_HOW_LOADED = ("link", "loader", "encoding")
KERNEL_COLUMNS = (
    *_CASE_COLUMNS,
    "type",
    "class",
    "kernels",
    "median_ms",
    "share",
    "warmup_ms",
    "flops",
    "parameters",
    "gflop_per_s",
    "kernels_sum_ms",
    "prediction_ms",
    "timing_prediction_ms",
    "clock",
    "first_sum_ms",
    "first_inference_ms",
    *_HOW_LOADED,
)
"""`share` is of all kernels together. From `kernels_sum_ms` on all is of the whole pass, and alike in all rows of a
case: what the kernels add up to and the prediction that they are part of, the same of the first inference, and whose
clock it was (`gpu`: for at least one kernel)."""
MEMORY_COLUMNS = (
    *_CASE_COLUMNS,
    "stage",
    "at_ms",
    "rss_kb",
    "rss_growth_kb",
    "pss_kb",
    "uss_kb",
    "anonymous_kb",
    "file_kb",
    "peak_rss_kb",
    "graphics_kb",
    "model_kb",
    "period_ms",
    *NAMES,
    "peak_tensors_bytes",
    *_HOW_LOADED,
)
"""Readings at the end of each stage; peaks, graphics, model and period are of the whole pass, and alike in all rows of
a case. What ends in `_bytes` is what a page and its browser told; `peak_tensors_bytes` is the largest
`totalBytesSnapshot` of the first inference."""


def kernels_csv(summary: RunSummary) -> str | None:
    """Kernels by type, as CSV text; a case whose kernels are not known has one row. None when no pass was planned."""
    if "kernels" not in summary.watched:
        return None
    return csv_text(KERNEL_COLUMNS, (row for one in every_case(summary) for row in _kernel_rows(summary, *one)))


def memory_csv(summary: RunSummary) -> str | None:
    """Memory by stage, as CSV text; a case whose memory is not known has one row. None when no pass was planned."""
    if "memory" not in summary.watched:
        return None
    return csv_text(MEMORY_COLUMNS, (row for one in every_case(summary) for row in _memory_rows(summary, *one)))


def _kernel_rows(summary: RunSummary, target: TargetSummary, case: CaseSummary) -> Iterator[list[str]]:
    entry = case.watched.get("kernels")
    if entry is None:
        return
    shared = _shared(summary, target, case, entry)
    found = kernels(case)
    if found is None:
        yield [*shared, *[""] * (len(KERNEL_COLUMNS) - len(shared) - len(_HOW_LOADED)), *_how_loaded(case)]
        return
    for row in found.rows:
        own = (row.type, row.intensity, row.kernels, row.median_ms, row.share, row.warmup_ms, row.flops, row.parameters)
        whole = (found.sum_ms, found.whole_ms, found.timing_ms, found.clock, found.warmup_sum_ms, found.warmup_ms)
        yield [*shared, *map(_cell, (*own, row.rate, *whole)), *_how_loaded(case)]


def _memory_rows(summary: RunSummary, target: TargetSummary, case: CaseSummary) -> Iterator[list[str]]:
    entry = case.watched.get("memory")
    if entry is None:
        return
    shared = _shared(summary, target, case, entry)
    of_process, of_page = memory(case), page_memory(case)
    rows = [*_process_rows(of_process, of_page)] if of_process else [*_page_rows(of_page)] if of_page else []
    tensors = _cell(of_page.peak_tensors if of_page else None)
    for row in rows or [[]]:
        padding = [""] * (len(MEMORY_COLUMNS) - len(shared) - len(row) - 1 - len(_HOW_LOADED))
        yield [*shared, *row, *padding, tensors, *_how_loaded(case)]


def _process_rows(found: MemorySummary, page: PageMemorySummary | None) -> Iterator[list[str]]:
    """What the system told at the end of each stage, and beside it what the page told then."""
    told = {reading.stage: reading for reading in page.readings} if page else {}
    for reading in found.readings:
        if reading.stage:
            grown = next((growth.rss_kb for growth in found.growth if growth.after is reading), None)
            own = (reading.stage, reading.at_ms, reading.rss_kb, grown, reading.pss_kb, reading.uss_kb)
            whole = (found.peak_rss_kb, found.graphics_kb, found.model_kb, found.period_ms)
            values = _told(told[reading.stage]) if reading.stage in told else []
            yield [*map(_cell, (*own, reading.anonymous_kb, reading.file_kb, *whole)), *values]


def _page_rows(page: PageMemorySummary) -> Iterator[list[str]]:
    """What the page told, where the system told nothing."""
    empty = MEMORY_COLUMNS.index(next(iter(NAMES))) - MEMORY_COLUMNS.index("rss_kb")
    for reading in page.readings:
        yield [_cell(reading.stage), _cell(reading.at_ms), *[""] * empty, *_told(reading)]


def _told(reading: PageMemory) -> list[str]:
    return [_cell(getattr(reading, name)) for name in NAMES]


def _cell(value: str | float | None) -> str:
    return "" if value is None else safe(value) if isinstance(value, str) else repr(value)


def _how_loaded(case: CaseSummary) -> list[str]:
    return [safe(value) for value in (case.case.link, case.case.loader, case.case.encoding)]


def _shared(summary: RunSummary, target: TargetSummary, case: CaseSummary, entry: PassSummary) -> list[str]:
    of = case.case
    return [*map(safe, (*identity(summary, target, case), of.affinity, of.caches, *came_of(entry)))]
