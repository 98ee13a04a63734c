"""The contexts of native engines: the time in mobilebench's app over that from a shell, and `contexts.csv`."""

from __future__ import annotations

from collections.abc import Iterator

from mobilebench.analysis.contexts import ContextRatio, context_ratios
from mobilebench.analysis.labels import case_details, case_label, duration, engine_label
from mobilebench.analysis.summary import STAGES
from mobilebench.report import document as doc
from mobilebench.report.phrases import plural
from mobilebench.report.sections import gaps
from mobilebench.report.views import ModelView, RunView, csv_columns, facets, opens

_COLUMNS = (
    doc.Column("Case in the app", "name"),
    *(doc.Column(stage.capitalize(), "number", style="big") for stage in STAGES),
    doc.Column("From a shell", "number", style="wide"),
)
_NOTE = (
    "The time of each case in a process of mobilebench's app over that of the same case from a shell: what starts the "
    "engine is the only thing that differs. Ratios are taken within rounds; their geometric mean and its 95 % interval "
    "are shown, or their range if there are fewer than three. The last column has the shell's time of a prediction in "
    "milliseconds."
)
CSV_COLUMNS = (
    "run",
    "target",
    "virtual",
    "soc",
    "model",
    "precision",
    "batch",
    "case",
    "context",
    "suspect",
    *gaps.RATIO_COLUMNS,
)
"""`ratio` is app over shell, the geometric mean over their common rounds. A pair that is not compared has one row."""


def section(view: ModelView) -> doc.Section | None:
    """Every case in the app against the same case from a shell; None if there is no such pair."""
    pairs = context_ratios(view.cases)
    if not pairs:
        return None
    table = doc.Table(
        "gaps",
        _COLUMNS,
        tuple(_row(view, pair) for pair in pairs),
        view.caption("App against shell"),
        _NOTE,
        forms=doc.DOCUMENTS,
    )
    return doc.Section("contexts", blocks=(table,), style="part")


def _row(view: ModelView, pair: ContextRatio) -> doc.Row:
    case = pair.app.case
    rounds = max((one.rounds for one in pair.ratios.values()), default=0)
    remarks = [
        *([plural(rounds, "round")] if rounds else []),
        *(["one side is suspect"] if pair.suspect else []),
    ]
    name = doc.Cell(engine_label(case), (*case_details(case), *remarks), markdown=case_label(case))
    if pair.refusal:
        return doc.Row((name, gaps.refused_cell(pair.refusal, len(_COLUMNS) - 1)), of=facets(pair.app))
    typical = pair.shell.stages["prediction"].value
    shell = doc.Cell(opens(view.panels, pair.shell, duration(typical)), (), typical)
    ratios = (gaps.ratio_cell(view, pair.app, pair.ratios.get(stage), stage) for stage in STAGES)
    return doc.Row((name, *ratios, shell), of=facets(pair.app))


def data(view: RunView) -> doc.Section | None:
    """`contexts.csv`: every pair of a case in the app and from a shell, one row per stage; None if there is no pair."""
    rows = tuple(
        doc.Row(values) for target in view.targets for model in target.models for values in _values(view, model)
    )
    if not rows:
        return None
    table = doc.Table("contexts-data", csv_columns(CSV_COLUMNS), rows, csv="contexts.csv", forms=doc.CSV)
    return doc.Section("contexts-data", blocks=(table,), style="part")


def _values(view: RunView, model: ModelView) -> Iterator[tuple[doc.Value, ...]]:
    info = model.target.info
    for pair in context_ratios(model.cases):
        case = pair.app.case
        first = (view.run.info.id, info.id, info.virtual, model.target.soc, case.model, case.precision, case.batch)
        what = (*first, case.key, case.context, pair.suspect)
        for values in gaps.ratio_values(pair.ratios, pair.refusal):
            yield (*what, *values)
