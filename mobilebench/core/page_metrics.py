"""What follows from a scenario's raw values: its metrics, the trace of its frame rate, the spread of repetitions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Literal

from mobilebench.core.page_quality import OwnFrames, ScenarioResult, Void
from mobilebench.core.record import Record

Direction = Literal["higher is better", "lower is better"]

LONG_MS = 50
"""From this length on, browsers call a task or frame long."""


class Metric(Record):
    """A quantity that a scenario measures."""

    name: str
    unit: str
    direction: Direction
    source: str
    """Where the raw values come from, and how the value follows from them."""


@dataclass(frozen=True)
class Reading:
    """The value of a metric in one measurement."""

    metric: Metric
    value: float | Void


@dataclass(frozen=True)
class Spread:
    """A metric over several measurements."""

    metric: Metric
    values: tuple[float, ...]
    void: Void | None
    """Why there is no value; of several reasons, the first."""

    @property
    def mean(self) -> float | None:
        return fmean(self.values) if self.values else None

    @property
    def cv(self) -> float | None:
        """The coefficient of variation: standard deviation over mean; None below two values, or with a mean of 0."""
        mean = self.mean
        return stdev(self.values) / abs(mean) if mean and len(self.values) > 1 else None


def frame_rate(frames_ms: Sequence[float], duration_ms: float) -> list[int]:
    """Frames in each full second of a measurement."""
    seconds = [0] * int(duration_ms // 1000)
    for at in frames_ms:
        if (second := int(at // 1000)) < len(seconds):
            seconds[second] += 1
    return seconds


def per_second(frames_ms: Sequence[float], duration_ms: float) -> float | Void:
    """Eq. 2 of the first paper: frames over time."""
    return len(frames_ms) / duration_ms * 1000 if duration_ms > 0 else Void(reason="the measurement had no length")


def lowest_second(frames_ms: Sequence[float], duration_ms: float) -> float | Void:
    """The fewest frames in a full second."""
    return min(frame_rate(frames_ms, duration_ms), default=_TOO_SHORT)


def fluctuation(frames_ms: Sequence[float], duration_ms: float) -> float | Void:
    """The largest distance of a full second's rate from the mean of all, in percent of that mean."""
    seconds = frame_rate(frames_ms, duration_ms)
    if not seconds:
        return _TOO_SHORT
    mean = fmean(seconds)
    if mean == 0:
        return Void(reason="there was no frame at all")
    return max(abs(second - mean) for second in seconds) / mean * 100


def reached_duty(start_ms: Sequence[float], ms: Sequence[float]) -> float | None:
    """The share of time spent inferring in percent, over whole cycles of an inference and the idle time after it.

    The last inference only ends the last cycle. None with fewer than two inferences.
    """
    if len(ms) < 2 or start_ms[-1] <= start_ms[0]:
        return None
    return min(sum(ms[:-1]) / (start_ms[-1] - start_ms[0]), 1.0) * 100


def readings(result: ScenarioResult) -> list[Reading]:
    """Every metric of a result that its scenario could have, in a fixed order."""
    wanted = (*_OF_SCENARIO.get(result.scenario, _OF_PAGE), *(_OF_PHONE if result.phone else ()))
    return [Reading(one.metric, one.of(result)) for one in _MEASURES if one.metric.name in wanted]


def spreads(results: Sequence[ScenarioResult]) -> list[Spread]:
    """Each metric over repetitions of one scenario."""
    by_metric: dict[str, list[Reading]] = {}
    for result in results:
        for reading in readings(result):
            by_metric.setdefault(reading.metric.name, []).append(reading)
    return [_spread(found) for found in by_metric.values()]


def _spread(found: Sequence[Reading]) -> Spread:
    values = tuple(one.value for one in found if not isinstance(one.value, Void))
    voids = [one.value for one in found if isinstance(one.value, Void)]
    return Spread(found[0].metric, values, voids[0] if voids else None)


_NO_PHONE = Void(reason="only phones count the frames of their browsers")
_TOO_SHORT = Void(reason="the measurement was shorter than a second")


@dataclass(frozen=True)
class _Measure:
    metric: Metric
    of: Callable[[ScenarioResult], float | Void]


def _runs_per_minute(result: ScenarioResult) -> float | Void:
    if isinstance(result.runs, Void):
        return result.runs
    if not isinstance(result.benchmark, Void) and result.benchmark.unit == "runs/min":
        return fmean(result.benchmark.scores)
    return 60_000 / fmean(max(run.busy_ms, 0.001) for run in result.runs)


def _wall(result: ScenarioResult) -> float | Void:
    if isinstance(result.runs, Void):
        return result.runs
    return fmean(run.busy_ms for run in result.runs) / 1000


def _score(result: ScenarioResult) -> float | Void:
    return result.benchmark if isinstance(result.benchmark, Void) else fmean(result.benchmark.scores)


def _runs_by_the_clock(result: ScenarioResult) -> float | Void:
    if isinstance(result.runs, Void):
        return result.runs
    starts = [run.started_ms for run in result.runs]
    if len(starts) < 2:
        return Void(reason="fewer than two runs were completed")
    return (len(starts) - 1) / (starts[-1] - starts[0]) * 60_000


def _step(result: ScenarioResult) -> float | Void:
    if isinstance(result.runs, Void):
        return result.runs
    return median(step for run in result.runs for step in run.steps_ms)


def _slowest_steps(result: ScenarioResult) -> float | Void:
    if isinstance(result.runs, Void):
        return result.runs
    steps = sorted(step for run in result.runs for step in run.steps_ms)
    return steps[math.ceil(0.95 * len(steps)) - 1]


def _blocking(result: ScenarioResult) -> float | Void:
    if isinstance(result.long_frames, Void):
        return result.long_frames
    return sum(one.blocking_ms for one in result.long_frames) / result.duration_ms * 1000


def _long_tasks(result: ScenarioResult) -> float | Void:
    if isinstance(result.long_tasks, Void):
        return result.long_tasks
    return sum(one.duration_ms for one in result.long_tasks) / result.duration_ms * 1000


def _video(of: Callable[[Sequence[float], float], float | Void]) -> Callable[[ScenarioResult], float | Void]:
    def value(result: ScenarioResult) -> float | Void:
        if isinstance(result.video, Void):
            return result.video
        return of(result.video.frames_ms, result.duration_ms)

    return value


def _presented(result: ScenarioResult) -> float | Void:
    if isinstance(result.video, Void):
        return result.video
    return result.video.presented / result.duration_ms * 1000


def _dropped(result: ScenarioResult) -> float | Void:
    if isinstance(result.video, Void):
        return result.video
    if result.video.decoded == 0:
        return Void(reason="the browser decoded no frame of the video")
    return result.video.dropped / result.video.decoded * 100


def _displayed(of: Callable[[Sequence[float], float], float | Void]) -> Callable[[ScenarioResult], float | Void]:
    def value(result: ScenarioResult) -> float | Void:
        if isinstance(result.presented, Void):
            return result.presented
        frames = result.presented.displayed_ms
        return frames if isinstance(frames, Void) else of(frames, result.duration_ms)

    return value


def _own_frames(result: ScenarioResult) -> OwnFrames | Void:
    return result.presented if isinstance(result.presented, Void) else result.presented.own


def _own_presented(result: ScenarioResult) -> float | Void:
    own = _own_frames(result)
    return own if isinstance(own, Void) else per_second(own.presented_ms, result.duration_ms)


def _own_dropped(result: ScenarioResult) -> float | Void:
    own = _own_frames(result)
    if isinstance(own, Void):
        return own
    if own.refreshes == 0:
        return Void(reason="the browser asked the page for no frame")
    return len(own.dropped_ms) / own.refreshes * 100


def _layer_rate(result: ScenarioResult) -> float | Void:
    layer = _NO_PHONE if result.phone is None else result.phone.layer
    if isinstance(layer, Void):
        return layer
    times = layer.presented_ms
    if layer.complete:
        return per_second(times, layer.between_ms)
    return (len(times) - 1) / times[-1] * 1000 if times[-1] > 0 else Void(reason="only one frame is known")


def _interface_janky(result: ScenarioResult) -> float | Void:
    drawn = _NO_PHONE if result.phone is None else result.phone.interface
    if isinstance(drawn, Void):
        return drawn
    if drawn.rendered == 0:
        return Void(reason="the browser drew no frame of its own interface meanwhile")
    return drawn.janky / drawn.rendered * 100


def _typed(result: ScenarioResult) -> float | Void:
    if isinstance(result.typing, Void):
        return result.typing
    return result.typing.characters / 5 / result.duration_ms * 60_000


_RAF = "requestAnimationFrame"
_TRACE = "the browser's trace"
_RVFC = "requestVideoFrameCallback"
_STEPS = "time from each real input until the page had handled it"


def _higher(name: str, unit: str, source: str, of: Callable[[ScenarioResult], float | Void]) -> _Measure:
    return _Measure(Metric(name=name, unit=unit, direction="higher is better", source=source), of)


def _lower(name: str, unit: str, source: str, of: Callable[[ScenarioResult], float | Void]) -> _Measure:
    return _Measure(Metric(name=name, unit=unit, direction="lower is better", source=source), of)


_MEASURES = (
    _higher(
        "runs_per_minute",
        "runs/min",
        f"{_STEPS}; a minute over the mean sum of a run (Eq. 1); Speedometer: over its wall time, 2.x: its own result",
        _runs_per_minute,
    ),
    _lower("wall_seconds", "s", "wall time of a run of Speedometer: mean", _wall),
    _higher("score", "points", "Speedometer's own result: mean; 2.x: runs a minute", _score),
    _higher("runs_by_the_clock", "runs/min", "starts of runs, with the time between inputs", _runs_by_the_clock),
    _lower("step_median", "ms", f"{_STEPS}: median", _step),
    _lower("step_p95", "ms", f"{_STEPS}: 95th percentile", _slowest_steps),
    _lower("inp", "ms", "Interaction to Next Paint, by web-vitals 6.2.3", lambda result: result.inp_ms),
    _lower("long_tasks", "ms/s", f"tasks of {LONG_MS} ms and longer (longtask): their time", _long_tasks),
    _lower("blocking", "ms/s", "long animation frames: time in which no input could be answered", _blocking),
    _higher("typed_words", "words/min", "characters that the page received, five to a word", _typed),
    _higher("fps", "frames/s", f"{_RAF}: frames over time (Eq. 2)", lambda r: per_second(r.frames_ms, r.duration_ms)),
    _higher(
        "fps_lowest", "frames/s", f"{_RAF}: lowest full second", lambda r: lowest_second(r.frames_ms, r.duration_ms)
    ),
    _lower(
        "fps_fluctuation",
        "%",
        f"{_RAF}: largest distance of a second from the mean",
        lambda r: fluctuation(r.frames_ms, r.duration_ms),
    ),
    _higher("video_fps", "frames/s", f"{_RVFC}: calls over time (Eq. 2)", _video(per_second)),
    _higher("video_fps_lowest", "frames/s", f"{_RVFC}: lowest full second", _video(lowest_second)),
    _lower("video_fps_fluctuation", "%", f"{_RVFC}: largest distance of a second from the mean", _video(fluctuation)),
    _higher("video_presented", "frames/s", f"{_RVFC}: its count of presented frames", _presented),
    _lower("video_dropped", "%", "getVideoPlaybackQuality: dropped of decoded frames", _dropped),
    _higher(
        "presented_fps", "frames/s", f"{_TRACE}: frames that its window displayed, over time", _displayed(per_second)
    ),
    _higher("presented_lowest", "frames/s", f"{_TRACE}: lowest full second of its window", _displayed(lowest_second)),
    _higher("page_presented", "frames/s", f"{_TRACE}: presented frames of the page itself", _own_presented),
    _lower("page_dropped", "%", f"{_TRACE}: refreshes of the screen for which the page was late", _own_dropped),
    _higher("layer_fps", "frames/s", "SurfaceFlinger: presented frames of the browser's layer on a phone", _layer_rate),
    _lower("interface_janky", "%", "gfxinfo: janky frames of the browser's interface on a phone", _interface_janky),
)

_OF_PHONE = ("layer_fps", "interface_janky")
_EVERYWHERE = ("long_tasks", "blocking", "fps", "fps_lowest", "fps_fluctuation")
_TRACED = ("presented_fps", "presented_lowest", "page_presented", "page_dropped")
_OF_VIDEO = ("video_fps", "video_fps_lowest", "video_fps_fluctuation", "video_presented", "video_dropped")
_OF_PAGE = (*_EVERYWHERE, *_OF_VIDEO, *_TRACED, "inp")
_OF_SCENARIO = {
    "interaction": (*_EVERYWHERE, "runs_per_minute", "runs_by_the_clock", "step_median", "step_p95", "inp"),
    "typing": (*_EVERYWHERE, *_TRACED, "inp", "typed_words"),
    "video": (*_EVERYWHERE, *_OF_VIDEO, *_TRACED),
    "speedometer": (*_EVERYWHERE, "runs_per_minute", "wall_seconds", "score"),
    "call": (*_EVERYWHERE, *_OF_VIDEO, "runs_per_minute", "runs_by_the_clock", "step_median", "step_p95", "inp"),
}

MAIN = ("runs_per_minute", "video_fps", "fps")
"""The metrics that sum up a measurement in one number: the first of them that a scenario has."""

METRICS: dict[str, Metric] = {one.metric.name: one.metric for one in _MEASURES}
"""Every metric by its name."""
