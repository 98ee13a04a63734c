"""Kernels: time by operator type and by node, and the share of a prediction that it explains; `kernels.csv`."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.analysis.achieved import achieved, peak
from mobilebench.analysis.kernels import TOP_NODES, KernelNode, KernelSummary, kernels
from mobilebench.analysis.labels import amount, case_label, duration, percent, ratio
from mobilebench.analysis.summary import CaseSummary, RunSummary, TargetSummary
from mobilebench.report import document as doc
from mobilebench.report import views
from mobilebench.report.figures.kernels import achieved_rates, kernel_shares, nested_kernels
from mobilebench.report.phrases import milliseconds, plural, rate, times

Watched = tuple[CaseSummary, KernelSummary]

DISTORTED = 1.10
"""Ratio of a prediction in the kernels pass to a timed one from which the pass is reported as distorting."""
_AT_ONCE = 1.02
"""Ratio of the kernels' sum to the prediction above which some kernels must have run concurrently."""
_LEAST_SHARE = 0.001

_COLUMNS = (
    views.case_column(f"{views.pass_title('kernels').lower()}, ms"),
    views.THREADS,
    doc.Column("Kernels", "number", unit="ms", short="sum", style="big"),
    doc.Column("Explained", "number", forms=doc.TEXTS),
    doc.Column("First inference", "number", forms=doc.HTML),
    doc.Column("Against timing", "number", short="vs timing", style="big"),
    doc.Column("Compute-intensive", "number", short="compute"),
    doc.Column("Memory-intensive", "number", short="memory"),
    doc.Column("FLOPs", "number", forms=doc.DOCUMENTS),
)
_TYPE_COLUMNS = (
    doc.Column("Type", "name"),
    *(
        doc.Column(name, "number")
        for name in ("Kernels", "ms", "Share", "Warmup, ms", "FLOPs", "GFLOP/s", "Parameters")
    ),
)
_NODE_COLUMNS = (
    doc.Column("Kernel", "name"),
    *(doc.Column(name, "number") for name in ("Node", "ms", "Share", "Warmup, ms")),
)

_OF_TYPE = ("type", "class", "kernels", "median_ms", "share", "warmup_ms", "flops", "parameters", "gflop_per_s")
_OF_PASS = ("kernels_sum_ms", "prediction_ms", "timing_prediction_ms", "clock", "first_sum_ms", "first_inference_ms")
CSV_COLUMNS = (*views.IDENTITY, *views.OUTCOME, *_OF_TYPE, *_OF_PASS, *views.FURTHER_AXES)
"""`share` is of all kernels together. The columns from `kernels_sum_ms` to `first_inference_ms` are for the whole pass
and equal in all rows of a case: the kernels' sum and the prediction that contains them, both also for the first
inference, and the clock (`gpu`: for at least one kernel).
"""


def section(view: views.ModelView) -> doc.Section | None:
    """Figure and table of the kernels passes, their details, and why a pass cannot be shown."""
    watched = [(case, found) for case in view.cases if (found := kernels(case))]
    missing = views.missing_pass(view.cases, "kernels", {case.case.key for case, _ in watched})
    rates = achieved_rates(achieved(view.cases), peak(view.target.info), view.mark)
    blocks: list[doc.Block] = [figure for figure in (kernel_shares(watched, view.mark), rates) if figure]
    if watched:
        blocks += [_table(view, watched), _largest_types(watched), *_details(view, watched)]
    if missing.remarks:
        blocks.append(missing)
    return doc.Section("kernels", blocks=tuple(blocks), style="part") if blocks else None


def _table(view: views.ModelView, watched: list[Watched]) -> doc.Table:
    return doc.Table(
        "kernels",
        _COLUMNS,
        tuple(doc.Row(_cells(view, case, found), of=views.facets(case)) for case, found in watched),
        view.caption(views.pass_title("kernels")),
        "Recorded in a pass of its own. Milliseconds of all kernels together in one prediction and in the first "
        "inference, and the share of that inference; the prediction of this pass over that of the timing blocks; "
        "shares of the kernels' time by class; FLOPs and parameters of the model's file.",
        forms=doc.DOCUMENTS | doc.TERMINAL,
    )


def _cells(view: views.ModelView, case: CaseSummary, found: KernelSummary) -> tuple[doc.Value, ...]:
    explained = f"{percent(found.explained)} of {duration(found.whole_ms)}"
    clock = clock_mark(found)
    neither = found.share_of(None)
    parameters = (f"{amount(found.parameters)} parameters",) if found.parameters else ()
    collapsed = (f"{plural(len(found.collapsed), 'part')} collapsed",) if found.collapsed else ()
    return (
        views.case_cell(view, case),
        case.case.threads,
        doc.Cell(duration(found.sum_ms), (explained, *([clock] if clock else [])), markdown=duration(found.sum_ms)),
        percent(found.explained),
        doc.Cell(milliseconds(found.warmup_sum_ms), _explained_first(found)),
        doc.Cell(times(found.distortion), (_compared(found),), markdown=times(found.distortion)),
        percent(found.share_of("compute")),
        doc.Cell(
            percent(found.share_of("memory")), (f"{percent(neither)} neither",) if neither >= _LEAST_SHARE else ()
        ),
        doc.Cell(_amount(found.flops), (*parameters, *collapsed)),
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


def _largest_types(watched: list[Watched]) -> doc.Items:
    """The five types with the most time, for Markdown, which has no table by type."""
    items = (
        ", ".join(
            [case_label(case.case), *(f"{row.type} {percent(row.share)}" for row in found.rows[:5] if row.kernels)]
        )
        for case, found in watched
    )
    return doc.Items(tuple(items), forms=doc.MARKDOWN)


def _details(view: views.ModelView, watched: list[Watched]) -> list[doc.Block]:
    if not view.detailed:
        sentence = (
            "This run is large: the types of every case are in `kernels.csv`, and "
            f"`mobilebench results {view.run.info.id} --data kernels --format csv` prints every kernel."
        )
        return [doc.Paragraph(doc.Sentence(sentence), "small", forms=doc.HTML)]
    folds = tuple(
        doc.Fold(
            case_label(case.case),
            (
                *(doc.Paragraph(doc.Sentence(sentence), "small") for sentence in kernel_sentences(found)),
                *_nested(view, watched, case, found),
                _by_type(found),
                _by_node(found),
            ),
            inner=True,
            of=views.facets(case),
        )
        for case, found in watched
    )
    return [doc.Fold("Kernels by type and by node", folds, forms=doc.HTML)]


def _nested(
    view: views.ModelView, watched: list[Watched], case: CaseSummary, found: KernelSummary
) -> tuple[doc.Figure, ...]:
    """The kernels within their types, for the case whose kernels are fastest of its side."""
    fastest = min((one for one in watched if one[0].web == case.web), key=lambda one: one[1].sum_ms)
    figure = nested_kernels(case, found, view.mark) if fastest[0] is case else None
    return (figure,) if figure else ()


def _by_type(found: KernelSummary) -> doc.Table:
    rows = []
    for row in found.rows:
        intensity = f"{row.intensity}-intensive" if row.intensity else "in neither class"
        cells: tuple[doc.Value, ...] = (
            doc.Cell(row.type, (intensity,)),
            row.kernels or "fused",
            duration(row.median_ms) if row.kernels else None,
            percent(row.share) if row.kernels else None,
            milliseconds(row.warmup_ms),
            _amount(row.flops),
            rate(row.rate),
            _amount(row.parameters),
        )
        rows.append(doc.Row(cells))
    return doc.Table("types", _TYPE_COLUMNS, tuple(rows), "By type", style="dense")


def _by_node(found: KernelSummary) -> doc.Table:
    longest = found.nodes[:TOP_NODES]
    rows = tuple(
        doc.Row(
            (
                doc.Cell(f"{node.name}{' (collapsed)' if node.collapsed else ''}", (_node_details(found, node),)),
                node.node,
                duration(node.median_ms),
                percent(node.share),
                milliseconds(node.warmup_ms),
            )
        )
        for node in longest
    )
    caption = f"The {len(longest)} longest of {plural(len(found.nodes), 'kernel')}"
    return doc.Table("nodes", _NODE_COLUMNS, rows, caption, style="dense")


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
            "whole delegated part of the model, inside which the profiler sees no kernels."
        )
    if found.renamed:
        names = ", ".join(f"{count} × `{name}` compute {operator}" for name, operator, count in found.renamed[:5])
        sentences.append(f"Kernels are typed by the operator of the model's file that they compute: {names}.")
    if found.merged:
        sentences.append("This profiler does not distinguish depthwise convolutions: they are counted as convolutions.")
    if found.unknown:
        names = ", ".join(f"`{name}`" for name in found.unknown[:8])
        more = f" and {len(found.unknown) - 8} more" if len(found.unknown) > 8 else ""
        sentences.append(f"Names without a type are counted as other: {names}{more}.")
    return [sentence for sentence in sentences if sentence]


def _explained(found: KernelSummary) -> str:
    start = f"The kernels take {duration(found.sum_ms)} ms, {percent(found.explained)} of a prediction in this pass"
    start += f" ({duration(found.whole_ms)} ms)"
    if found.explained > _AT_ONCE:
        return f"{start}: more than the whole prediction, so some kernels ran at the same time."
    rest = max(0.0, found.whole_ms - found.sum_ms)
    return f"{start}; the other {duration(rest)} ms passed between, before and after them."


def _first(found: KernelSummary) -> str:
    if found.explained_first is None or found.warmup_sum_ms is None or found.warmup_ms is None:
        return ""
    return (
        f"In the first inference the kernels take {duration(found.warmup_sum_ms)} ms, "
        f"{percent(found.explained_first)} of its {duration(found.warmup_ms)} ms."
    )


def _clock(found: KernelSummary) -> str:
    match found.clock:
        case "gpu":
            return "Kernels on the GPU were timed by its own timers, and the others by the processor's clock."
        case "cpu" if found.on_gpu:
            return (
                "These are CPU-side times, because this browser does not let pages read the GPU's own timers: each "
                "ends when the processor has the kernel's result, or has handed the kernel over to the GPU."
            )
    return ""


def _distortion(found: KernelSummary) -> str:
    if found.apart:
        differences = "; ".join(found.apart)
        return f"This pass is not compared with the timing blocks, because it ran something else: {differences}."
    if found.distortion is None or found.timing_ms is None:
        return "No timing block of this case counts, so it is not known how much the recording slows predictions down."
    compared = f"{ratio(found.distortion)} the {duration(found.timing_ms)} ms of the timing blocks"
    if found.distortion >= DISTORTED:
        return f"The recording distorts the times: with it, a prediction takes {compared}."
    return f"With the recording, a prediction takes {compared}."


def data(view: views.RunView) -> doc.Section | None:
    """`kernels.csv`: a row for each case and operator type; None if no kernels pass was planned."""
    if "kernels" not in view.run.watched:
        return None
    rows = (doc.Row(values) for one in views.every_case(view.run) for values in _values(view.run, *one))
    table = doc.Table("kernels-data", views.csv_columns(CSV_COLUMNS), tuple(rows), csv="kernels.csv", forms=doc.CSV)
    return doc.Section("kernels-data", blocks=(table,), style="part")


def _values(run: RunSummary, target: TargetSummary, case: CaseSummary) -> Iterator[tuple[doc.Value, ...]]:
    """The rows of one case; a case whose kernels are not known has one row."""
    entry = case.watched.get("kernels")
    if entry is None:
        return
    shared = (*views.identity(run, target, case), *views.outcome(entry))
    found = kernels(case)
    if found is None:
        yield (*shared, *(None,) * (len(_OF_TYPE) + len(_OF_PASS)), *views.further_axes(case))
        return
    whole = (found.sum_ms, found.whole_ms, found.timing_ms, found.clock, found.warmup_sum_ms, found.warmup_ms)
    for row in found.rows:
        own = (row.type, row.intensity, row.kernels, row.median_ms, row.share, row.warmup_ms, row.flops, row.parameters)
        yield (*shared, *own, row.rate, *whole, *views.further_axes(case))
