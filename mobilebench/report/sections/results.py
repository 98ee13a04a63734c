"""Results: setup, warmup and prediction of every case with its verdict, and `results.csv`."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.analysis.labels import SETUP_PARTS, duration
from mobilebench.analysis.stage_statistics import TAILS, StageStatistics
from mobilebench.analysis.summary import STAGES, CaseSummary, RunSummary, TargetSummary
from mobilebench.core.records import Stage
from mobilebench.report import document as doc
from mobilebench.report import views
from mobilebench.report.figures.latency import latency
from mobilebench.report.figures.stages import stages
from mobilebench.report.phrases import interval, plural, range_text, spread
from mobilebench.report.sections.proof import proof_panel
from mobilebench.statistics.estimates import Interval

_INTERVAL = doc.Column("95 % interval", "number", forms=doc.TERMINAL)
_RANGE = doc.Column("Blocks", "number", short="blocks", forms=doc.TERMINAL)
_COLUMNS = (
    views.case_column("ms"),
    views.THREADS,
    *(doc.Column(stage.capitalize(), "number", unit="ms", style="big") for stage in STAGES),
    doc.Column("Blocks", "number", forms=doc.MARKDOWN),
    _RANGE,
    doc.Column("Verdict"),
)

_COSTS = ("user_ms", "system_ms", "minor_faults", "major_faults", "voluntary_switches", "involuntary_switches")
_DOWNLOADS = ("download_path", "download_share", "download_mb_s", "download_bytes", "cached_bytes")
CSV_COLUMNS = (
    *views.IDENTITY,
    "stage",
    "geometric_mean_ms",
    "low_ms",
    "high_ms",
    "blocks",
    "samples",
    *views.OUTCOME,
    "lowest_block_ms",
    "highest_block_ms",
    "predictions_per_sample",
    *_COSTS,
    *views.FURTHER_AXES,
    *_DOWNLOADS,
    *(f"{part}_ms" for part in SETUP_PARTS),
    "shaders",
    "pipelines",
    "compilation_ms",
    "compilation_share",
    "readback_ms",
    "readback_share",
    "median_ms",
    "mean_ms",
    *(f"p{share * 100:.0f}_ms" for share in TAILS),
    "variation_between",
    "variation_within",
    "outliers",
    "correlation",
    "widening",
)
"""`geometric_mean_ms` is that of the block medians, and `low_ms` and `high_ms` are its 95 % interval, empty with fewer
than three blocks. `median_ms`, `mean_ms` and the percentiles are those of all samples. The system's counts are for the
whole process; in the prediction stage they are per prediction. Parts and downloads are in the rows of setup, read-back
is in those of prediction. New columns are added at the end.
"""


def section(view: views.ModelView) -> doc.Section | None:
    """Figures of the stages, the table of results, and the reasons why cases were not measured."""
    figures = (latency(view.cases, view.mark), stages(view.cases, view.mark))
    reasons = tuple(doc.Remark(views.subject(case), case.status, case.reasons) for case in view.cases if case.reasons)
    intervals = any(_interval(case) for case in view.target.cases)
    table = doc.Table(
        "results",
        tuple(_INTERVAL if column is _RANGE and intervals else column for column in _COLUMNS),
        tuple(_row(view, case, intervals) for case in view.cases),
        view.caption("Results"),
        "Milliseconds: the geometric mean of the block medians, then the lowest and highest block, and the 95 % "
        "interval of the mean (none with fewer than three blocks).",
        panel_title="Proof",
        forms=doc.DOCUMENTS | doc.TERMINAL,
    )
    blocks: list[doc.Block] = [
        *(figure for figure in figures if figure),
        table,
        doc.Remarks("reasons", reasons, forms=doc.TEXTS),
        doc.Remarks("left-out", _left_out(view), style="groups", forms=doc.HTML),
    ]
    return doc.Section("results", blocks=tuple(blocks), style="part")


def _interval(case: CaseSummary) -> Interval | None:
    prediction = case.stages.get("prediction")
    return prediction.interval if prediction else None


def _between(case: CaseSummary, intervals: bool) -> str | None:
    """What the terminal shows about the blocks: the interval, or their range if no case of the target has one."""
    prediction = case.stages.get("prediction")
    if prediction is None or (not intervals and len(prediction.blocks) == 1):
        return None
    ends = prediction.interval if intervals else prediction.spread
    return range_text(ends.low, ends.high) if ends else None


def _row(view: views.ModelView, case: CaseSummary, intervals: bool) -> doc.Row:
    """The row of one case. HTML shows rows for cases that ran, and lists the others below by reason; the terminal shows
    cases of scenarios only with the quality of their pages.
    """
    cell = views.case_cell(view, case)
    side = "web" if case.web else "native"
    counted = plural(len(case.counted), "block") if case.counted else "no block counts"
    details = (side, *cell.details, counted if case.timed else "not timed")
    name = doc.Cell(
        cell.text, details, markdown=cell.markdown, terminal=cell.terminal, key="web" if case.web else "native"
    )
    verdict = doc.Cell(
        doc.StatusWord(case.status),
        tuple(map(doc.Sentence, case.reasons)),
        case.status,
        markdown=doc.StatusWord(case.status),
    )
    stages = (_stage(case, stage) for stage in STAGES)
    texts = doc.MARKDOWN if case.case.has_scenario else doc.TEXTS
    return doc.Row(
        (name, case.case.threads, *stages, len(case.counted), _between(case, intervals), verdict),
        panel=proof_panel(view, case) if case.case.key in view.panels else None,
        forms=doc.HTML | texts if views.ran(case) else texts,
        of=views.facets(case),
    )


def _stage(case: CaseSummary, stage: Stage) -> doc.Cell | None:
    statistics = case.stages.get(stage)
    if statistics is None:
        return None
    between = (f"95 % {interval(statistics)}",) if statistics.interval else ()
    return doc.Cell(duration(statistics.value), (spread(statistics), *between), statistics.value)


def _left_out(view: views.ModelView) -> tuple[doc.Remark, ...]:
    """Cases without any measurement."""
    missing = [case for case in view.cases if not views.ran(case)]
    return tuple(
        doc.Remark(views.subject(case), case.status, case.reasons or ("The run ended before it was measured.",))
        for case in missing
    )


def data(view: views.RunView) -> doc.Section | None:
    """`results.csv`: a row for each case and stage, also for cases without a number."""
    rows = tuple(
        doc.Row(tuple(_values(view.run, target, case, stage)))
        for target, case in views.every_case(view.run)
        for stage in STAGES
    )
    table = doc.Table("results-data", views.csv_columns(CSV_COLUMNS), rows, csv="results.csv", forms=doc.CSV)
    return doc.Section("results-data", blocks=(table,), style="part")


def _values(run: RunSummary, target: TargetSummary, case: CaseSummary, stage: Stage) -> Iterator[doc.Value]:
    statistics, cost = case.stages.get(stage), case.costs.get(stage)
    yield from (*views.identity(run, target, case), stage)
    if statistics:
        ends = (statistics.interval.low, statistics.interval.high) if statistics.interval else (None, None)
        yield from (statistics.value, *ends, len(statistics.blocks), statistics.samples)
    else:
        yield from (None, None, None, 0, 0)
    yield from views.outcome(case)
    yield from (statistics.spread.low, statistics.spread.high) if statistics else (None, None)
    yield from (case.predictions_per_sample,)
    yield from (getattr(cost, name) if cost else None for name in _COSTS)
    yield from views.further_axes(case)
    yield from _downloads(case, stage)
    parts = case.setup_parts if stage == "setup" else {}
    yield from (parts[part].value if part in parts else None for part in SETUP_PARTS)
    compiled = case.compilation.get(stage)
    yield from (compiled.shaders, compiled.pipelines, compiled.time.value, compiled.share) if compiled else [None] * 4
    read = case.readback if stage == "prediction" else None
    yield from (read.time.value, read.share) if read else (None, None)
    yield from _samples(statistics) if statistics else [None] * (7 + len(TAILS))


def _samples(of: StageStatistics) -> Iterator[doc.Value]:
    yield from (of.median, of.mean, *(of.tails.get(share) for share in TAILS))
    yield from (of.between, of.within, of.outliers, of.estimate.correlation, of.estimate.widening)


def _downloads(case: CaseSummary, stage: Stage) -> tuple[doc.Value, ...]:
    found = case.downloads if stage == "setup" else None
    if found is None:
        return (None,) * len(_DOWNLOADS)
    return found.path, found.share, found.megabytes_per_second, found.bytes, found.cached_bytes
