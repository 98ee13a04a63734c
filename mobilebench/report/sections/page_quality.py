"""Page quality: what inference does to a page that is used meanwhile, what to choose, and tables like the study's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mobilebench.analysis import page_accuracy
from mobilebench.analysis.labels import case_details, duration, factor, percent, plain_model_label, ratio
from mobilebench.analysis.page_advice import Advice, Judged, Judgement, advice
from mobilebench.analysis.page_quality import (
    RUNS,
    VIDEO_FRAMES,
    PageCase,
    PageScenario,
    Quality,
    page_scenarios,
    title_of,
    without_page,
)
from mobilebench.analysis.published_quality import Cell, QualityTable, alone, conditions, quality_tables, unmatched
from mobilebench.analysis.summary import TargetSummary
from mobilebench.core.axes import AXES
from mobilebench.core.errors import as_sentence
from mobilebench.report import document as doc
from mobilebench.report.figures.page_quality import Choice, Course, frame_rates, trade_off
from mobilebench.report.phrases import UNKNOWN, plural
from mobilebench.report.sections import page_together
from mobilebench.report.sections.page_cells import (
    ends_text,
    label_details,
    page_label,
    page_name,
    published_text,
    quality_cell,
    spread,
)
from mobilebench.report.sections.study import Notes
from mobilebench.report.views import (
    FURTHER_AXES,
    IDENTITY,
    OUTCOME,
    RunView,
    csv_columns,
    facets,
    further_axes,
    identity,
    opens,
    outcome,
)

TITLE = "Page quality"
LEAD = (
    "What inference does to a page that is used meanwhile. Each case is compared with the same page without inference, "
    "round by round; 100 % means that nothing is lost."
)
_CELLS = (
    "Mean ± standard deviation over blocks, then the share of the page without inference that is left, with its 95 % "
    "interval (none below three rounds)."
)
_ACCURACY_CELLS = (
    "Mean ± standard deviation over blocks, then the share that is left of the accuracy with every frame processed, "
    "with its 95 % interval (none below three rounds)."
)
_ALONE = " Inference is the time of one in the page; alone, that of the same case while no page is used."
_BOTH: tuple[Judgement, Judgement] = ("keeps", "may keep")
_ACCURACY = (
    "Accuracy by frame reuse (like table 20 of the study) is simulated: a model that is always right answers to 300 "
    "frames of generated moving shapes, as fast as inferences were beside the video, and frames that it cannot process "
    "in time have the answer of an earlier one. `mobilebench accuracy --from-run RUN` takes a real detector's answers "
    "or your frames, and `mobilebench accuracy --live` lets that detector watch the frames in a page."
)
CSV_COLUMNS = (
    *IDENTITY, "metric", "unit", "direction", "mean", "standard_deviation", "low", "high", "blocks", "left_out",
    "over_baseline", "over_baseline_low", "over_baseline_high", "rounds", "loss_percent", "void", "reached_duty",
    "inference_ms", "plain_inference_ms", "inferences_per_second", *OUTCOME, *FURTHER_AXES,
)  # fmt: skip
"""A row for each metric of each case of a scenario; a case without a metric has one row without a value."""


def section(view: RunView) -> doc.Section | None:
    """Everything about page quality; None if the run used no page."""
    return _section(view, doc.DOCUMENTS)


def tables(view: RunView) -> doc.Section | None:
    """Only the tables like the study's, for files of their own."""
    found = quality_tables(view.run, view.reference)
    targets = tuple(_tables_of(view, target, own) for target, own in _tables_by_target(view, found))
    return doc.Section("page-quality-tables", TITLE, sections=(*targets, *_beside(view, found))) if found else None


def _tables_by_target(
    view: RunView, tables: Sequence[QualityTable]
) -> Iterator[tuple[TargetSummary, list[QualityTable]]]:
    for target in view.run.targets:
        if own := [table for table in tables if table.scenario.target is target]:
            yield target, own


def _tables_of(view: RunView, target: TargetSummary, tables: Sequence[QualityTable]) -> doc.Section:
    mark = target.soc if target.info.virtual else None
    name = f"page-quality-tables-{target.info.id}"
    scenarios = [one for one in page_scenarios(view.run) if one.target is target]
    blocks = (*map(_study, tables), *page_together.blocks(scenarios, tables))
    return doc.Section(name, target.info.name, blocks, style="part", mark=mark)


def terminal(view: RunView) -> doc.Section | None:
    """One table for each scenario, and the advice below it."""
    parts = [_in_terminal(view, target, one) for target, own in _by_target(view) for one in own]
    return doc.Section("page-quality", sections=tuple(parts)) if parts else None


def _in_terminal(view: RunView, target: TargetSummary, one: PageScenario) -> doc.Section:
    """The baseline, then the cases of each model and way under a title of their own, in one table; the advice below."""
    ways: dict[str, list[PageCase]] = {}
    for case in one.cases:
        details = case_details(without_page(case.of), browser=False)
        ways.setdefault(", ".join([plain_model_label(*case.model), case.of.way, *details]), []).append(case)
    advised = (doc.Paragraph(_chosen(found), forms=doc.TERMINAL) for found in advice(one, view.keep))
    return doc.Section(
        "page-quality-scenario",
        f"{TITLE}: {page_name(one)} on {target.info.name}",
        (_table(view, replace(one, cases=()), doc.TERMINAL), *advised),
        tuple(
            doc.Section(
                "page-quality-way",
                title,
                (_table(view, replace(one, baseline=None, cases=tuple(own)), doc.TERMINAL),),
            )
            for title, own in ways.items()
        ),
    )


def data(view: RunView) -> doc.Section | None:
    """`quality.csv`; None if the run used no page."""
    rows = tuple(
        doc.Row(values) for one in page_scenarios(view.run) for case in one.all for values in _data(view, one, case)
    )
    table = doc.Table("quality-data", csv_columns(CSV_COLUMNS), rows, csv="quality.csv", forms=doc.CSV)
    return doc.Section("quality-data", blocks=(table,), style="part") if rows else None


def findings(view: RunView) -> tuple[str, ...]:
    """What was found about pages, what to choose, and how sure that is; empty if no share of a page is known."""
    scenarios = page_scenarios(view.run)
    shares = [
        (one, case, quality, quality.over_baseline)
        for one in scenarios
        for case in one.cases
        if (quality := case.qualities.get(one.frames)) and quality.over_baseline
    ]
    if not shares:
        return ()
    ordered = sorted(shares, key=lambda share: share[3].value)
    ends = [
        f"{percent(ratio_.value)} of the {title_of(quality.metric.name)} ({page_label(case, model=True)}, "
        f"{page_name(one)}{', virtual' if one.target.info.virtual else ''})"
        for one, case, quality, ratio_ in (ordered[0], ordered[-1])
    ]
    found = list(_advice(view, scenarios))
    keeping, perhaps = (sum(one.chosen is not None and one.chosen.judgement == word for one in found) for word in _BOTH)
    without = sum(ratio_.interval is None for *_, ratio_ in shares)
    fewest, most = min(r.rounds for *_, r in shares), max(r.rounds for *_, r in shares)
    rounds = plural(most, "round") if fewest == most else f"{fewest} to {most} rounds"
    sure = "each has a 95 % interval" if not without else f"{without} of {len(shares)} have no 95 % interval"
    return (
        f"Inference leaves {ends[0]}" + (f" to {ends[1]}." if len(shares) > 1 else "."),
        f"In {keeping} of {plural(len(found), 'combination')} of scenario, browser, model and target, a case keeps "
        f"{_whole(view.keep)} of the page{f'; in {perhaps} more, one may' if perhaps else ''}.",
        f"The shares are over {rounds}; {sure}.",
    )


def _by_target(view: RunView) -> list[tuple[TargetSummary, tuple[PageScenario, ...]]]:
    found = page_scenarios(view.run)
    by_target = [(target, tuple(one for one in found if one.target is target)) for target in view.run.targets]
    return [(target, own) for target, own in by_target if own]


def _advice(view: RunView, scenarios: Sequence[PageScenario]) -> Iterator[Advice]:
    for one in scenarios:
        yield from advice(one, view.keep)


def _section(view: RunView, forms: frozenset[doc.Form]) -> doc.Section | None:
    targets = _by_target(view)
    if not targets:
        return None
    found = quality_tables(view.run, view.reference)
    return doc.Section(
        "page-quality",
        TITLE,
        (doc.Paragraph(doc.Sentence(_ACCURACY), "small", forms=forms),) if _has_accuracy(found) else (),
        (*(_of_target(view, target, own, found) for target, own in targets), *_beside(view, found)),
        lead=LEAD,
    )


def _has_accuracy(tables: Sequence[QualityTable]) -> bool:
    return any(table.matter.metric in page_accuracy.METRICS for table in tables)


def _of_target(
    view: RunView, target: TargetSummary, scenarios: Sequence[PageScenario], found: Sequence[QualityTable]
) -> doc.Section:
    mark = target.soc if target.info.virtual else None
    number = next(n for n, one in enumerate(view.run.targets, 1) if one is target)
    own = [table for table in found if table.scenario.target is target]
    return doc.Section(
        "page-quality-target",
        target.info.name,
        (
            *_advised(view, scenarios),
            *_trade_offs(scenarios, view.keep, mark),
        ),
        (
            *(_of_scenario(view, one, mark) for one in scenarios),
            *_together(scenarios, own),
            *_like_the_study(own),
        ),
        anchor=f"page-quality-{number}",
        style="model",
        mark=mark,
    )


def _in_words(of: PageCase) -> str:
    """Such as `tfjs wasm simd, 4 threads, 50 % of the time in a worker`."""
    details = case_details(without_page(of.of), browser=False)
    status = [] if of.case.status == "valid" else [of.case.status]
    return ", ".join([of.of.way, *details, f"{of.duty} % of the time {AXES['place'].label(of.place)}", *status])


def _advised(view: RunView, scenarios: Sequence[PageScenario]) -> Iterator[doc.Block]:
    found = list(_advice(view, scenarios))
    if not found:
        return
    yield doc.Heading(f"Which case keeps {_whole(view.keep)} of the page", forms=doc.DOCUMENTS)
    for one in found:
        yield doc.Paragraph(_chosen(one), "finding", forms=doc.DOCUMENTS)
        others = _others(one)
        if others:
            title = f"All cases of {plain_model_label(*one.model)} in {one.scenario.name}, by judgement and latency"
            yield doc.Fold(
                title,
                (doc.Heading(title, forms=doc.MARKDOWN), doc.Items(others, forms=doc.DOCUMENTS)),
                forms=doc.DOCUMENTS,
            )


def _chosen(found: Advice) -> str:
    """The advice in one or two sentences."""
    where = _begun(found.scenario, f"{page_name(found.scenario)}, {plain_model_label(*found.model)}")
    chosen = found.chosen
    if chosen is None:
        known = [one for one in found.judged if one.evidence and one.worst]
        best = max(known, key=_least, default=None)
        if best is None:
            reason = found.judged[0].reason if found.judged else "It has no case."
            return f"{where}: nothing can be advised. {reason}"
        return (
            f"{where}: no case keeps {_whole(found.keep)} of the page. "
            f"{_in_words(best.case)}, comes nearest: it leaves {_evidence(best)}."
        )
    certain, do = ("", "do") if chosen.judgement == "keeps" else (", which is not certain", "may")
    return (
        f"{where}: {_in_words(chosen.case)}, {chosen.judgement} {_whole(found.keep)}"
        f" of the page{certain}, with the shortest inference of those that {do}: {duration(chosen.ms)} ms in the page. "
        f"It leaves {_evidence(chosen)}."
    )


def _begun(of: PageScenario, text: str) -> str:
    """The text, which begins with the scenario's name, with a capital letter; an address or path stays as it is."""
    return text[:1].upper() + text[1:] if of.name.isalpha() else text


def _least(of: Judged) -> float:
    return of.worst.over_baseline.value if of.worst and of.worst.over_baseline else 0.0


def _evidence(of: Judged) -> str:
    return " and ".join(f"{_left(one)} of the {title_of(one.metric.name)}" for one in of.evidence)


def _whole(share: float) -> str:
    return f"{100 * share:g}\u202f%"


def _left(of: Quality) -> str:
    """What is left of the baseline, such as `97.1 % (95.0–99.2 %)`."""
    found = of.over_baseline
    if found is None:
        return UNKNOWN
    if found.interval is None:
        return f"{percent(found.value)} (no interval: {plural(found.rounds, 'round')})"
    return f"{percent(found.value)} ({ends_text(found.interval.low, found.interval.high)})"


def _others(found: Advice) -> tuple[str, ...]:
    return tuple(
        f"{_in_words(one.case)}: {one.judgement}"
        + (f", {duration(one.ms)} ms, leaves {_evidence(one)}" if one.evidence else f". {one.reason}")
        for one in found.judged
    )


def _trade_offs(scenarios: Sequence[PageScenario], keep: float, mark: str | None) -> Iterator[doc.Figure]:
    """One figure for each model, with a panel for each scenario."""
    for model in dict.fromkeys(model for one in scenarios for model in one.models):
        runs: dict[tuple[object, ...], float] = {}
        for one in scenarios:
            for case in one.cases:
                if left := _share(case, RUNS):
                    runs.setdefault(_choice(case), left)
        panels = [
            (
                page_name(one),
                [point for case in one.cases if case.model == model and (point := _point(one, case, runs))],
            )
            for one in scenarios
        ]
        title = f"Latency against frames, {plain_model_label(*model)}"
        if figure := trade_off(panels, keep, title, mark):
            yield figure


def _choice(of: PageCase) -> tuple[object, ...]:
    """What a case is apart from its scenario."""
    return of.of.way, of.of.threads, of.of.browser, of.model, of.duty, of.place


def _share(of: PageCase, metric: str) -> float | None:
    quality = of.qualities.get(metric)
    return quality.over_baseline.value if quality and quality.over_baseline else None


def _point(scenario: PageScenario, case: PageCase, runs: dict[tuple[object, ...], float]) -> Choice | None:
    quality = case.qualities.get(scenario.frames)
    left = quality.over_baseline if quality else None
    if left is None or case.latency is None:
        return None
    low, high = (left.interval.low, left.interval.high) if left.interval else (None, None)
    short = f"{case.duty} %" + (", worker" if case.place == "worker" else "")
    answered = _share(case, RUNS) or runs.get(_choice(case))
    return Choice(case.of.way, short, case.latency.value, left.value, low, high, answered)


def _of_scenario(view: RunView, one: PageScenario, mark: str | None) -> doc.Section:
    blocks = (_table(view, one, doc.DOCUMENTS), *_all_metrics(one), *_rates(one, mark))
    return doc.Section("page-quality-scenario", _begun(one, page_name(one)), blocks, style="part")


def _together(scenarios: Sequence[PageScenario], tables: Sequence[QualityTable]) -> Iterator[doc.Section]:
    if blocks := tuple(page_together.blocks(scenarios, tables)):
        yield doc.Section("page-quality-together", "Everything at once against each alone", blocks, style="part")


def _like_the_study(tables: Sequence[QualityTable]) -> Iterator[doc.Section]:
    folds = tuple(doc.Fold(table.caption, (table,), forms=doc.DOCUMENTS) for table in map(_study, tables))
    if folds:
        yield doc.Section("page-quality-study", "Tables like those of the study", folds, style="part")


def _rates(one: PageScenario, mark: str | None) -> Iterator[doc.Figure]:
    """The frame rate over time for each model: of each case the first block that counts."""
    base = one.baseline.traces[0] if one.baseline and one.baseline.traces else None
    for model in one.models:
        courses = [
            Course(page_label(case), case.traces[0]) for case in one.cases if case.model == model and case.traces
        ]
        whose = "the video" if courses and courses[0].trace.of_video else "the page"
        title = f"Frame rate, {plain_model_label(*model)}"
        if figure := frame_rates(courses, base, title, mark, whose):
            yield figure


def _table(view: RunView, one: PageScenario, forms: frozenset[doc.Form]) -> doc.Table:
    notes = Notes(_CELLS + _ALONE)
    extra = [name for name in ("presented_fps", "inp") if any(_has(case, name) for case in one.all)]
    columns = (
        doc.Column("Case", "name", short="asked duty"),
        doc.Column("Inference, ms", "number", short="ms"),
        doc.Column("Duty", "number", forms=doc.DOCUMENTS),
        *(column for name in one.watched for column in _columns(name)),
        *(doc.Column(f"{_titled(name)}, {_unit(one, name)}", "number", forms=doc.DOCUMENTS) for name in extra),
        doc.Column("Verdict"),
    )
    rows = tuple(_row(view, one, case, extra, notes) for case in one.all)
    caption = f"Cases of {page_name(one)} on {one.target.info.name}"
    return doc.Table("page-quality", columns, rows, caption, notes.text(), forms=forms)


def _has(case: PageCase, name: str) -> bool:
    return name in case.qualities and case.qualities[name].mean is not None


def _columns(name: str) -> Iterator[doc.Column]:
    title = {RUNS: "Runs/min", VIDEO_FRAMES: "Video frames/s"}.get(name, "Frames/s")
    yield doc.Column(title, "number", short="frames/s" if name == VIDEO_FRAMES else None, style="big")
    yield doc.Column(f"{title} left", "number", short="left", forms=doc.TERMINAL)


def _titled(name: str) -> str:
    title = title_of(name)
    return f"{title[:1].upper()}{title[1:]}"


def _unit(one: PageScenario, name: str) -> str | None:
    return next((case.qualities[name].metric.unit for case in one.all if name in case.qualities), None)


def _row(view: RunView, one: PageScenario, case: PageCase, extra: Sequence[str], notes: Notes) -> doc.Row:
    if case is one.baseline:
        name = doc.Cell("without inference", terminal="without inference")
    else:
        asked = f"{case.duty} % {AXES['place'].label(case.place)}"
        name = doc.Cell(case.of.way, (plain_model_label(*case.model), *label_details(case)), terminal=asked)
    reasons = () if case.qualities else tuple(map(doc.Sentence, case.case.reasons))
    verdict = doc.Cell(doc.StatusWord(case.case.status), (*_left_out(case), *reasons), case.case.status)
    duty = None if case.reached_duty is None else doc.Cell(f"{case.reached_duty:.1f} %", _rate(case))
    return doc.Row(
        (name, _latency(view, case), duty, *_values(case, one.watched, extra, notes), verdict),
        of=facets(case.case),
    )


def _values(case: PageCase, watched: Sequence[str], extra: Sequence[str], notes: Notes) -> Iterator[doc.Value]:
    for name in watched:
        share = _share(case, name)
        yield quality_cell(case.qualities.get(name), notes)
        yield None if share is None else percent(share)
    for name in extra:
        yield quality_cell(case.qualities.get(name), notes)


def _left_out(case: PageCase) -> tuple[str, ...]:
    counted = plural(len(case.case.counted), "block")
    return (f"{counted}, {case.left_out} left out",) if case.left_out else (counted,) if case.case.counted else ()


def _rate(case: PageCase) -> tuple[str, ...]:
    asked = f"{case.duty} % asked"
    return (asked, f"{factor(case.per_second)} inferences/s") if case.per_second else (asked,)


def _latency(view: RunView, case: PageCase) -> doc.Cell | None:
    if case.latency is None:
        return None
    text = opens(view.panels, case.case, duration(case.latency.value))
    if case.plain is None or case.plain.value <= 0:
        return doc.Cell(text, (), case.latency.value)
    details = (f"{duration(case.plain.value)} alone", ratio(case.latency.value / case.plain.value))
    return doc.Cell(text, details, case.latency.value)


def _all_metrics(one: PageScenario) -> Iterator[doc.Block]:
    """Every metric of every case, folded."""
    names = list(dict.fromkeys(name for case in one.all for name in case.qualities))
    if not names:
        return
    notes = Notes(_CELLS)
    columns = (
        doc.Column("Metric", "name"),
        doc.Column("Unit"),
        *(doc.Column(page_label(case, model=True) if case is not one.baseline else "without inference", "number")
          for case in one.all if case.qualities),
    )  # fmt: skip
    rows = tuple(
        doc.Row(
            (
                doc.Cell(_titled(name), (metric.direction, metric.source)),
                metric.unit,
                *(quality_cell(case.qualities.get(name), notes) for case in one.all if case.qualities),
            )
        )
        for name in names
        for metric in [next(case.qualities[name].metric for case in one.all if name in case.qualities)]
    )
    caption = f"All metrics of {page_name(one)}"
    table = doc.Table("page-metrics", columns, rows, caption, notes.text(), style="dense", forms=doc.HTML)
    yield doc.Fold(caption, (table,), forms=doc.HTML)


def _study(table: QualityTable) -> doc.Table:
    """A table in the form of the study: rows are models, columns are frameworks with their backends."""
    accuracy = table.matter.metric in page_accuracy.METRICS
    over = "what is left of ours over what is left of it" if accuracy else "ours over it"
    notes = Notes(
        f"{_ACCURACY_CELLS if accuracy else _CELLS}"
        + (f" Beside it the published mean ± standard deviation, and {over}." if table.compared else "")
    )
    titles = ("Ours", "Published", "Ratio") if table.compared else ("Ours",)
    columns = (
        doc.Column("Model", "name"),
        *(doc.Column(title, "number", group=", ".join(way)) for way in table.ways for title in titles),
    )
    rows = [
        doc.Row(
            (
                plain_model_label(*model),
                *(cell for way in table.ways for cell in _cells(table.cells.get((model, way)), table, notes)),
            )
        )
        for model in table.models
    ]
    base = table.baseline
    if accuracy:
        without = f" With every frame processed: {page_accuracy.EVERY_FRAME:g}."
    else:
        without = f" Without inference: {spread(base)}." if base else " Without inference: not measured."
    published = next((c.published_baseline for c in table.cells.values() if c.published_baseline), None)
    beside = f" Published: {published_text(published.mean, published.std)}." if published else ""
    place = AXES["place"].label(table.place)
    unit = next((c.own.metric.unit for c in table.cells.values() if c.own), "")
    caption = (
        f"{table.matter.title} ({unit}) like table {table.matter.table}: {page_name(table.scenario)}, {table.duty} % "
        f"of the time, {place}, {table.scenario.target.info.name}"
    )
    return doc.Table(
        f"quality-{table.matter.table}", columns, tuple(rows), caption, f"{notes.text()}{without}{beside}",
        style="dense", forms=doc.PAPER,
    )  # fmt: skip


def _cells(cell: Cell | None, table: QualityTable, notes: Notes) -> tuple[doc.Value, ...]:
    if cell is None:
        return (None,) * (3 if table.compared else 1)
    own = quality_cell(cell.own, notes)
    if cell.own is None:
        reasons = " ".join(map(as_sentence, cell.case.case.reasons))
        status = cell.case.case.status
        own = doc.Cell(status, (notes.mention(reasons),) if reasons else ()) if status != "valid" else None
    elif isinstance(own, doc.Cell) and cell.case.case.status in ("suspect", "invalid"):
        own = replace(own, details=(*own.details, cell.case.case.status))
    if not table.compared:
        return (own,)
    if cell.published is None:
        return (own, None, None)
    kept = (f"{percent(cell.published_kept)} left",) if cell.published_kept is not None else ()
    shown = "not supported" if cell.published.mean is None else published_text(cell.published.mean, cell.published.std)
    found = cell.ratio
    return (own, doc.Cell(shown, kept), doc.Cell(ratio(found), value=found) if found is not None else None)


def _beside(view: RunView, found: Sequence[QualityTable]) -> Iterator[doc.Section]:
    if blocks := tuple(_differs(view, found)):
        yield doc.Section("page-quality-published", "Beside the published pages", blocks, style="part")


def _differs(view: RunView, found: Sequence[QualityTable]) -> Iterator[doc.Block]:
    """What differs from the published measurements, and which of them this run did not make."""
    if view.reference is None or not view.reference.pages:
        return
    rows = tuple(doc.Row((one.what, one.own, one.published)) for one in conditions(view.reference, found))
    columns = (doc.Column("Condition", "name"), doc.Column("This run"), doc.Column("Published"))
    if rows:
        yield doc.Table("conditions", columns, rows, "What differs from the published pages", forms=doc.PAPER)
    else:
        yield doc.Paragraph("No case of this run has a published counterpart.", "empty", forms=doc.PAPER)
    own: dict[str, list[str]] = {}
    for one, case, reason in alone(view.run, found):
        own.setdefault(reason, []).append(f"{page_name(one)}, {page_label(case, model=True)} ({one.target.info.id})")
    ours = tuple(f"{reason}: {plural(len(cases), 'case')} ({'; '.join(cases)})" for reason, cases in own.items())
    theirs = tuple(f"{what}: {plural(count, 'cell')}" for what, count in unmatched(view.reference, found))
    for title, items in (
        ("Pages of this run without a published counterpart", ours),
        ("Published columns about pages that this run did not measure", theirs),
    ):
        if items:
            heading = doc.Heading(title, forms=doc.PAPER - doc.HTML)
            yield doc.Fold(f"{title} ({len(items)})", (heading, doc.Items(items, forms=doc.PAPER)), forms=doc.PAPER)


def _data(view: RunView, one: PageScenario, case: PageCase) -> Iterator[tuple[doc.Value, ...]]:
    first = identity(view.run, one.target, case.case)
    rest = (
        case.reached_duty, case.latency.value if case.latency else None, case.plain.value if case.plain else None,
        case.per_second, *outcome(case.case), *further_axes(case.case),
    )  # fmt: skip
    for quality in case.qualities.values():
        metric, interval, over = quality.metric, quality.interval, quality.over_baseline
        ends = (interval.low, interval.high) if interval else (None, None)
        left = (over.interval.low, over.interval.high) if over and over.interval else (None, None)
        yield (
            *first, metric.name, metric.unit, metric.direction, quality.mean, quality.deviation, *ends,
            quality.blocks, case.left_out, over.value if over else None, *left, over.rounds if over else None,
            quality.loss, "; ".join(quality.voids), *rest,
        )  # fmt: skip
    if not case.qualities:
        yield (*first, *([None] * 7), 0, case.left_out, *([None] * 6), *rest)
