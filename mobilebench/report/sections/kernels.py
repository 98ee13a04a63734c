"""Kernels: time by operator type and by node, and the share of a prediction that it explains; `kernels.csv`."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.analysis.kernels import TOP_NODES, KernelNode, KernelSummary, kernels
from mobilebench.analysis.labels import amount, case_label, duration, percent, ratio
from mobilebench.analysis.summary import CaseSummary, RunSummary, TargetSummary
from mobilebench.report.document import (
    CSV,
    DOCUMENTS,
    HTML,
    MARKDOWN,
    TERMINAL,
    TEXTS,
    Block,
    Cell,
    Column,
    Fold,
    Items,
    Paragraph,
    Row,
    Section,
    Sentence,
    Table,
    Value,
)
from mobilebench.report.figures.kernels import kernel_shares
from mobilebench.report.phrases import milliseconds, plural, rate, times
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

Watched = tuple[CaseSummary, KernelSummary]

DISTORTED = 1.10
"""Ratio of a prediction in the kernels pass to a timed one from which the pass is reported as distorting."""
_AT_ONCE = 1.02
"""Ratio of the kernels' sum to the prediction above which some kernels must have run concurrently."""
_LEAST_SHARE = 0.001

_COLUMNS = (
    case_column("kernels, ms"),
    THREADS,
    Column("Kernels", "number", unit="ms", short="sum", style="big"),
    Column("Explained", "number", forms=TEXTS),
    Column("First inference", "number", forms=HTML),
    Column("Against timing", "number", short="vs timing", style="big"),
    Column("Compute-intensive", "number", short="compute"),
    Column("Memory-intensive", "number", short="memory"),
    Column("FLOPs", "number", forms=DOCUMENTS),
)
_TYPE_COLUMNS = (
    Column("Type", "name"),
    *(Column(name, "number") for name in ("Kernels", "ms", "Share", "Warmup, ms", "FLOPs", "GFLOP/s", "Parameters")),
)
_NODE_COLUMNS = (Column("Kernel", "name"), *(Column(name, "number") for name in ("Node", "ms", "Share", "Warmup, ms")))

_OF_TYPE = ("type", "class", "kernels", "median_ms", "share", "warmup_ms", "flops", "parameters", "gflop_per_s")
_OF_PASS = ("kernels_sum_ms", "prediction_ms", "timing_prediction_ms", "clock", "first_sum_ms", "first_inference_ms")
CSV_COLUMNS = (*IDENTITY, *OUTCOME, *_OF_TYPE, *_OF_PASS, *FURTHER_AXES)
"""`share` is of all kernels together. The columns from `kernels_sum_ms` to `first_inference_ms` are for the whole pass
and equal in all rows of a case: the kernels' sum and the prediction that contains them, both also for the first
inference, and the clock (`gpu`: for at least one kernel).
"""


def section(view: ModelView) -> Section | None:
    """Figure and table of the kernels passes, their details, and why a pass cannot be shown."""
    watched = [(case, found) for case in view.cases if (found := kernels(case))]
    missing = missing_pass(view.cases, "kernels", {case.case.key for case, _ in watched})
    blocks: list[Block] = [figure] if (figure := kernel_shares(watched, view.mark)) else []
    if watched:
        blocks += [_table(view, watched), _largest_types(watched), *_details(view, watched)]
    if missing.remarks:
        blocks.append(missing)
    return Section("kernels", blocks=tuple(blocks), style="part") if blocks else None


def _table(view: ModelView, watched: list[Watched]) -> Table:
    return Table(
        "kernels",
        _COLUMNS,
        tuple(Row(_cells(view, case, found)) for case, found in watched),
        view.caption("Kernels"),
        "A pass of its own. Milliseconds of all kernels in one prediction and in the first inference, and how much of "
        "these they explain; that prediction against the timing blocks'; shares of the kernels' time by class; "
        "FLOPs and parameters of the model's file.",
        forms=DOCUMENTS | TERMINAL,
    )


def _cells(view: ModelView, case: CaseSummary, found: KernelSummary) -> tuple[Value, ...]:
    explained = f"{percent(found.explained)} of {duration(found.whole_ms)}"
    clock = clock_mark(found)
    neither = found.share_of(None)
    parameters = (f"{amount(found.parameters)} parameters",) if found.parameters else ()
    collapsed = (f"{plural(len(found.collapsed), 'part')} collapsed",) if found.collapsed else ()
    return (
        case_cell(view, case),
        case.case.threads,
        Cell(duration(found.sum_ms), (explained, *([clock] if clock else [])), markdown=duration(found.sum_ms)),
        percent(found.explained),
        Cell(milliseconds(found.warmup_sum_ms), _explained_first(found)),
        Cell(times(found.distortion), (_compared(found),), markdown=times(found.distortion)),
        percent(found.share_of("compute")),
        Cell(percent(found.share_of("memory")), (f"{percent(neither)} neither",) if neither >= _LEAST_SHARE else ()),
        Cell(_amount(found.flops), (*parameters, *collapsed)),
    )


def _compared(found: KernelSummary) -> str:
    if found.distortion is None or found.timing_ms is None:
        return "not comparable"
    return "distorts" if found.distortion >= DISTORTED else f"of {duration(found.timing_ms)}"


def _explained_first(found: KernelSummary) -> tuple[str, ...]:
    """The share of the first inference that its kernels explain, such as `97.1 % of 41.2`."""
    if found.explained_first is None or found.warmup_ms is None:
        return ()
    return (f"{percent(found.explained_first)} of {duration(found.warmup_ms)}",)


def clock_mark(found: KernelSummary) -> str:
    """Which processor's clock was used, if a GPU computed."""
    if found.clock == "gpu":
        return "by the GPU"
    return "CPU-side" if found.clock == "cpu" and found.on_gpu else ""


def _amount(count: float | None) -> str:
    return amount(count) if count else "–"


def _largest_types(watched: list[Watched]) -> Items:
    """The five types with the most time, for Markdown, which has no table by type."""
    items = (
        ", ".join(
            [case_label(case.case), *(f"{row.type} {percent(row.share)}" for row in found.rows[:5] if row.kernels)]
        )
        for case, found in watched
    )
    return Items(tuple(items), forms=MARKDOWN)


def _details(view: ModelView, watched: list[Watched]) -> list[Block]:
    if not view.detailed:
        sentence = (
            "This run is large: the types of every case stand in `kernels.csv`, and every kernel in "
            f"`mobilebench results {view.run.info.id} --data kernels --format csv`."
        )
        return [Paragraph(Sentence(sentence), "small", forms=HTML)]
    folds = tuple(
        Fold(
            case_label(case.case),
            (
                *(Paragraph(Sentence(sentence), "small") for sentence in kernel_sentences(found)),
                _by_type(found),
                _by_node(found),
            ),
            inner=True,
        )
        for case, found in watched
    )
    return [Fold("Kernels by type and by node", folds, forms=HTML)]


def _by_type(found: KernelSummary) -> Table:
    rows = []
    for row in found.rows:
        intensity = f"{row.intensity}-intensive" if row.intensity else "in neither class"
        cells: tuple[Value, ...] = (
            Cell(row.type, (intensity,)),
            row.kernels or "fused",
            duration(row.median_ms) if row.kernels else None,
            percent(row.share) if row.kernels else None,
            milliseconds(row.warmup_ms),
            _amount(row.flops),
            rate(row.rate),
            _amount(row.parameters),
        )
        rows.append(Row(cells))
    return Table("types", _TYPE_COLUMNS, tuple(rows), "By type", style="dense")


def _by_node(found: KernelSummary) -> Table:
    longest = found.nodes[:TOP_NODES]
    rows = tuple(
        Row(
            (
                Cell(f"{node.name}{' (collapsed)' if node.collapsed else ''}", (_node_details(found, node),)),
                node.node,
                duration(node.median_ms),
                percent(node.share),
                milliseconds(node.warmup_ms),
            )
        )
        for node in longest
    )
    caption = f"The {len(longest)} longest of {plural(len(found.nodes), 'kernel')}"
    return Table("nodes", _NODE_COLUMNS, rows, caption, style="dense")


def _node_details(found: KernelSummary, node: KernelNode) -> str:
    clock = "by the GPU" if node.clock == "gpu" else "CPU-side" if node.clock == "cpu" and found.on_gpu else ""
    computed = f"{node.type}, computes {node.operator}" if node.operator else node.type
    return " · ".join(filter(None, (computed, node.provider, clock)))


def kernel_sentences(found: KernelSummary) -> list[str]:
    """Caveats of a kernels pass: what is missing, distorted, collapsed or merged."""
    sentences = [_explained(found), _first(found), _clock(found), _distortion(found)]
    if found.collapsed:
        names = ", ".join(f"`{node.name}` ({duration(node.median_ms)} ms)" for node in found.collapsed[:5])
        verb = "is" if len(found.collapsed) == 1 else "are"
        sentences.append(
            f"{plural(len(found.collapsed), 'kernel')} {verb} collapsed: {names}. A collapsed kernel stands for a "
            "whole delegated part, which the profiler does not look into."
        )
    if found.renamed:
        names = ", ".join(f"{count} × `{name}` compute {operator}" for name, operator, count in found.renamed[:5])
        sentences.append(f"Kernels are typed by the operator of the model's file that they compute: {names}.")
    if found.merged:
        sentences.append("This profiler does not tell depthwise convolutions apart: they are counted as convolutions.")
    if found.unknown:
        names = ", ".join(f"`{name}`" for name in found.unknown[:8])
        more = f" and {len(found.unknown) - 8} more" if len(found.unknown) > 8 else ""
        sentences.append(f"Names without a type are counted as other: {names}{more}.")
    return [sentence for sentence in sentences if sentence]


def _explained(found: KernelSummary) -> str:
    start = f"The kernels take {duration(found.sum_ms)} ms, {percent(found.explained)} of the same pass's prediction"
    start += f" ({duration(found.whole_ms)} ms)"
    if found.explained > _AT_ONCE:
        return f"{start}: more than the whole, so some ran at the same time."
    rest = max(0.0, found.whole_ms - found.sum_ms)
    return f"{start}; the other {duration(rest)} ms went to what lies between and around them."


def _first(found: KernelSummary) -> str:
    if found.explained_first is None or found.warmup_sum_ms is None or found.warmup_ms is None:
        return ""
    return (
        f"In the first inference they take {duration(found.warmup_sum_ms)} ms, {percent(found.explained_first)} of its "
        f"{duration(found.warmup_ms)} ms."
    )


def _clock(found: KernelSummary) -> str:
    match found.clock:
        case "gpu":
            return "These are times of the GPU, by its own timers, and of the processor for what ran there."
        case "cpu" if found.on_gpu:
            return (
                "CPU-side: this browser does not let pages read the GPU's own timers, so these are times until the "
                "processor had each kernel's result, or had handed it over."
            )
    return ""


def _distortion(found: KernelSummary) -> str:
    if found.apart:
        return f"It is not set beside the timing blocks, because it ran something else: {'; '.join(found.apart)}."
    if found.distortion is None or found.timing_ms is None:
        return "This case has no timing blocks that count, so it is not known how far watching distorts the numbers."
    compared = f"{ratio(found.distortion)} the {duration(found.timing_ms)} ms of the timing blocks"
    if found.distortion >= DISTORTED:
        return f"Watching distorts: a watched prediction takes {compared}."
    return f"A watched prediction takes {compared}."


def data(view: RunView) -> Section | None:
    """`kernels.csv`: a row for each case and operator type; None if no kernels pass was planned."""
    if "kernels" not in view.run.watched:
        return None
    rows = (Row(values) for one in every_case(view.run) for values in _values(view.run, *one))
    table = Table("kernels-data", csv_columns(CSV_COLUMNS), tuple(rows), csv="kernels.csv", forms=CSV)
    return Section("kernels-data", blocks=(table,), style="part")


def _values(run: RunSummary, target: TargetSummary, case: CaseSummary) -> Iterator[tuple[Value, ...]]:
    """The rows of one case; a case whose kernels are not known has one row."""
    entry = case.watched.get("kernels")
    if entry is None:
        return
    shared = (*identity(run, target, case), *outcome(entry))
    found = kernels(case)
    if found is None:
        yield (*shared, *(None,) * (len(_OF_TYPE) + len(_OF_PASS)), *further_axes(case))
        return
    whole = (found.sum_ms, found.whole_ms, found.timing_ms, found.clock, found.warmup_sum_ms, found.warmup_ms)
    for row in found.rows:
        own = (row.type, row.intensity, row.kernels, row.median_ms, row.share, row.warmup_ms, row.flops, row.parameters)
        yield (*shared, *own, row.rate, *whole, *further_axes(case))
