"""Memory of the process by stage, as the operating system counts it; `memory.csv`."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.analysis.labels import case_label, size
from mobilebench.analysis.memory import MemorySummary, memory
from mobilebench.analysis.page_memory import NAMES, PageMemorySummary, page_memory
from mobilebench.analysis.summary import CaseSummary, RunSummary, TargetSummary
from mobilebench.core.records import PageMemory
from mobilebench.report.document import (
    CSV,
    DOCUMENTS,
    HTML,
    MARKDOWN,
    TERMINAL,
    Block,
    Cell,
    Column,
    Fold,
    Paragraph,
    Row,
    Section,
    Sentence,
    Table,
    Value,
)
from mobilebench.report.figures.memory import growth_label, memory_growth
from mobilebench.report.phrases import memory_size, plural, signed_size, times
from mobilebench.report.sections.cases import (
    FURTHER_AXES,
    IDENTITY,
    OUTCOME,
    THREADS,
    case_cell,
    case_column,
    csv_columns,
    every_case,
    further_axes,
    identity,
    missing_pass,
    outcome,
)
from mobilebench.report.views import ModelView, RunView

Watched = tuple[CaseSummary, MemorySummary]

_GROWTH_COLUMNS = (Column("Stage", "name"), *(Column(name, "number") for name in ("RSS", "PSS", "USS", "RSS then")))

_OF_PROCESS = (
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
)
CSV_COLUMNS = (
    *IDENTITY,
    *OUTCOME,
    "stage",
    "at_ms",
    *_OF_PROCESS,
    *NAMES,
    "peak_tensors_bytes",
    *FURTHER_AXES,
)
"""Readings at the end of each stage; peaks, graphics, model and period are for the whole pass and equal in all rows of
a case. Columns whose names end in `_bytes` were reported by a page and its browser; `peak_tensors_bytes` is the largest
`totalBytesSnapshot` of the first inference.
"""


def section(view: ModelView) -> Section | None:
    """Figure and table of the memory passes, growth by stage, and why a pass cannot be shown."""
    watched = [(case, found) for case in view.cases if (found := memory(case))]
    keys = {case.case.key for case, _ in watched} | {case.case.key for case in view.cases if page_memory(case)}
    missing = missing_pass(view.cases, "memory", keys)
    blocks: list[Block] = [figure] if (figure := memory_growth(watched, view.mark)) else []
    if watched:
        blocks += [_table(view, watched), *_details(view, watched)]
    if missing.remarks:
        blocks.append(missing)
    return Section("memory", blocks=tuple(blocks), style="part") if blocks else None


def _table(view: ModelView, watched: list[Watched]) -> Table:
    graphics = any(found.graphics_kb is not None for _, found in watched)
    columns = (
        case_column("memory"),
        THREADS,
        Column("Peak RSS", "number", style="big"),
        Column("Times the model", "number", short="/ model", forms=MARKDOWN | TERMINAL),
        Column("RSS", "number"),
        Column("PSS", "number"),
        Column("USS", "number"),
        Column("Anonymous", "number", forms=DOCUMENTS),
        Column("File-backed", "number", forms=DOCUMENTS),
        Column("Graphics", "number", forms=HTML if graphics else CSV),
    )
    return Table(
        "memory",
        columns,
        tuple(Row(_cells(view, case, found)) for case, found in watched),
        view.caption("Memory"),
        "A pass of its own. Peak RSS is VmHWM; all others were read when the last prediction ended, and RSS also "
        "says what was added since the first reading.",
        forms=DOCUMENTS | TERMINAL,
    )


def _cells(view: ModelView, case: CaseSummary, found: MemorySummary) -> tuple[Value, ...]:
    steady = found.steady
    of_model = (f"{times(found.peak_to_model)} the model",) if found.peak_to_model is not None else ()
    peak = memory_size(found.peak_rss_kb)
    return (
        case_cell(view, case),
        case.case.threads,
        Cell(peak, of_model, markdown=peak),
        times(found.peak_to_model),
        Cell(size(steady.rss_kb), (signed_size(found.grown_kb),), markdown=size(steady.rss_kb)),
        *map(memory_size, (steady.pss_kb, steady.uss_kb, steady.anonymous_kb, steady.file_kb, found.graphics_kb)),
    )


def _details(view: ModelView, watched: list[Watched]) -> list[Block]:
    if not view.detailed:
        sentence = "This run is large: the stages of every case stand in `memory.csv`."
        return [Paragraph(Sentence(sentence), "small", forms=HTML)]
    folds = tuple(
        Fold(
            case_label(case.case),
            (*(Paragraph(Sentence(one), "small") for one in memory_sentences(found)), _growth(found)),
            inner=True,
        )
        for case, found in watched
    )
    return [Fold("Memory by stage", folds, forms=HTML)]


def _growth(found: MemorySummary) -> Table:
    rows = tuple(
        Row(
            (
                growth_label(growth),
                *map(signed_size, (growth.rss_kb, growth.pss_kb, growth.uss_kb)),
                size(growth.after.rss_kb),
            )
        )
        for growth in found.growth
    )
    return Table("growth", _GROWTH_COLUMNS, rows, "Growth by stage", style="dense")


def memory_sentences(found: MemorySummary) -> list[str]:
    """How a memory pass was read."""
    if found.period_ms is None:
        sentences = [f"{plural(len(found.readings), 'reading')}, each at the end of a stage."]
    else:
        samples = f"{plural(found.samples, 'sample')} taken every {found.period_ms:g} ms"
        sentences = [f"Read at the end of every stage, and in {samples}."]
    highest = found.highest_sampled
    if found.peak_rss_kb is not None and highest.rss_kb < 0.98 * found.peak_rss_kb:
        sentences.append(
            f"The largest RSS that was read is {size(highest.rss_kb)}: the peak of {size(found.peak_rss_kb)} lay "
            "between two readings."
        )
    return [*sentences, *(f"{note[:1].upper()}{note[1:].rstrip('.')}." for note in found.notes)]


def data(view: RunView) -> Section | None:
    """`memory.csv`: a row for each case and stage; None if no memory pass was planned."""
    if "memory" not in view.run.watched:
        return None
    rows = (Row(values) for one in every_case(view.run) for values in _values(view.run, *one))
    table = Table("memory-data", csv_columns(CSV_COLUMNS), tuple(rows), csv="memory.csv", forms=CSV)
    return Section("memory-data", blocks=(table,), style="part")


def _values(run: RunSummary, target: TargetSummary, case: CaseSummary) -> Iterator[tuple[Value, ...]]:
    """The rows of one case; a case whose memory is not known has one row."""
    entry = case.watched.get("memory")
    if entry is None:
        return
    shared = (*identity(run, target, case), *outcome(entry))
    of_process, of_page = memory(case), page_memory(case)
    peak = of_page.peak_tensors if of_page else None
    unknown = (None,) * (2 + len(_OF_PROCESS) + len(NAMES))
    for reading in list(_readings(of_process, of_page)) or [unknown]:
        yield (*shared, *reading, peak, *further_axes(case))


def _readings(of_process: MemorySummary | None, of_page: PageMemorySummary | None) -> Iterator[tuple[Value, ...]]:
    """The columns from `stage` to the last one of a page, one row per stage."""
    by_stage = {reading.stage: reading for reading in of_page.readings} if of_page else {}
    if of_process:
        for reading in of_process.readings:
            if reading.stage:
                grown = next((growth.rss_kb for growth in of_process.growth if growth.after is reading), None)
                own = (reading.rss_kb, grown, reading.pss_kb, reading.uss_kb, reading.anonymous_kb, reading.file_kb)
                whole = (of_process.peak_rss_kb, of_process.graphics_kb, of_process.model_kb, of_process.period_ms)
                yield (reading.stage, reading.at_ms, *own, *whole, *_of_page(by_stage.get(reading.stage)))
    elif of_page:
        for page in of_page.readings:
            yield (page.stage, page.at_ms, *(None,) * len(_OF_PROCESS), *_of_page(page))


def _of_page(reading: PageMemory | None) -> tuple[Value, ...]:
    return tuple(getattr(reading, name) if reading else None for name in NAMES)
