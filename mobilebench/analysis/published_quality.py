"""Sets page quality beside published cells: runs per minute, frames per second, and what is left of the baseline.

`MATTERS` is the only place that says which scenario and metric of ours a published table is about.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mobilebench.analysis import page_accuracy
from mobilebench.analysis.labels import case_details, threads_label
from mobilebench.analysis.page_quality import (
    FRAMES,
    RUNS,
    VIDEO_FRAMES,
    PageCase,
    PageScenario,
    Quality,
    page_scenarios,
    without_page,
)
from mobilebench.analysis.published import Condition, Counterpart, counterpart
from mobilebench.analysis.summary import RunSummary
from mobilebench.reference.published import PageCell, Reference

DUTY, PLACE = 50, "main"
"""Duty and place of the published measurements; other cases of ours have no counterpart."""


@dataclass(frozen=True)
class Matter:
    """A published table and what it is about on our side."""

    table: str
    title: str
    published: str
    """Its metric in the published files."""
    scenario: str
    metric: str


MATTERS = (
    Matter("18", "Responsiveness", "responsiveness_runs_per_min", "interaction", RUNS),
    Matter("19", "Smoothness of a video", "smoothness_fps", "video", VIDEO_FRAMES),
    Matter("19", "Smoothness while typing", "smoothness_fps", "typing", FRAMES),
    Matter("20", "Accuracy by frame reuse, top-1", "accuracy", "video", page_accuracy.TOP_1),
    Matter("20", "Accuracy by frame reuse, mAP", "accuracy", "video", page_accuracy.MAP),
    Matter("21", "Responsiveness of the integrated page", "responsiveness_runs_per_min_integrated", "call", RUNS),
    Matter("21", "Smoothness of the integrated page", "smoothness_fps_integrated", "call", VIDEO_FRAMES),
    Matter("21", "Accuracy of the integrated page, mAP", "accuracy_integrated", "call", page_accuracy.MAP),
)
_TYPED = ("bert_base", "mobilebert", "bert_small")
"""Models of table 19 that infer while a person types, on a page of 60 frames a second; the others infer beside a video
of 30.
"""
_DETECTORS = ("ssd_mobilenet_v2", "efficientdet_d1", "yolov5m")
"""Models of table 20 whose accuracy is mAP; that of the others is top-1."""

_FRAMES = "generated moving shapes, 300 frames at 30 a second, with exact truth"
_CALL = (
    "the camera's picture (on this computer a clip in place of a camera) above the parts of our own page of "
    "responsiveness; the model infers on its usual input, not on the picture"
)
_PROCESSED = (
    "by simulation at the times of inferences and the frame rate that were measured: the latest frame as soon as the "
    "model is free, whatever the duty"
)


@dataclass(frozen=True)
class Cell:
    """A case of ours, or the page without inference, with the published cell that is about it."""

    case: PageCase
    own: Quality | None
    published: PageCell | None
    published_baseline: PageCell | None
    reason: str = ""
    """Why there is no published cell, as a clause."""

    @property
    def ratio(self) -> float | None:
        """Our mean over the published one; of accuracies, whose answers differ, what is left of ours over what is left
        of the published one.
        """
        if self.own and self.own.metric.name in page_accuracy.METRICS:
            return self.kept / self.published_kept if self.kept is not None and self.published_kept else None
        mean, cell = self.own.mean if self.own else None, self.published
        return mean / cell.mean if mean is not None and cell and cell.mean else None

    @property
    def kept(self) -> float | None:
        """What is left of our baseline, as a share."""
        return self.own.over_baseline.value if self.own and self.own.over_baseline else None

    @property
    def published_kept(self) -> float | None:
        """What is left of the published baseline, as a share."""
        cell, base = self.published, self.published_baseline
        return cell.mean / base.mean if cell and cell.mean is not None and base and base.mean else None


@dataclass(frozen=True)
class QualityTable:
    """A table in the form of the study: models by framework and backend, for one scenario, duty and place."""

    matter: Matter
    scenario: PageScenario
    duty: int
    place: str
    ways: tuple[tuple[str, ...], ...]
    """Labels that name the columns: engine with backend and its options, threads, and other axes."""
    models: tuple[tuple[str, str, int], ...]
    cells: Mapping[tuple[tuple[str, str, int], tuple[str, ...]], Cell]
    baseline: Quality | None
    """The page without inference; None for an accuracy, which a page without inference does not have."""
    compared: bool
    """Whether published cells stand beside ours."""


def quality_tables(summary: RunSummary, reference: Reference | None = None) -> tuple[QualityTable, ...]:
    """The tables of a run, one for each scenario, browser, duty and place; a reference adds published cells."""
    index = {_place(cell): cell for cell in (reference.pages if reference else ())}
    return tuple(table for one in page_scenarios(summary) for table in _of_scenario(one, index))


_Place = tuple[str, ...]
_Index = Mapping[_Place, PageCell]


def _place(cell: PageCell) -> _Place:
    return cell.metric, cell.framework, cell.backend, cell.setting, cell.model


def _of_scenario(scenario: PageScenario, index: _Index) -> Iterator[QualityTable]:
    for matter in MATTERS:
        if matter.scenario != scenario.name:
            continue
        for duty, place in dict.fromkeys((one.duty, one.place) for one in scenario.cases):
            own = [one for one in scenario.cases if (one.duty, one.place) == (duty, place)]
            cells = {(one.model, way(one)): _cell(one, matter, scenario, index) for one in own}
            yield QualityTable(
                matter=matter,
                scenario=scenario,
                duty=duty,
                place=place,
                ways=tuple(dict.fromkeys(map(way, own))),
                models=tuple(dict.fromkeys(one.model for one in own)),
                cells=cells,
                baseline=scenario.baseline.qualities.get(matter.metric) if scenario.baseline else None,
                compared=any(cell.published for cell in cells.values()),
            )


def way(of: PageCase) -> tuple[str, ...]:
    """Engine with backend and its options, threads, and other axes: what names a column."""
    return of.of.way, *case_details(without_page(of.of), browser=False)


def _cell(one: PageCase, matter: Matter, scenario: PageScenario, index: _Index) -> Cell:
    own, model = one.qualities.get(matter.metric), one.of.model
    found = _counterpart(one, matter, scenario)
    if isinstance(found, str):
        return Cell(one, own, None, None, found)
    cell = index.get((matter.published, found.framework, found.backend, found.setting, model))
    base = index.get((matter.published, "", "none", "", model))
    return Cell(one, own, cell, base, "" if cell else f"the study has no model {model} there")


def _counterpart(one: PageCase, matter: Matter, scenario: PageScenario) -> Counterpart | str:
    if scenario.target.info.kind != "host":
        return "the study measured page quality on PCs"
    if (one.duty, one.place) != (DUTY, PLACE):
        return f"a duty of {DUTY} % on the main thread is compared"
    if matter.table == "20" and (one.of.model in _DETECTORS) != (matter.metric == page_accuracy.MAP):
        return "the study has mAP of models that detect, and top-1 of those that classify"
    if matter.table == "19" and (one.of.model in _TYPED) != (matter.metric == FRAMES):
        return "the study has text models while typing, and vision models beside a video"
    return counterpart("host", without_page(one.of))


def unmatched(reference: Reference, tables: Sequence[QualityTable]) -> tuple[tuple[str, int], ...]:
    """Published columns without a case of ours, each with the number of its cells."""
    shown = {_place(c.published) for table in tables for c in table.cells.values() if c.published}
    left = [cell for cell in reference.pages if cell.framework and _place(cell) not in shown]
    names = Counter(
        " ".join(filter(None, (f"table {cell.table}:", cell.framework, cell.backend, cell.setting, _kind(cell))))
        for cell in left
    )
    return tuple(names.items())


def alone(summary: RunSummary, tables: Sequence[QualityTable]) -> tuple[tuple[PageScenario, PageCase, str], ...]:
    """Cases without a published cell, each with the reason as a clause."""
    cells = [(table.scenario, cell) for table in tables for cell in table.cells.values()]
    compared = {cell.case.of for _, cell in cells if cell.published}
    reasons = {cell.case.of: cell.reason for _, cell in reversed(cells) if cell.reason}
    return tuple(
        (one, case, reasons.get(case.of, "the study has no such page"))
        for one in page_scenarios(summary)
        for case in one.cases
        if case.of not in compared
    )


def _kind(cell: PageCell) -> str:
    """Which of its metrics an integrated table is about."""
    return cell.metric.partition("_")[0] if cell.metric.endswith("_integrated") else ""


def conditions(reference: Reference, tables: Sequence[QualityTable]) -> tuple[Condition, ...]:
    """What differs between this run and the published page quality, for the tables that have published cells."""
    compared = [table for table in tables if table.compared]
    return tuple(_conditions(reference, compared)) if compared else ()


def _conditions(reference: Reference, tables: Sequence[QualityTable]) -> Iterator[Condition]:
    stated = {one.what: one.value for one in (*reference.declared.measured, *reference.declared.pages_measured)}
    cases = [cell.case for table in tables for cell in table.cells.values()]
    answers = [(case, answer) for case in cases if (answer := case.case.measurement)]
    blocks = [block.block for case in cases for block in case.case.counted]
    used = [block.scenario for block in blocks if block.scenario]
    accuracies = any(table.matter.metric in page_accuracy.METRICS for table in tables)
    own: dict[str, Iterable[object]] = {
        "page of responsiveness": ["our own page: todo list, table, chart and rich text, by real input"]
        if any(table.matter.metric == RUNS for table in tables)
        else [],
        "page of smoothness": _pages(tables),
        "frames of accuracy": [_FRAMES] if accuracies else [],
        "answers of accuracy": ["those of a model that is always right"] if accuracies else [],
        "frames that are processed": [_PROCESSED] if accuracies else [],
        "integrated page": [_CALL] if any(table.matter.table == "21" for table in tables) else [],
        "length of a measurement": sorted({f"{one.seconds:g} s" for one in used}),
        "duty": sorted({f"{table.duty} % asked" for table in tables}),
        "repetitions": sorted({f"{len(case.case.counted)} blocks" for case in cases if case.case.counted}),
        **{
            f"version of {engine}": sorted({a.version for c, a in answers if _engine(c) == engine and a.version})
            for engine in dict.fromkeys(map(_engine, cases))
        },
        "threads": sorted({threads_label(case.of.threads) for case in cases}),
        "browser": sorted({f"{one.browser} {one.version}" for one in used}),
        "number of a cell": ["mean ± standard deviation over blocks; what is kept is paired within rounds"],
    }
    for what, values in own.items():
        if found := ", ".join(map(str, values)):
            yield Condition(what, found, stated.get(what, "not stated"))
    targets = {table.scenario.target.info.id: table.scenario.target for table in tables}
    for target in targets.values():
        info = target.info
        described = f"{info.name} ({target.soc}), {info.cores} cores, {info.os}"
        yield Condition(f"hardware: {info.id}", described, reference.declared.hardware.get("pc", "not stated"))


def _engine(of: PageCase) -> str:
    return of.of.engine.partition("@")[0]


def _pages(tables: Sequence[QualityTable]) -> Iterator[str]:
    names = {table.scenario.name for table in tables}
    if "video" in names:
        yield "our own clip of ffmpeg's test pattern, VP9, 1280 × 720, 30 frames a second"
    if "typing" in names:
        yield "our own document, typed into by real input"
