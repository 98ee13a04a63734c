"""Memory of the process by stage, as the operating system counts it; `memory.csv`."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.analysis.labels import case_label, size
from mobilebench.analysis.memory import NAMES, MemorySummary, PageMemorySummary, memory, page_memory
from mobilebench.analysis.summary import CaseSummary, RunSummary, TargetSummary
from mobilebench.core.records import PageMemory
from mobilebench.report import document as doc
from mobilebench.report import views
from mobilebench.report.figures.memory import growth_label, memory_growth
from mobilebench.report.phrases import memory_size, plural, signed_size, times

Watched = tuple[CaseSummary, MemorySummary]

_GROWTH_COLUMNS = (
    doc.Column("Stage", "name"),
    *(doc.Column(name, "number") for name in ("RSS", "PSS", "USS", "RSS after")),
)

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
    *views.IDENTITY,
    *views.OUTCOME,
    "stage",
    "at_ms",
    *_OF_PROCESS,
    *NAMES,
    "peak_tensors_bytes",
    *views.FURTHER_AXES,
)
"""Readings at the end of each stage; peaks, graphics, model and period are for the whole pass and equal in all rows of
a case. Columns whose names end in `_bytes` were reported by a page and its browser; `peak_tensors_bytes` is the largest
`totalBytesSnapshot` of the first inference.
"""


def section(view: views.ModelView) -> doc.Section | None:
    """Figure and table of the memory passes, growth by stage, and why a pass cannot be shown."""
    watched = [(case, found) for case in view.cases if (found := memory(case))]
    keys = {case.case.key for case, _ in watched} | {case.case.key for case in view.cases if page_memory(case)}
    missing = views.missing_pass(view.cases, "memory", keys)
    blocks: list[doc.Block] = [figure] if (figure := memory_growth(watched, view.mark)) else []
    if watched:
        blocks += [_table(view, watched), *_details(view, watched)]
    if missing.remarks:
        blocks.append(missing)
    return doc.Section("memory", blocks=tuple(blocks), style="part") if blocks else None


def _table(view: views.ModelView, watched: list[Watched]) -> doc.Table:
    graphics = any(found.graphics_kb is not None for _, found in watched)
    columns = (
        views.case_column(views.pass_title("memory").lower()),
        views.THREADS,
        doc.Column("Peak RSS", "number", style="big"),
        doc.Column("Times the model", "number", short="/ model", forms=doc.MARKDOWN | doc.TERMINAL),
        doc.Column("RSS", "number"),
        doc.Column("PSS", "number"),
        doc.Column("USS", "number"),
        doc.Column("Anonymous", "number", forms=doc.DOCUMENTS),
        doc.Column("File-backed", "number", forms=doc.DOCUMENTS),
        doc.Column("Graphics", "number", forms=doc.HTML if graphics else doc.CSV),
    )
    return doc.Table(
        "memory",
        columns,
        tuple(doc.Row(_cells(view, case, found), of=views.facets(case)) for case, found in watched),
        view.caption(views.pass_title("memory")),
        "Recorded in a pass of its own. Peak RSS is VmHWM; all other values were read at the end of the last "
        "prediction. Below RSS is its growth since the first reading.",
        forms=doc.DOCUMENTS | doc.TERMINAL,
    )


def _cells(view: views.ModelView, case: CaseSummary, found: MemorySummary) -> tuple[doc.Value, ...]:
    steady = found.steady
    of_model = (f"{times(found.peak_to_model)} the model",) if found.peak_to_model is not None else ()
    peak = memory_size(found.peak_rss_kb)
    return (
        views.case_cell(view, case),
        case.case.threads,
        doc.Cell(peak, of_model, markdown=peak),
        times(found.peak_to_model),
        doc.Cell(size(steady.rss_kb), (signed_size(found.grown_kb),), markdown=size(steady.rss_kb)),
        *map(memory_size, (steady.pss_kb, steady.uss_kb, steady.anonymous_kb, steady.file_kb, found.graphics_kb)),
    )


def _details(view: views.ModelView, watched: list[Watched]) -> list[doc.Block]:
    if not view.detailed:
        sentence = "This run is large: the stages of every case are in `memory.csv`."
        return [doc.Paragraph(doc.Sentence(sentence), "small", forms=doc.HTML)]
    folds = tuple(
        doc.Fold(
            case_label(case.case),
            (*(doc.Paragraph(doc.Sentence(one), "small") for one in memory_sentences(found)), _growth(found)),
            inner=True,
            of=views.facets(case),
        )
        for case, found in watched
    )
    return [doc.Fold("Memory by stage", folds, forms=doc.HTML)]


def _growth(found: MemorySummary) -> doc.Table:
    rows = tuple(
        doc.Row(
            (
                growth_label(growth),
                *map(signed_size, (growth.rss_kb, growth.pss_kb, growth.uss_kb)),
                size(growth.after.rss_kb),
            )
        )
        for growth in found.growth
    )
    return doc.Table("growth", _GROWTH_COLUMNS, rows, "Growth by stage", style="dense")


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


def data(view: views.RunView) -> doc.Section | None:
    """`memory.csv`: a row for each case and stage; None if no memory pass was planned."""
    if "memory" not in view.run.watched:
        return None
    rows = (doc.Row(values) for one in views.every_case(view.run) for values in _values(view.run, *one))
    table = doc.Table("memory-data", views.csv_columns(CSV_COLUMNS), tuple(rows), csv="memory.csv", forms=doc.CSV)
    return doc.Section("memory-data", blocks=(table,), style="part")


def _values(run: RunSummary, target: TargetSummary, case: CaseSummary) -> Iterator[tuple[doc.Value, ...]]:
    """The rows of one case; a case whose memory is not known has one row."""
    entry = case.watched.get("memory")
    if entry is None:
        return
    shared = (*views.identity(run, target, case), *views.outcome(entry))
    of_process, of_page = memory(case), page_memory(case)
    peak = of_page.peak_tensors if of_page else None
    unknown = (None,) * (2 + len(_OF_PROCESS) + len(NAMES))
    for reading in list(_readings(of_process, of_page)) or [unknown]:
        yield (*shared, *reading, peak, *views.further_axes(case))


def _readings(of_process: MemorySummary | None, of_page: PageMemorySummary | None) -> Iterator[tuple[doc.Value, ...]]:
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


def _of_page(reading: PageMemory | None) -> tuple[doc.Value, ...]:
    return tuple(getattr(reading, name) if reading else None for name in NAMES)
