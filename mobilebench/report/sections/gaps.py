"""The native-to-web gap of a model: the time of each web case over that of a native one, and `gaps.csv`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mobilebench.analysis.gaps import Gap, GapGroup, Ratio
from mobilebench.analysis.labels import case_details, case_label, engine_label, ratio, threads_label
from mobilebench.analysis.summary import STAGES, CaseSummary
from mobilebench.core.records import Stage
from mobilebench.report import document as doc
from mobilebench.report.figures.inline import ratio_bar
from mobilebench.report.phrases import ratio_range, rounds
from mobilebench.report.views import ModelView, RunView, csv_columns, facets, opens

ALL_PAIRS = 120
"""If there are more pairs of a web and a native case than this, only `gaps.csv` has all of them."""

_STAGE_COLUMNS = tuple(doc.Column(stage.capitalize(), "number", style="big") for stage in STAGES)
_COLUMNS = (
    doc.Column("Web case", "name"),
    *_STAGE_COLUMNS,
    doc.Column("Prediction, equal threads", "number", style="wide"),
)
_PAIR_COLUMNS = (doc.Column("Web case, against native", "name"), *_STAGE_COLUMNS)

RATIO_COLUMNS = (
    "stage",
    "ratio",
    "interval_low",
    "interval_high",
    "lowest_round",
    "highest_round",
    "rounds",
    "refusal",
)
"""What `ratio_values` gives: columns of every CSV table whose rows are the ratios of two cases."""
CSV_COLUMNS = (
    "run",
    "target",
    "virtual",
    "soc",
    "model",
    "precision",
    "batch",
    "web",
    "native",
    "fastest_native",
    "same_threads",
    "suspect",
    *RATIO_COLUMNS,
)
"""`ratio` is web over native, the geometric mean over their common rounds. A pair that is not compared has one row."""


def section(view: ModelView) -> doc.Section | None:
    """Every web case against the fastest native one, and all other pairs behind a fold."""
    group = view.group
    if group.reason:
        return doc.Section("gaps", blocks=(doc.Paragraph(group.reason, "empty", forms=doc.DOCUMENTS),), style="part")
    against = case_label(group.fastest_native) if group.fastest_native else ""
    longest = max((g.ratios["prediction"].value for g in group.main if "prediction" in g.ratios), default=1.0)
    table = doc.Table(
        "gaps",
        _COLUMNS,
        tuple(_row(view, gap, longest) for gap in group.main),
        view.caption("Native-to-web gap"),
        f"The time of each web case over that of {against}, the fastest native case here. Ratios are taken within "
        "rounds; their geometric mean and its 95 % interval are shown, or their range if there are fewer than three.",
        forms=doc.DOCUMENTS,
    )
    return doc.Section("gaps", blocks=(table, *_all_pairs(view)), style="part")


def _row(view: ModelView, gap: Gap, longest: float) -> doc.Row:
    web, native = view.case(gap.web), view.case(gap.native)
    found = gap.ratios.get("prediction")
    name = doc.Cell(
        engine_label(gap.web),
        (
            *case_details(gap.web),
            opens(view.panels, native, f"against {threads_label(gap.native.threads)}"),
            *_remarks(gap),
        ),
        markdown=case_label(gap.web),
        picture=ratio_bar(found.value, longest) if found else None,
    )
    if gap.refusal:
        return doc.Row((name, refused_cell(gap.refusal, 4)), of=facets(web))
    cells = (name, *(_ratio(view, gap, stage) for stage in STAGES), _same_threads(view.group, gap))
    return doc.Row(cells, of=facets(web))


def _remarks(gap: Gap) -> tuple[str, ...]:
    return *((rounds(gap),) if gap.ratios else ()), *(("one side is suspect",) if gap.suspect else ())


def _ratio(view: ModelView, gap: Gap, stage: Stage) -> doc.Cell | None:
    return ratio_cell(view, view.case(gap.web), gap.ratios.get(stage), stage)


def ratio_cell(view: ModelView, of: CaseSummary, found: Ratio | None, stage: Stage) -> doc.Cell | None:
    """The ratio of a case to another in one stage; that of the prediction opens the case's proof."""
    if found is None:
        return None
    between = ratio_range(found)
    text = opens(view.panels, of, ratio(found.value)) if stage == "prediction" else ratio(found.value)
    return doc.Cell(text, (between,) if between else (), found.value)


def refused_cell(refusal: str, span: int) -> doc.Cell:
    return doc.Cell("not compared", (refusal,), markdown=f"not compared: {refusal}", span=span)


def _same_threads(group: GapGroup, gap: Gap) -> doc.Cell:
    """The same web case against the fastest native case with the same number of threads."""
    same = group.same_threads(gap.web)
    if same is None:
        return doc.Cell("–", (f"no native case with {threads_label(gap.web.threads)}",))
    found = same.ratios["prediction"].value
    return doc.Cell(ratio(found), (f"against {same.native.engine}, {threads_label(same.native.threads)}",), found)


def _all_pairs(view: ModelView) -> tuple[doc.Block, ...]:
    pairs = view.group.gaps
    if len(pairs) <= len(view.group.main):
        return ()
    if len(pairs) > ALL_PAIRS:
        sentence = f"All {len(pairs)} pairs of a web and a native case are in `gaps.csv`."
        return (doc.Paragraph(doc.Sentence(sentence), "small", forms=doc.HTML),)
    table = doc.Table(
        "gaps", _PAIR_COLUMNS, tuple(_pair(view, gap) for gap in pairs), view.caption("All pairs"), forms=doc.HTML
    )
    return (doc.Fold("Every web case against every native case", (table,), forms=doc.HTML),)


def _pair(view: ModelView, gap: Gap) -> doc.Row:
    name = doc.Cell(case_label(gap.web), (f"against {case_label(gap.native)}", *_remarks(gap)))
    ratios = [refused_cell(gap.refusal, 3)] if gap.refusal else [_ratio(view, gap, stage) for stage in STAGES]
    return doc.Row((name, *ratios), of=facets(view.case(gap.web)))


def data(view: RunView) -> doc.Section | None:
    """`gaps.csv`: every pair of a web and a native case, one row per stage; None if there is no pair."""
    groups = [group for group in view.groups if group.gaps]
    if not groups:
        return None
    rows = (doc.Row(values) for group in groups for gap in group.gaps for values in _values(view, group, gap))
    table = doc.Table("gaps-data", csv_columns(CSV_COLUMNS), tuple(rows), csv="gaps.csv", forms=doc.CSV)
    return doc.Section("gaps-data", blocks=(table,), style="part")


def _values(view: RunView, group: GapGroup, gap: Gap) -> Iterator[tuple[doc.Value, ...]]:
    info = group.target.info
    shared = (
        *(view.run.info.id, info.id, info.virtual, group.target.soc, group.model, group.precision, group.batch),
        *(case_label(gap.web), case_label(gap.native), gap.fastest_native, gap.same_threads, gap.suspect),
    )
    for values in ratio_values(gap.ratios, gap.refusal):
        yield (*shared, *values)


def ratio_values(ratios: Mapping[Stage, Ratio], refusal: str | None) -> Iterator[tuple[doc.Value, ...]]:
    """The values of `RATIO_COLUMNS`: one row for a refusal, and one for each stage that has a ratio."""
    if refusal:
        yield (*(None,) * 7, refusal)
    for stage in STAGES:
        if found := ratios.get(stage):
            ends = (found.interval.low, found.interval.high) if found.interval else (None, None)
            yield (stage, found.value, *ends, found.spread.low, found.spread.high, found.rounds, None)
