"""Page quality: what inference does to a page that is used meanwhile, against the same page without inference.

Each block counts once, by the value that its raw data has for a metric (`core.page_metrics`). Shown are the mean over
blocks, the standard deviation, and the 95 % interval of the mean; the ratio to the baseline pairs blocks of one round.
A metric that could not be measured is void, with its reason. Invalid blocks are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from mobilebench.analysis import page_accuracy
from mobilebench.analysis.gaps import Ratio, ratio_of
from mobilebench.analysis.stage_statistics import StageStatistics
from mobilebench.analysis.summary import BlockSummary, CaseSummary, RunSummary, TargetSummary
from mobilebench.core.axes import AXES
from mobilebench.core.page_metrics import METRICS, Metric, frame_rate, reached_duty, readings
from mobilebench.core.page_quality import Inferring, LeadIn, ScenarioResult, Void
from mobilebench.core.records import Case
from mobilebench.statistics.estimates import Interval, deviation, mean_estimate, median

RUNS, VIDEO_FRAMES, FRAMES = "runs_per_minute", "video_fps", "fps"
"""Names of the metrics by which a page is judged: how fast it answers, and how smoothly it draws."""
TITLES: Mapping[str, str] = {
    RUNS: "runs per minute",
    VIDEO_FRAMES: "frames of the video",
    FRAMES: "frames of the page",
    "fps_lowest": "lowest second",
    "video_fps_lowest": "lowest second",
    "fps_fluctuation": "fluctuation",
    "video_fps_fluctuation": "fluctuation of the video",
    "inp": "INP",
    "video_dropped": "dropped frames of the video",
    "video_presented": "presented frames of the video",
    "presented_fps": "presented frames",
    "presented_lowest": "lowest second of presented frames",
    "page_presented": "presented frames of the page itself",
    "page_dropped": "dropped frames of the page itself",
    page_accuracy.TOP_1: "accuracy by frame reuse, top-1",
    page_accuracy.MAP: "accuracy by frame reuse, mAP",
}
"""Names of metrics in sentences; those of the others are made of their own names."""
_OWN = ("interaction", "typing", "video", "call")


def title_of(metric: str) -> str:
    """The name of a metric in sentences."""
    return TITLES.get(metric, metric.replace("_", " "))


@dataclass(frozen=True)
class Quality:
    """One metric of one case."""

    metric: Metric
    values: Mapping[int, float]
    """Round to the value of its block, of the blocks that count and have one."""
    voids: tuple[str, ...] = ()
    """Why blocks that count have no value, each reason once."""
    over_baseline: Ratio | None = None
    """The value over that of the baseline, paired by rounds; None for the baseline, and where no pair has two values
    above 0."""

    @property
    def blocks(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float | None:
        return mean_estimate(list(self.values.values())).value if self.values else None

    @property
    def deviation(self) -> float | None:
        """Standard deviation (n - 1) between blocks; None with fewer than two."""
        return deviation(list(self.values.values())) if len(self.values) > 1 else None

    @cached_property
    def interval(self) -> Interval | None:
        """95 % interval of the mean; None with fewer than three blocks."""
        return mean_estimate(list(self.values.values())).interval if self.values else None

    @property
    def higher_is_better(self) -> bool:
        return self.metric.direction == "higher is better"

    @property
    def loss(self) -> float | None:
        """How much worse than the baseline, in percent of the baseline; below 0 it is better."""
        if self.over_baseline is None:
            return None
        change = (self.over_baseline.value - 1) * 100
        return -change if self.higher_is_better else change


@dataclass(frozen=True)
class PageCase:
    """One case of a scenario."""

    case: CaseSummary
    qualities: Mapping[str, Quality]
    """Every metric of the scenario by its name; empty if no block counts."""
    latency: StageStatistics | None
    """Time of an inference in the page, while it is used."""
    plain: StageStatistics | None
    """The same of the case without a scenario, where the run has it."""
    reached_duty: float | None
    """Share of time that was really spent inferring, in percent: the median over blocks."""
    per_second: float | None
    """Inferences per second: the median over blocks."""
    traces: tuple[Trace, ...]
    """The frames of every second of each counted block, in the order of rounds."""

    @property
    def of(self) -> Case:
        return self.case.case

    @property
    def duty(self) -> int:
        """The asked share of time that is spent inferring, in percent."""
        return self.of.duty or 0

    @property
    def place(self) -> str:
        """The thread of the page that calls the engine: `main` or `worker`."""
        return self.of.place or "main"

    @property
    def left_out(self) -> int:
        """Blocks that were measured or failed, and do not count."""
        return sum(block.status != "unsupported" for block in self.case.blocks) - len(self.case.counted)

    @property
    def model(self) -> tuple[str, str, int]:
        return self.of.model, self.of.precision, self.of.batch


@dataclass(frozen=True)
class Trace:
    """The frame rate of one block over time."""

    round: int
    rate: tuple[int, ...]
    """Frames in each full second in which the page was used: those of the video if there is one, else of the page."""
    of_video: bool
    before: tuple[tuple[float, int], ...] = ()
    """The same while the engine was put into the page and set up: when the second began (below 0), and its frames.
    Empty for a video, whose frames are not counted then.
    """
    phases: tuple[tuple[str, float], ...] = ()
    """Name of a phase and the second in which it began; below 0 before the page was used."""


@dataclass(frozen=True)
class PageScenario:
    """One scenario in one browser on one target: its baseline, and its cases with inference."""

    target: TargetSummary
    name: str
    browser: str | None
    baseline: PageCase | None
    cases: tuple[PageCase, ...]
    """Cases with inference: by model, way, place and duty."""
    watched: tuple[str, ...] = field(default=())
    """The metrics by which the page is judged: runs per minute if it has runs, and the frames of its video, or else of
    the page."""

    @property
    def all(self) -> tuple[PageCase, ...]:
        """The baseline first."""
        return (*([self.baseline] if self.baseline else []), *self.cases)

    @property
    def frames(self) -> str:
        """The name of the metric that counts its frames."""
        return VIDEO_FRAMES if VIDEO_FRAMES in self.watched else FRAMES

    @property
    def models(self) -> tuple[tuple[str, str, int], ...]:
        """Models that infer in it, in order."""
        return tuple(dict.fromkeys(one.model for one in self.cases))


def page_scenarios(summary: RunSummary) -> tuple[PageScenario, ...]:
    """Every scenario of a run, by target, our own ones first; empty if it has none."""
    return tuple(one for target in summary.targets for one in _of_target(target))


def _of_target(target: TargetSummary) -> Iterator[PageScenario]:
    groups: dict[tuple[str, str | None], list[CaseSummary]] = {}
    for case in target.cases:
        if case.case.has_scenario:
            groups.setdefault((case.case.scenario, case.case.browser), []).append(case)
    plain = {case.case: case for case in target.cases if not case.case.has_scenario}
    for (name, browser), cases in sorted(groups.items(), key=_reading_order):
        base = next((case for case in cases if case.case.is_baseline), None)
        baseline = _page_case(base, None, None) if base else None
        inferring = tuple(
            _page_case(case, baseline, plain.get(without_page(case.case)))
            for case in cases
            if not case.case.is_baseline
        )
        found = PageScenario(target, name, browser, baseline, inferring)
        yield replace(found, watched=_watched(found))


def _reading_order(group: tuple[tuple[str, str | None], object]) -> tuple[object, ...]:
    """Our own scenarios first, then others by their names."""
    (name, browser), _ = group
    return _OWN.index(name) if name in _OWN else len(_OWN), name, browser or ""


def without_page(case: Case) -> Case:
    """The case without scenario, duty and place."""
    return replace(case, scenario=AXES["scenario"].default, duty=None, place=None)


def _watched(of: PageScenario) -> tuple[str, ...]:
    measured = {name for one in of.all for name, quality in one.qualities.items() if quality.values}
    frames = VIDEO_FRAMES if VIDEO_FRAMES in measured else FRAMES
    return tuple(name for name in (RUNS, frames) if name in measured)


def _page_case(case: CaseSummary, baseline: PageCase | None, plain: CaseSummary | None) -> PageCase:
    blocks = [(block, result) for block in case.counted if (result := block.block.scenario)]
    return PageCase(
        case=case,
        qualities={**_qualities(blocks, baseline), **_accuracies(blocks)},
        latency=case.stages.get("prediction"),
        plain=plain.stages.get("prediction") if plain else None,
        reached_duty=_middle(_reached(block, result) for block, result in blocks),
        per_second=_middle(_per_second(result) for _, result in blocks),
        traces=tuple(_trace(block.round, result) for block, result in blocks),
    )


def _middle(values: Iterator[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return median(found) if found else None


def _qualities(blocks: Sequence[tuple[BlockSummary, ScenarioResult]], baseline: PageCase | None) -> dict[str, Quality]:
    values: dict[str, dict[int, float]] = {}
    voids: dict[str, list[str]] = {}
    for block, result in blocks:
        for reading in readings(result):
            name = reading.metric.name
            own, without = values.setdefault(name, {}), voids.setdefault(name, [])
            if isinstance(reading.value, Void):
                without.append(reading.value.reason)
            else:
                own[block.round] = reading.value
    return {
        name: Quality(METRICS[name], own, tuple(dict.fromkeys(voids[name])), _over(own, baseline, name))
        for name, own in values.items()
    }


def _accuracies(blocks: Sequence[tuple[BlockSummary, ScenarioResult]]) -> dict[str, Quality]:
    """Accuracy by frame reuse; what is left of it is the ratio to every frame processed."""
    values: dict[str, dict[int, float]] = {}
    voids: dict[str, list[str]] = {}
    for block, result in blocks:
        times = block.block.measurement.prediction_ms if block.block.measurement else []
        for name, found in page_accuracy.accuracies(result, times).items():
            own, without = values.setdefault(name, {}), voids.setdefault(name, [])
            if isinstance(found, Void):
                without.append(found.reason)
            else:
                own[block.round] = found
    return {
        name: Quality(
            page_accuracy.METRICS[name],
            own,
            tuple(dict.fromkeys(voids[name])),
            ratio_of([value / page_accuracy.EVERY_FRAME for _, value in sorted(own.items())]) if own else None,
        )
        for name, own in values.items()
    }


def _over(own: Mapping[int, float], baseline: PageCase | None, name: str) -> Ratio | None:
    below = baseline.qualities.get(name) if baseline else None
    if below is None:
        return None
    pairs = [value / base for round_, value in sorted(own.items()) if (base := below.values.get(round_))]
    return ratio_of(pairs) if pairs else None


def _reached(block: BlockSummary, result: ScenarioResult) -> float | None:
    measurement, inferring = block.block.measurement, result.inferring
    if measurement is None or not isinstance(inferring, Inferring):
        return None
    starts, times = inferring.start_ms, measurement.prediction_ms
    return reached_duty(starts, times) if len(starts) == len(times) else None


def _per_second(result: ScenarioResult) -> float | None:
    inferring = result.inferring
    if not isinstance(inferring, Inferring) or len(inferring.start_ms) < 2:
        return None
    length = inferring.start_ms[-1] - inferring.start_ms[0]
    return (len(inferring.start_ms) - 1) / length * 1000 if length > 0 else None


def _trace(round_: int, result: ScenarioResult) -> Trace:
    video = None if isinstance(result.video, Void) else result.video
    rate = tuple(frame_rate(video.frames_ms if video else result.frames_ms, result.duration_ms))
    lead_in = None if video else result.lead_in
    earlier = frame_rate(lead_in.frames_ms, lead_in.duration_ms) if lead_in else []
    return Trace(
        round=round_,
        rate=rate,
        of_video=video is not None,
        before=tuple((second - lead_in.before_ms / 1000, frames) for second, frames in enumerate(earlier))
        if lead_in
        else (),
        phases=tuple(_phases(result, lead_in)),
    )


def _phases(result: ScenarioResult, lead_in: LeadIn | None) -> Iterator[tuple[str, float]]:
    if lead_in:
        yield from ((one.name, (one.at_ms - lead_in.before_ms) / 1000) for one in lead_in.marks)
    yield from ((one.name, one.at_ms / 1000) for one in result.marks)
    inferring = result.inferring
    if (
        isinstance(inferring, Inferring)
        and inferring.start_ms
        and all(one.name != "prediction" for one in result.marks)
    ):
        yield "prediction", inferring.start_ms[0] / 1000
