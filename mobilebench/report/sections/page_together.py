"""A call, in which a page does several things at once, beside the pages that do one of them (table 21 of the study)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mobilebench.analysis import page_accuracy
from mobilebench.analysis.labels import duration, factor, plain_model_label, ratio
from mobilebench.analysis.page_quality import RUNS, VIDEO_FRAMES, PageScenario, Quality
from mobilebench.analysis.page_together import Beside, Pair, Together, calls_beside
from mobilebench.analysis.published_quality import QualityTable
from mobilebench.core.errors import as_sentence
from mobilebench.reference.published import PageCell
from mobilebench.report import document as doc
from mobilebench.report.sections.page_cells import label_details, page_name, published_text, spread
from mobilebench.report.sections.study import Notes

_HOW = (
    "Table 21 of the study beside tables 18 to 20, from this run: mean ± standard deviation over blocks, in the call "
    "and in the page that does only this, with the same inference; the ratio is the geometric mean over rounds of call "
    "over alone, with its 95 % interval (none below three rounds)."
)
_PUBLISHED = (
    " Below ours stand the published means: integrated, alone, and one over the other. The study's accuracies are over "
    "other frames in the integrated page than alone, so they have no ratio."
)
_TITLES = {RUNS: "Runs/min", VIDEO_FRAMES: "Video frames/s", page_accuracy.MAP: "Accuracy (mAP)"}
_OURS = (
    "The model infers for the asked share of the time on its usual input: it does not look at the camera's picture, "
    "and accuracy is simulated from its speed."
)


def blocks(scenarios: Sequence[PageScenario], tables: Sequence[QualityTable]) -> Iterator[doc.Block]:
    """One table for each call among these scenarios that has a page beside it.

    Args:
        scenarios: those of one target.
        tables: tables like those of the study, for published cells.
    """
    for found in calls_beside(tuple(scenarios), tuple(tables)):
        yield _table(found)


def _table(found: Together) -> doc.Table:
    notes = Notes(f"{_HOW}{_PUBLISHED if found.compared else ''} {_OURS}")
    columns = [doc.Column("Case", "name")]
    for metric in found.metrics:
        alone = next(pair.alone_in for pair in found.rows[0].pairs if pair.metric == metric)
        group = f"{_TITLES[metric]} (alone: {alone})"
        columns += [doc.Column(title, "number", group=group) for title in ("Call", "Alone", "Ratio")]
    names = tuple(dict.fromkeys(name for row in found.rows for name in row.alone))
    columns += [doc.Column(title.capitalize(), "number", group="Inference, ms") for title in ("call", *names)]
    rows = tuple(
        doc.Row((_name(found, row), *_values(row, found, notes), *_latencies(row, names))) for row in found.rows
    )
    name = as_sentence(page_name(found.scenario)).removesuffix(".")
    caption = f"{name} against each alone, {found.scenario.target.info.name}"
    return doc.Table(
        "quality-together", tuple(columns), rows, caption, notes.text(), style="dense", forms=doc.PAPER
    )  # fmt: skip


def _name(found: Together, row: Beside) -> doc.Cell:
    if row.case is found.scenario.baseline:
        return doc.Cell("without inference")
    return doc.Cell(row.case.of.way, (plain_model_label(*row.case.model), *label_details(row.case)))


def _values(row: Beside, found: Together, notes: Notes) -> Iterator[doc.Value]:
    for pair in row.pairs:
        if pair.metric in found.metrics:
            yield _quality(pair.together, pair.published_together, notes)
            yield _quality(pair.alone, pair.published_alone, notes)
            yield _ratio(pair, row, found, notes)


def _quality(of: Quality | None, published: PageCell | None, notes: Notes) -> doc.Value:
    beside = (f"published {published_text(published.mean, published.std)}",) if published else ()
    if of is None:
        return None
    if of.mean is None:
        return doc.Cell("void", (notes.mention(as_sentence("; ".join(of.voids) or "no block has it")), *beside))
    return doc.Cell(spread(of), beside, of.mean)


def _ratio(pair: Pair, row: Beside, found: Together, notes: Notes) -> doc.Value:
    if pair.ratio is None:
        # A page without inference has no accuracy.
        if row.case is found.scenario.baseline and pair.metric in page_accuracy.METRICS:
            return None
        return doc.Cell("–", (notes.mention(as_sentence(pair.missing)),))
    interval = pair.ratio.interval
    details = [f"{factor(interval.low)}–{ratio(interval.high)}"] if interval else []
    if pair.published_ratio is not None:
        details.append(f"published {ratio(pair.published_ratio)}")
    return doc.Cell(ratio(pair.ratio.value), tuple(details), pair.ratio.value)


def _latencies(row: Beside, names: Sequence[str]) -> Iterator[doc.Value]:
    for case in (row.case, *map(row.alone.get, names)):
        latency = case.latency if case else None
        yield doc.Cell(duration(latency.value), (), latency.value) if latency else None
