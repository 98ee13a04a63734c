"""Tables like those of the study by Wang et al.: latency by model and way, gaps over models, and shares of kernels.

The report has them folded; `tables` has them open, with their data for CSV, for a folder of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from mobilebench.analysis.labels import case_label, factor, ratio
from mobilebench.analysis.study_gaps import AGAINST, Against, WayGap, way_gaps
from mobilebench.analysis.study_kernels import EINSUM, KernelTable, kernel_tables
from mobilebench.analysis.study_tables import LatencyTable, Mean, Model, Way, latency_tables
from mobilebench.analysis.summary import STAGES, CaseSummary, TargetSummary
from mobilebench.core.errors import as_sentence
from mobilebench.report import document as doc
from mobilebench.report.phrases import milliseconds, plural, range_text, share, times
from mobilebench.report.views import FURTHER_AXES, IDENTITY, OUTCOME, RunView, csv_columns, outcome
from mobilebench.statistics.estimates import Interval

TITLE = "Tables of the study"
LEAD = (
    "Like the tables of Wang et al. (ACM TOSEM 34, 2025), from this run. Means are over the models that count in every "
    "column that was measured at all."
)
_CELLS = "Milliseconds: the geometric mean of the block medians, and its 95 % interval (none below three blocks)."
_AGAINST_PLAIN = " A ratio is the time of a kernel over its time in the plain build of WebAssembly."
_WHERE = IDENTITY[:4]
_AXES = (*IDENTITY[4:], *FURTHER_AXES)
LATENCY_COLUMNS = (
    *_WHERE, "table", *_AXES, "stage", "statistic", "ms", "low_ms", "high_ms", "models", *OUTCOME,
)  # fmt: skip
"""`statistic` is `case` for one case, or the kind of mean over models; then `models` says over how many."""
GAP_COLUMNS = (
    *_WHERE, "against", "above", "below", "stage", "models", "lowest", "highest", "geometric_mean", "low", "high",
    "arithmetic_mean", "suspect", "refusals",
)  # fmt: skip
KERNEL_COLUMNS = (*_WHERE, "table", *_AXES, "stage", "kernel", "ms", "share", "change_against_plain", "models")
"""Rows of single cases have `ms`; rows without a model are the mean share, and the change against plain WebAssembly."""

_AGAINST_TITLES: dict[Against, str] = {
    "native": "Pages against native engines",
    "plain wasm": "WebAssembly builds against the plain one",
    "chrome": "Other browsers against Chrome",
}
_GROUP_TITLES = {
    "native": "Native engines",
    "wasm": "WebAssembly builds of {engine} in {browser}",
    "gpu": "WebGL and WebGPU in {browser}",
    "other": "Other backends of pages in {browser}",
}


def section(view: RunView) -> doc.Section | None:
    """All tables, folded, for the page."""

    def folded(table: doc.Table) -> doc.Block:
        return doc.Fold(table.caption, (table,), forms=doc.HTML)

    found = tuple(_targets(view, folded))
    return doc.Section("study", TITLE, sections=found, lead=LEAD) if found else None


def tables(view: RunView) -> doc.Section | None:
    """All tables, open."""
    found = tuple(_targets(view, lambda table: table))
    return doc.Section("study", TITLE, sections=found, lead=LEAD) if found else None


def data(view: RunView) -> doc.Section | None:
    """The same numbers as CSV: `study.csv`, `study_gaps.csv` and `study_kernels.csv`."""
    files = (
        ("study.csv", LATENCY_COLUMNS, list(_latency_data(view))),
        ("study_gaps.csv", GAP_COLUMNS, list(_gap_data(view))),
        ("study_kernels.csv", KERNEL_COLUMNS, list(_kernel_data(view))),
    )
    blocks = [
        doc.Table(name, csv_columns(columns), tuple(map(doc.Row, rows)), csv=name, forms=doc.CSV)
        for name, columns, rows in files
        if rows
    ]
    return doc.Section("study-data", blocks=tuple(blocks), style="part") if blocks else None


def _targets(view: RunView, shown: Callable[[doc.Table], doc.Block]) -> Iterator[doc.Section]:
    latency, gaps, kernels = latency_tables(view.run), way_gaps(view.run), kernel_tables(view.run)
    for target in view.run.targets:
        own = [
            *(_latency(table) for table in latency if table.target is target),
            *(
                _gaps(against, target, found)
                for against in AGAINST
                if (found := [gap for gap in gaps if gap.target is target and gap.against == against])
            ),
            *(_kernels(table) for table in kernels if table.target is target),
        ]
        if own:
            mark = target.soc if target.info.virtual else None
            name = f"study-{target.info.id}"
            blocks = tuple(map(shown, own))
            yield doc.Section(name, target.info.name, blocks, lead=target.info.id, style="part", mark=mark)


class Notes:
    """Numbered notes of one table; equal notes have one number."""

    def __init__(self, first: str) -> None:
        self._first = first
        self._numbers: dict[str, int] = {}

    def mention(self, text: str) -> str:
        """The words that refer to a note, such as `note 2`."""
        return f"note {self._numbers.setdefault(text, len(self._numbers) + 1)}"

    def text(self) -> str:
        """What stands first, and then all notes with their numbers."""
        return " ".join((self._first, *(f"Note {number}: {text}" for text, number in self._numbers.items())))


def _latency(table: LatencyTable) -> doc.Table:
    notes = Notes(_CELLS)
    columns = [doc.Column("Model", "name")]
    for way in table.ways:
        label = _label(table, way)
        columns += [doc.Column(stage.capitalize(), "number", unit="ms", group=label) for stage in STAGES]
    rows = [
        doc.Row((_model(model), *(c for way in table.ways for c in _times(table.cases.get((model, way)), notes))))
        for model in table.models
    ]
    if len(table.models) > 1:
        rows += _mean_rows(table) if table.common else []
    common = "" if table.common or len(table.models) == 1 else " No model counts in every column: there are no means."
    return doc.Table(
        f"study-{table.name}",
        tuple(columns),
        tuple(rows),
        f"{_GROUP_TITLES[table.group].format(engine=table.engine, browser=table.browser)} on {table.target.info.name}",
        f"{notes.text()}{common}",
        style="dense",
        forms=doc.PAPER,
    )


def _label(table: LatencyTable, way: Way) -> str:
    """The way without what the table's title says."""
    label = case_label(way, browser=False)
    return label.removeprefix(f"{table.engine} {way.backend} ") if table.engine else label


def _model(model: Model) -> doc.Cell:
    name, precision, batch = model
    return doc.Cell(name, (f"{precision}, batch {batch}",))


def _times(case: CaseSummary | None, notes: Notes) -> Sequence[doc.Value]:
    """The cells of the three stages, or one cell that says why there is no time."""
    if case is None or case.status == "not measured":
        return (None,) * len(STAGES)
    if "prediction" not in case.stages:
        return (doc.Cell(case.status, (notes.mention(" ".join(map(as_sentence, case.reasons))),), span=len(STAGES)),)
    doubt = ("suspect",) if case.status == "suspect" else ()
    cells: list[doc.Value] = []
    for stage in STAGES:
        found = case.stages.get(stage)
        cells.append(doc.Cell(milliseconds(found.value), (*_ends(found.interval), *doubt)) if found else None)
    return cells


def _ends(interval: Interval | None) -> tuple[str, ...]:
    return (range_text(interval.low, interval.high),) if interval else ()


def ratio_ends(interval: Interval | None) -> tuple[str, ...]:
    """The 95 % interval of a ratio as a detail of its cell; none if it is not known."""
    if interval is None:
        return ()
    low, high = factor(interval.low), factor(interval.high)
    return (low if low == high else f"{low}–{high}",)


def _mean_rows(table: LatencyTable) -> list[doc.Row]:
    count = plural(len(table.common), "model")
    pairs = [table.means.get((way, stage)) for way in table.ways for stage in STAGES]
    doubts = [_doubt(table, way) for way in table.ways for _ in STAGES]
    geometric = [
        doc.Cell(milliseconds(mean.geometric), (*_ends(mean.interval), *doubt)) if mean else None
        for mean, doubt in zip(pairs, doubts, strict=True)
    ]
    arithmetic = [milliseconds(mean.arithmetic) if mean else None for mean in pairs]
    return [
        doc.Row((doc.Cell("Geometric mean", (count,)), *geometric)),
        doc.Row((doc.Cell("Arithmetic mean", (count,)), *arithmetic)),
    ]


def _doubt(table: LatencyTable, way: Way) -> tuple[str, ...]:
    """A remark if a mean holds a suspect case."""
    suspect = any(table.cases[model, way].status == "suspect" for model in table.common if (model, way) in table.cases)
    return ("suspect",) if suspect else ()


def _gaps(against: Against, target: TargetSummary, found: Sequence[WayGap]) -> doc.Table:
    notes = Notes(
        "Ratios of times, taken within rounds and then over the models that both sides have: lowest and highest "
        "model, geometric mean with its 95 % interval, and arithmetic mean, for comparison with published ones."
    )
    titles = ("Lowest", "Highest", "Geometric", "Arithmetic")
    columns = [doc.Column("Way", "name"), doc.Column("Models", "number")]
    for stage in STAGES:
        columns += [doc.Column(title, "number", group=stage.capitalize()) for title in titles]
    return doc.Table(
        f"study-gaps-{against.replace(' ', '-')}",
        tuple(columns),
        tuple(_gap(gap, notes) for gap in found),
        f"{_AGAINST_TITLES[against]} on {target.info.name}",
        notes.text(),
        style="dense",
        forms=doc.PAPER,
    )


def _gap(gap: WayGap, notes: Notes) -> doc.Row:
    refused = [notes.mention(f"{model[0]}: {reason}") for model, reason in gap.refusals]
    details = [
        f"against {case_label(gap.below)}",
        *(["a side is suspect"] if gap.suspect else []),
        *([f"some models are not compared: {', '.join(refused)}"] if refused else []),
    ]
    models = max((len(mean.models) for mean in gap.stages.values()), default=0)
    cells: list[doc.Value] = [doc.Cell(case_label(gap.above), tuple(details)), models]
    for stage in STAGES:
        cells += _mean_cells(gap.stages.get(stage))
    return doc.Row(tuple(cells))


def _mean_cells(mean: Mean | None) -> Sequence[doc.Value]:
    if mean is None:
        return (None,) * 4
    geometric = doc.Cell(ratio(mean.geometric), ratio_ends(mean.interval))
    return ratio(mean.low), ratio(mean.high), geometric, ratio(mean.arithmetic)


def _kernels(table: KernelTable) -> doc.Table:
    ways = [way for way in table.ways if any(way == other for _, other in table.times)]
    columns = [doc.Column("Kernel", "name")]
    changed = {way: any(table.change(way, row) is not None for row in table.rows) for way in ways}
    notes = Notes(
        f"Share of each kernel in the time of all kernels, as mean over {plural(len(table.common), 'model')}."
        + (_AGAINST_PLAIN if any(changed.values()) else "")
    )
    for way in ways:
        clock = table.clocks.get(way)
        remarks = [
            *([f"timed {'by the GPU' if clock == 'gpu' else 'CPU-side'}"] if clock else []),
            *(["suspect"] if way in table.suspect else []),
        ]
        label = ", ".join((case_label(way, browser=False), *remarks))
        columns.append(doc.Column("Share", "number", group=label))
        if changed[way]:
            columns.append(doc.Column("Against plain", "number", group=label))
    rows = []
    for row in table.rows:
        cells: list[doc.Value] = []
        for way in ways:
            cells.append(share(table.share(way, row)))
            if changed[way]:
                cells.append(times(table.change(way, row)))
        is_einsum = row == EINSUM
        rows.append(doc.Row((doc.Cell(row, ("matmul + reshape + transpose",) if is_einsum else ()), *cells)))
    for case, reason in table.missing:
        if case.status != "not measured" and reason:
            notes.mention(f"{case.case.model} on {case_label(case.case, browser=False)}: {as_sentence(reason)}")
    if not table.common:
        notes.mention("No model was recorded in every column, so there is no mean share.")
    where = f" in {table.browser}" if table.browser else ""
    kind = {"native": "", "wasm": " wasm", "gpu": " on GPU backends", "other": " on other backends"}[table.group]
    return doc.Table(
        f"study-{table.name}",
        tuple(columns),
        tuple(rows),
        f"Kernels of {table.engine}{kind}{where}: {table.stage} on {table.target.info.name}",
        notes.text(),
        style="dense",
        forms=doc.PAPER,
    )


def _where(view: RunView, target: TargetSummary) -> tuple[doc.Value, ...]:
    return view.run.info.id, target.info.id, target.info.virtual, target.soc


def _axes(way: Way, model: Model | None) -> tuple[doc.Value, ...]:
    """Values of all axes; a mean over models has no model, precision and batch."""
    own = dict(zip(("model", "precision", "batch"), model or (None,) * 3, strict=True))
    return tuple(own[name] if name in own else getattr(way, name) for name in _AXES)


def _latency_data(view: RunView) -> Iterator[tuple[doc.Value, ...]]:
    for table in latency_tables(view.run):
        where = (*_where(view, table.target), table.name)
        for (model, way), case in table.cases.items():
            for stage in STAGES:
                found = case.stages.get(stage)
                times = (found.value, *_pair(found.interval)) if found else (None,) * 3
                yield (*where, *_axes(way, model), stage, "case", *times, None, *outcome(case))
        for (way, stage), mean in table.means.items():
            shared = (*where, *_axes(way, None), stage)
            count = len(mean.models)
            yield (*shared, "geometric mean", mean.geometric, *_pair(mean.interval), count, *(None,) * len(OUTCOME))
            yield (*shared, "arithmetic mean", mean.arithmetic, None, None, count, *(None,) * len(OUTCOME))


def _pair(interval: Interval | None) -> tuple[float | None, float | None]:
    return (interval.low, interval.high) if interval else (None, None)


def _gap_data(view: RunView) -> Iterator[tuple[doc.Value, ...]]:
    for gap in way_gaps(view.run):
        shared = (*_where(view, gap.target), gap.against, case_label(gap.above), case_label(gap.below))
        refusals = " ".join(f"{model[0]}: {reason}" for model, reason in gap.refusals)
        for stage, mean in gap.stages.items():
            means = (mean.low, mean.high, mean.geometric, *_pair(mean.interval), mean.arithmetic)
            yield (*shared, stage, len(mean.models), *means, gap.suspect, refusals)
        if not gap.stages:
            yield (*shared, None, 0, *(None,) * 6, gap.suspect, refusals)


def _kernel_data(view: RunView) -> Iterator[tuple[doc.Value, ...]]:
    for table in kernel_tables(view.run):
        where = (*_where(view, table.target), table.name)
        for (model, way), rows in table.times.items():
            for row, time in rows.items():
                yield (*where, *_axes(way, model), table.stage, row, time.ms, time.share, None, None)
        for way in table.ways:
            for row in table.rows:
                if (mean := table.share(way, row)) is not None:
                    means = (None, mean, table.change(way, row), len(table.common))
                    yield (*where, *_axes(way, None), table.stage, row, *means)
