"""Summarises a run: the verdict and stage statistics of each case by target, and how the wall time was spent.

Only valid and suspect timing blocks enter statistics; invalid and failed ones are shown but not counted. Blocks that
record kernels or memory are kept separate, because recording costs time. Nothing is pooled over targets, and a virtual
target is filed under this computer's CPU.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal, get_args

from mobilebench.analysis.labels import SETUP_PARTS, filed_under, in_page, is_web
from mobilebench.analysis.live_accuracy import LiveAccuracy
from mobilebench.analysis.stage_parts import (
    CompilationStatistics,
    CostStatistics,
    DownloadStatistics,
    ReadbackStatistics,
    compilation,
    costs,
    downloads,
    readback,
)
from mobilebench.analysis.stage_statistics import StageStatistics, over_blocks
from mobilebench.core.axes import AXES
from mobilebench.core.errors import with_fault
from mobilebench.core.records import (
    Block,
    Case,
    Measurement,
    Pass,
    PlannedBlock,
    Reason,
    Run,
    RunInfo,
    SetupPart,
    SpentOn,
    Stage,
    TargetInfo,
)
from mobilebench.recorders import registry
from mobilebench.statistics.estimates import median
from mobilebench.statistics.warmup_end import warmup_end
from mobilebench.verdicts.cases import judge_case
from mobilebench.verdicts.codes import status_of
from mobilebench.verdicts.reading import describe_rules
from mobilebench.verdicts.surroundings import block_clock

STAGES: tuple[Stage, ...] = get_args(Stage)
Status = Literal["valid", "suspect", "invalid", "failed", "unsupported", "not measured"]
"""Verdict of a measured case, or else its outcome. `not measured`: planned, but the run ended before it."""
STATUSES: tuple[Status, ...] = get_args(Status)

_EQUAL_IN_ALL_BLOCKS: dict[str, Callable[[Measurement], object]] = {
    "engine version": lambda m: m.version,
    "backend": lambda m: m.proof.backend,
    "simd": lambda m: m.proof.simd,
    "browser version": lambda m: m.proof.browser_version,
    "cross-origin isolation": lambda m: m.proof.cross_origin_isolated,
    "renderer": lambda m: m.proof.renderer,
    "priority": lambda m: m.proof.priority,
    "model access": lambda m: m.proof.model_access,
    "download path": lambda m: m.proof.download_path,
}
"""Fields of the proof that must be equal in all blocks of a case, where they could be read. The number of threads at
work is not among them: each block is judged by the number that was asked for, and an idle thread makes it suspect.
"""

_WORST_FIRST: tuple[Status, ...] = ("failed", "invalid", "unsupported", "suspect", "valid", "not measured")
_COUNTED: tuple[Status, ...] = ("valid", "suspect")


@dataclass(frozen=True)
class BlockSummary:
    """One block: its outcome, and its stages in milliseconds."""

    round: int
    status: Status
    reasons: tuple[str, ...]
    block: Block

    @property
    def codes(self) -> dict[str, str]:
        """Each reason of its verdict to the reason's code."""
        verdict = self.block.verdict
        return {reason.sentence: reason.code for reason in verdict.reasons} if verdict else {}

    @property
    def counted(self) -> bool:
        """Whether it may enter statistics."""
        return self.status in _COUNTED

    def samples(self, stage: Stage) -> list[float]:
        """Raw milliseconds of a stage; setup is the sum of its parts, warmup the first inference."""
        measurement = self.block.measurement
        if measurement is None:
            return []
        if stage == "setup":
            return [sum(measurement.setup_ms.values())] if measurement.setup_ms else []
        return measurement.warmup_ms[:1] if stage == "warmup" else measurement.prediction_ms

    def median(self, stage: Stage) -> float | None:
        """Milliseconds; None when the stage has no sample."""
        return self._medians[stage]

    @cached_property
    def _medians(self) -> dict[Stage, float | None]:
        found = {stage: self.samples(stage) for stage in STAGES}
        return {stage: median(samples) if samples else None for stage, samples in found.items()}

    @property
    def warmup_end(self) -> int | None:
        """Number of slow first inferences, by change points of the times (`statistics.warmup_end`); None if unknown, as
        for predictions that were timed in groups.
        """
        measurement = self.block.measurement
        if measurement is None or measurement.predictions_per_sample > 1 or not measurement.warmup_ms:
            return None
        return warmup_end([*measurement.warmup_ms, *measurement.prediction_ms])


@dataclass(frozen=True)
class PassSummary:
    """The blocks of one pass of a case: timing, kernels or memory."""

    status: Status
    """The worst of its blocks."""
    reasons: tuple[str, ...]
    planned: int
    """Number of planned blocks."""
    blocks: tuple[BlockSummary, ...]
    """Blocks that were run, in round order."""
    counted: tuple[BlockSummary, ...]
    """The valid and suspect blocks."""
    codes: dict[str, str] = field(default_factory=dict)
    """Each reason that a rule gave to its code (`verdicts.codes`)."""

    @property
    def measurement(self) -> Measurement | None:
        """The measurement of the first counted block, or else the first measurement."""
        answers = [b.block.measurement for b in (*self.counted, *self.blocks) if b.block.measurement is not None]
        return answers[0] if answers else None


@dataclass(frozen=True)
class CaseSummary:
    """One case over its timing blocks; the other passes are in `watched`."""

    case: Case
    status: Status
    """The worst status of its timing blocks, or `suspect` if these are too far apart; for a case without timing, the
    worst of its other passes.
    """
    reasons: tuple[str, ...]
    planned: int
    """Number of planned timing blocks."""
    blocks: tuple[BlockSummary, ...]
    """Timing blocks that were run, in round order."""
    counted: tuple[BlockSummary, ...]
    """The blocks that enter its statistics."""
    stages: dict[Stage, StageStatistics] = field(default_factory=dict)
    """Stages that have at least one counted sample."""
    setup_parts: dict[SetupPart, StageStatistics] = field(default_factory=dict)
    costs: dict[Stage, CostStatistics] = field(default_factory=dict)
    """Stages for which the system's counts are known."""
    downloads: DownloadStatistics | None = None
    """For a page that reported its downloads."""
    compilation: dict[Stage, CompilationStatistics] = field(default_factory=dict)
    """For a page: the stages in which something was compiled for the GPU."""
    readback: ReadbackStatistics | None = None
    """For a page whose engine's call can be separated from the read-back after it."""
    watched: dict[Pass, PassSummary] = field(default_factory=dict)
    """The passes beside timing that were planned for this case."""
    codes: dict[str, str] = field(default_factory=dict)
    """Each reason that a rule gave to its code (`verdicts.codes`)."""

    @property
    def web(self) -> bool:
        return is_web(self.case)

    @property
    def in_page(self) -> bool:
        return in_page(self.case)

    @property
    def usable(self) -> bool:
        """Whether it is valid or suspect. Of another case some blocks may count; it is shown, and never advised."""
        return self.status in _COUNTED

    @property
    def timed(self) -> bool:
        """Whether any timing block was planned."""
        return self.planned > 0

    def by_round(self, stage: Stage) -> dict[int, float]:
        """The median of each counted block, by round; without blocks that have no sample of this stage."""
        found = self.stages.get(stage)
        rounds = [block.round for block in self.counted if block.samples(stage)]
        return dict(zip(rounds, found.blocks, strict=True)) if found else {}

    @property
    def predictions_per_sample(self) -> int:
        """Above 1 if a sample is the mean of a group of predictions; percentiles are then of group means."""
        answers = [block.block.measurement for block in self.counted]
        return max((answer.predictions_per_sample for answer in answers if answer), default=1)

    @property
    def measurement(self) -> Measurement | None:
        """The measurement of the first counted block, or else the first one; its proof is shown for the case."""
        own = PassSummary(self.status, self.reasons, self.planned, self.blocks, self.counted)
        answers = [one.measurement for one in (own, *self.watched.values())]
        return next((answer for answer in answers if answer), None)


@dataclass(frozen=True)
class TimeSplit:
    """Use of the wall time, in milliseconds. One target's push may overlap with another's measurement."""

    spent: dict[SpentOn, float]
    wall: float
    """From the first block's start to the last block's end; a pause before `--resume` is part of it."""
    machines: int
    """Number of machines. Targets on one machine take turns, so a run on n machines can measure n × wall."""

    @property
    def measured_share(self) -> float | None:
        """Share of the wall time spent inside setup, warmup and prediction; None without blocks."""
        available = self.wall * self.machines
        return self.spent.get("measure", 0.0) / available if available > 0 else None


@dataclass(frozen=True)
class TargetSummary:
    """One target and its cases: by model, native before web."""

    info: TargetInfo
    soc: str
    """The SoC under which its results are filed."""
    cases: tuple[CaseSummary, ...]
    counts: dict[Status, int]
    spent: dict[SpentOn, float]

    @property
    def plain(self) -> tuple[CaseSummary, ...]:
        """Cases in which no page is used meanwhile: only these are compared with each other by their latency."""
        return tuple(case for case in self.cases if not case.case.has_scenario)

    def by_model(self) -> dict[tuple[str, str, int], tuple[CaseSummary, ...]]:
        """Cases by (model, precision, batch)."""
        models: dict[tuple[str, str, int], tuple[CaseSummary, ...]] = {}
        for summary in self.cases:
            key = (summary.case.model, summary.case.precision, summary.case.batch)
            models[key] = (*models.get(key, ()), summary)
        return models


@dataclass(frozen=True)
class RunSummary:
    """The summary of a run."""

    info: RunInfo
    targets: tuple[TargetSummary, ...]
    counts: dict[Status, int]
    """Number of cases by status."""
    watched: dict[Pass, dict[Status, int]]
    """Counts of cases by pass and status, for passes that were planned for at least one case."""
    planned_blocks: int
    run_blocks: int
    time: TimeSplit
    rules: tuple[str, ...] = ()
    """Sentences on the rules by which its blocks were judged, and on blocks whose verdicts have changed since."""
    stopped: int = 0
    """Number of attempts at blocks that were stopped because of heat. They are invalid, and no statistic has them."""
    live: tuple[LiveAccuracy, ...] = ()
    """Its live runs, in which a model watched frames in a page (`mobilebench accuracy --live`)."""

    @property
    def virtual(self) -> tuple[TargetSummary, ...]:
        return tuple(target for target in self.targets if target.info.virtual)


def summarise(run: Run, live: Sequence[LiveAccuracy] = ()) -> RunSummary:
    """Sum up a run, finished or not, with its live runs (`analysis.live_accuracy`), which are among its events.

    A target without a planned block is listed without cases.
    """
    latest = _latest(run.blocks)
    planned: dict[Case, list[PlannedBlock]] = {}
    for plan in run.planned:
        planned.setdefault(plan.case, []).append(plan)
    within = run.info.goal.within if run.info.goal else None
    cases = [_case(case, planned[case], latest, within) for case in sorted(planned, key=_reading_order)]
    targets = tuple(_target(info, [c for c in cases if c.case.target == info.id], latest) for info in run.info.targets)
    return RunSummary(
        info=run.info,
        targets=targets,
        counts=counts_of(cases),
        watched=_watched_counts(cases),
        planned_blocks=len(run.planned),
        run_blocks=len(latest),
        time=_time_split(run, latest.values()),
        rules=tuple(describe_rules(run)),
        stopped=sum(len(block.stopped) for block in latest.values()),
        live=tuple(live),
    )


def _reading_order(case: Case) -> tuple[object, ...]:
    first = (case.model, case.precision, case.batch, is_web(case))
    rest = (getattr(case, name) for name in AXES if name not in ("target", "model", "precision", "batch"))
    return (*first, *("" if value is None else value for value in rest))


def _latest(blocks: Sequence[Block]) -> dict[int, Block]:
    """One block per planned index: a repeated block replaces the earlier attempt."""
    ordered = sorted(blocks, key=lambda block: block.started_at)
    return {block.planned.index: block for block in ordered}


def _case(case: Case, plans: Sequence[PlannedBlock], latest: dict[int, Block], within: float | None) -> CaseSummary:
    passes = registry.ordered({"timing", *(plan.pass_ for plan in plans)})
    by_pass = {name: _pass([plan for plan in plans if plan.pass_ == name], latest, within) for name in passes}
    timing, watched = by_pass.pop("timing"), {name: found for name, found in by_pass.items() if found.planned}
    answers = [block.block.measurement for block in timing.counted if block.block.measurement]
    shown = [timing] if timing.planned else list(watched.values())
    return CaseSummary(
        case=case,
        status=_worst_of([one.status for one in shown]),
        reasons=tuple(dict.fromkeys(reason for one in shown for reason in one.reasons)),
        planned=timing.planned,
        blocks=timing.blocks,
        counted=timing.counted,
        stages=_stages(timing.counted),
        setup_parts=_setup_parts(answers),
        costs=costs(answers),
        downloads=downloads(answers),
        compilation=compilation(answers),
        readback=readback(answers),
        watched=watched,
        codes={sentence: code for one in shown for sentence, code in one.codes.items()},
    )


def _pass(plans: Sequence[PlannedBlock], latest: dict[int, Block], within: float | None) -> PassSummary:
    run = [latest[plan.index] for plan in plans if plan.index in latest]
    blocks = tuple(sorted((_block(block) for block in run), key=lambda block: block.round))
    counted = [block for block in blocks if block.counted]
    codes = {sentence: code for block in blocks for sentence, code in block.codes.items()}
    conflicts = disagreements([block.block.measurement for block in counted if block.block.measurement])
    status = _worst_of([block.status for block in blocks])
    reasons = list(dict.fromkeys(reason for block in blocks for reason in block.reasons))
    if conflicts:
        counted = []
        status = _worst_of([status, "invalid"])
        reasons += [f"Its blocks did not run the same thing: {conflict}." for conflict in conflicts]
    elif found := _over_blocks(counted, within):
        status = _worst_of([status, status_of([reason.code for reason in found])])
        reasons += [reason.sentence for reason in found]
        codes |= {reason.sentence: reason.code for reason in found}
    if 0 < len(blocks) < len(plans):
        reasons.append(f"Only {len(blocks)} of {len(plans)} planned blocks were run.")
    return PassSummary(status, tuple(reasons), len(plans), blocks, tuple(counted), codes)


def disagreements(measurements: Sequence[Measurement]) -> list[str]:
    """The differences between blocks that should be alike, such as `simd: False, True`; empty if there are none."""
    found = []
    for name, read in _EQUAL_IN_ALL_BLOCKS.items():
        values = list(dict.fromkeys(str(v) for v in map(read, measurements) if v is not None))
        if len(values) > 1:
            found.append(f"{name}: {', '.join(values)}")
    hashes: dict[str, set[str]] = {}
    for file in (file for measurement in measurements for file in measurement.proof.files if file.sha256):
        hashes.setdefault(file.name, set()).add(str(file.sha256))
    return found + [f"file {name}: {len(seen)} different contents" for name, seen in hashes.items() if len(seen) > 1]


def _over_blocks(counted: Sequence[BlockSummary], within: float | None) -> list[Reason]:
    """Reasons about the counted timing blocks together; `within` is the asked half-width of the interval, as a share.
    Blocks of other passes are not compared, since recording adds varying time.
    """
    timed = [block.block for block in counted if block.block.planned.pass_ == "timing"]
    answers = [(block.series, block.measurement) for block in timed if block.measurement]
    clocks = [clock for series, measurement in answers if (clock := block_clock(series, measurement)) is not None]
    return judge_case([measurement for _, measurement in answers], within, clocks)


def _block(block: Block) -> BlockSummary:
    if block.outcome != "measured":
        reasons = (with_fault(block.fault, block.reason),) if block.reason else ()
        return BlockSummary(block.planned.round, block.outcome, reasons, block)
    if block.verdict is None or block.measurement is None:
        return BlockSummary(block.planned.round, "invalid", ("This block was not judged.",), block)
    return BlockSummary(block.planned.round, block.verdict.status, tuple(block.verdict.sentences), block)


def _worst_of(statuses: Sequence[Status]) -> Status:
    return min(statuses, key=_WORST_FIRST.index) if statuses else "not measured"


def _stages(counted: Sequence[BlockSummary]) -> dict[Stage, StageStatistics]:
    found = {stage: over_blocks([block.samples(stage) for block in counted]) for stage in STAGES}
    return {stage: statistics for stage, statistics in found.items() if statistics}


def _setup_parts(answers: Sequence[Measurement]) -> dict[SetupPart, StageStatistics]:
    found = {part: over_blocks([[a.setup_ms[part]] for a in answers if part in a.setup_ms]) for part in SETUP_PARTS}
    return {part: statistics for part, statistics in found.items() if statistics}


def _target(info: TargetInfo, cases: Sequence[CaseSummary], latest: dict[int, Block]) -> TargetSummary:
    own = [block for block in latest.values() if block.planned.case.target == info.id]
    return TargetSummary(info, filed_under(info), tuple(cases), counts_of(cases), _spent(own))


def counts_of(cases: Iterable[CaseSummary]) -> dict[Status, int]:
    """How many of these cases have each status."""
    return _counts(case.status for case in cases)


def _counts(statuses: Iterable[Status]) -> dict[Status, int]:
    counts = Counter(statuses)
    return {status: counts[status] for status in STATUSES}


def _watched_counts(cases: Sequence[CaseSummary]) -> dict[Pass, dict[Status, int]]:
    names = registry.ordered({name for case in cases for name in case.watched})
    return {name: _counts([case.watched[name].status for case in cases if name in case.watched]) for name in names}


def _spent(blocks: Iterable[Block]) -> dict[SpentOn, float]:
    spent: dict[SpentOn, float] = dict.fromkeys(get_args(SpentOn), 0.0)
    for block in blocks:
        for what, milliseconds in block.spent_ms.items():
            spent[what] += milliseconds
    return spent


def _time_split(run: Run, blocks: Iterable[Block]) -> TimeSplit:
    ran = list(blocks)
    machine = {info.id: info.machine for info in run.info.targets}
    machines = {machine.get(block.planned.case.target, block.planned.case.target) for block in ran}
    return TimeSplit(spent=_spent(ran), wall=_wall(ran), machines=len(machines))


def _wall(blocks: Sequence[Block]) -> float:
    if not blocks:
        return 0.0
    start: datetime = min(block.started_at for block in blocks)
    end: datetime = max(block.ended_at for block in blocks)
    return (end - start).total_seconds() * 1000
