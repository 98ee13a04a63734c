"""Sustained load: how the predictions of a long block changed, beside temperature and clock, and what that does to the
order of cases.

Predictions follow each other without a pause, so a prediction's time in the block is the sum of those before it.
Readings count from the start of the block's process or page; setup and warmup are subtracted, so that both have the
first prediction as their zero, within the second or two that starting a process or page takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations

from mobilebench.analysis.summary import BlockSummary, CaseSummary, RunSummary, TargetSummary
from mobilebench.analysis.timeline import Quantity, ReadingAt
from mobilebench.core.records import Series
from mobilebench.statistics.estimates import median

SUITE = "sustained"
"""Blocks of this suite are shown however short they are."""
LEAST_S = 300.0
"""Seconds of predictions from which a block of any suite is shown."""
WINDOW_S = 60.0
"""Length of the first and the last window; in a block of less than four minutes a quarter of it."""
MARKS_MIN = (10, 30)
"""Minutes of which the minute before them is shown too, in a block that went on."""
POINTS = 60
"""Stretches of time into which a course is divided, each with its median."""

_TEMPERATURES = (("thermal", "skin"), ("thermal", "cpu"), ("thermal", "battery"), ("battery", "temperature"))
"""Recorder and series of the temperature that is shown in a table: the first one that was read."""
CELSIUS, MEGAHERTZ = "°C", "MHz"


@dataclass(frozen=True)
class Window:
    """A stretch of a block."""

    begin_s: float
    end_s: float
    ms: float
    """Median of its predictions."""
    celsius: float | None
    """Median of the readings of the temperature; None without a reading."""
    mhz: float | None
    """The clock of the fastest group of cores: the highest of their medians."""


@dataclass(frozen=True)
class Course:
    """One long block."""

    case: CaseSummary
    round: int
    seconds: float
    """Time of all predictions."""
    first: Window
    marks: dict[int, Window]
    """Minute to the minute before it, for the minutes that the block reached and went beyond."""
    last: Window
    points: tuple[tuple[float, float], ...]
    """Minutes since the first prediction, and the median of the predictions (ms) of a stretch around them."""
    quantities: tuple[Quantity, ...]
    """Temperatures and clocks that were read during the block, by minutes since the first prediction."""
    temperature: str | None
    """The temperature of its windows, such as `thermal skin`."""

    @property
    def change(self) -> float:
        """The last window over the first one: above 1, it became slower."""
        return self.last.ms / self.first.ms


@dataclass(frozen=True)
class Overtaking:
    """A case that was slower than another one of the same model in the first window, and faster in a later one."""

    faster: Course
    """The case that is faster in the end."""
    slower: Course
    minute: int | None
    """The mark at which it is faster for the first time; None: only in the last window."""


def courses(run: RunSummary, target: TargetSummary) -> tuple[Course, ...]:
    """The long blocks of a target that count, in the order of cases and rounds."""
    found = (
        _course(case, block)
        for case in target.plain
        for block in case.counted
        if run.info.suite == SUITE or _seconds(block) >= LEAST_S
    )
    return tuple(one for one in found if one)


def overtakings(some: Sequence[Course]) -> tuple[Overtaking, ...]:
    """Every pair of cases of one model and round whose order differs from that of the first window."""
    found = []
    for one, other in combinations(some, 2):
        if _compared(one) != _compared(other) or one.first.ms == other.first.ms:
            continue
        ahead, behind = sorted((one, other), key=lambda course: course.first.ms)
        marks = sorted(ahead.marks.keys() & behind.marks.keys())
        later = next((minute for minute in marks if behind.marks[minute].ms < ahead.marks[minute].ms), None)
        if behind.last.ms < ahead.last.ms:
            found.append(Overtaking(behind, ahead, later))
    return tuple(found)


def rank(course: Course, among: Iterable[Course], last: bool) -> int:
    """The place of a case among those of its model and round, 1 being the fastest, in the first or the last window."""

    def ms(of: Course) -> float:
        return of.last.ms if last else of.first.ms

    return 1 + sum(ms(one) < ms(course) for one in among if _compared(one) == _compared(course))


def _compared(course: Course) -> tuple[object, ...]:
    case = course.case.case
    return case.model, case.precision, case.batch, course.round


def _seconds(block: BlockSummary) -> float:
    measurement = block.block.measurement
    return sum(measurement.prediction_ms) * measurement.predictions_per_sample / 1000 if measurement else 0.0


def _course(case: CaseSummary, block: BlockSummary) -> Course | None:
    measurement = block.block.measurement
    if measurement is None or not measurement.prediction_ms or (seconds := _seconds(block)) <= 0:
        return None
    samples = measurement.prediction_ms
    ends = list(accumulate(ms * measurement.predictions_per_sample / 1000 for ms in samples))
    length = min(WINDOW_S, seconds / 4)
    began_ms = sum(measurement.setup_ms.values()) + sum(measurement.warmup_ms)
    read = [one for one in block.block.series if one.unit in (CELSIUS, MEGAHERTZ) and one.values]
    temperature = next((one for key in _TEMPERATURES for one in read if (one.recorder, one.name) == key), None)
    clocks = [one for one in read if one.unit == MEGAHERTZ]

    def window(begin: float, end: float) -> Window:
        inside = [ms for ms, at in zip(samples, ends, strict=True) if begin <= at <= end]
        of_clocks = [value for one in clocks if (value := _within(one, began_ms, begin, end)) is not None]
        return Window(
            begin,
            end,
            median(inside or [min(zip(ends, samples, strict=True), key=lambda pair: abs(pair[0] - end))[1]]),
            _within(temperature, began_ms, begin, end) if temperature else None,
            max(of_clocks, default=None),
        )

    first = window(0.0, length)
    if first.ms <= 0:
        return None  # the clock is too coarse to tell
    return Course(
        case=case,
        round=block.round,
        seconds=seconds,
        first=first,
        marks={
            minute: window(minute * 60 - length, minute * 60)
            for minute in MARKS_MIN
            if minute * 60 <= seconds - WINDOW_S
        },
        last=window(seconds - length, ends[-1]),
        points=tuple(_points(samples, ends)),
        quantities=tuple(_quantity(one, began_ms) for one in read),
        temperature=f"{temperature.recorder} {temperature.name}" if temperature else None,
    )


def _points(samples: Sequence[float], ends: Sequence[float]) -> Iterator[tuple[float, float]]:
    stretch = ends[-1] / POINTS
    found: dict[int, list[float]] = {}
    for ms, at in zip(samples, ends, strict=True):
        found.setdefault(min(int(at / stretch), POINTS - 1), []).append(ms)
    for number, values in found.items():
        yield (number + 0.5) * stretch / 60, median(values)


def _quantity(series: Series, began_ms: float) -> Quantity:
    readings = (
        ReadingAt((at - began_ms) / 60_000, value) for at, value in zip(series.times_ms, series.values, strict=False)
    )
    return Quantity(series.recorder, series.name, series.unit, tuple(one for one in readings if one.minutes >= 0))


def _within(series: Series, began_ms: float, begin_s: float, end_s: float) -> float | None:
    """Median of the readings in a window; without one, the reading that is nearest to it, if it is within a minute."""
    at = [((ms - began_ms) / 1000, value) for ms, value in zip(series.times_ms, series.values, strict=False)]
    inside = [value for seconds, value in at if begin_s <= seconds <= end_s]
    if inside:
        return median(inside)
    away = [(max(begin_s - seconds, seconds - end_s), value) for seconds, value in at]
    nearest = min(away, default=None)
    return nearest[1] if nearest and nearest[0] <= WINDOW_S else None
