"""The sentences that HTML and Markdown share."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from mobilebench.analysis.gaps import Gap, GapGroup, Ratio
from mobilebench.analysis.labels import case_label, duration, factor
from mobilebench.analysis.statistics import LEAST_BLOCKS, StageStatistics
from mobilebench.analysis.summary import CaseSummary, RunSummary, Status, TargetSummary

STATUS_MEANING: dict[Status, str] = {
    "valid": "ran as asked, its answer is right, nothing disturbed it",
    "suspect": "ran as asked, but something may have disturbed it; counted, and marked",
    "invalid": "did not run as asked, or its answer is wrong; shown, never counted",
    "failed": "no usable answer came",
    "unsupported": "this target or engine cannot run it, for the stated reason",
    "not measured": "planned, but the run ended before it",
}


@dataclass(frozen=True)
class Glance:
    """The shortest answer for one model on one target."""

    group: GapGroup
    native: CaseSummary | None
    web: CaseSummary | None
    gap: Gap | None
    """`web` against `native`."""


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def headline(summary: RunSummary) -> str:
    """Such as `3 targets, 2 models: 22 of 27 cases are valid`."""
    total = sum(summary.counts.values())
    models = {case.case.model for target in summary.targets for case in target.cases}
    verb = "is" if summary.counts["valid"] == 1 else "are"
    return (
        f"{plural(len(summary.targets), 'target')}, {plural(len(models), 'model')}: "
        f"{summary.counts['valid']} of {plural(total, 'case')} {verb} valid"
    )


def counts_sentence(counts: dict[Status, int]) -> str:
    """Such as `22 valid, 2 suspect`."""
    return ", ".join(f"{count} {status}" for status, count in counts.items() if count) or "no case"


def unfinished_notice(summary: RunSummary) -> str | None:
    """What to say on top of a run that has not measured everything."""
    if summary.info.status == "finished":
        return None
    state = "was interrupted" if summary.info.status == "interrupted" else "has not finished"
    return (
        f"This run {state}: {summary.run_blocks} of {summary.planned_blocks} planned blocks are stored. "
        f"`mobilebench run --resume {summary.info.id}` measures the rest."
    )


def virtual_notice(target: TargetSummary) -> str:
    """Whose numbers a virtual target's are."""
    imitated = f", not about the {target.info.profile_soc} that it imitates" if target.info.profile_soc else ""
    return (
        f"{target.info.name} ({target.info.id}) is a virtual phone, a stand-in on the computer that ran this. "
        f"Its numbers are that computer's, filed under {target.soc}. They tell about that CPU{imitated}."
    )


def repeat_command(summary: RunSummary) -> str:
    """The command that measures the same plan again, quoted for a shell."""
    info = summary.info
    arguments = list(info.command)
    if not arguments:
        arguments = ["mobilebench", "run", "--serial", ",".join(t.id for t in info.targets), "--suite", info.suite]
    elif PurePath(arguments[0]).name == "mobilebench":
        arguments[0] = "mobilebench"
    else:
        arguments.insert(0, "mobilebench")
    if not any(argument.split("=")[0] == "--seed" for argument in arguments):
        arguments += ["--seed", str(info.seed)]
    return shlex.join(arguments)


def spread(statistics: StageStatistics) -> str:
    """Range of the block medians, such as `5.98–6.22`, or `1 block` where there is no range."""
    if len(statistics.blocks) == 1:
        return "1 block"
    return range_text(statistics.spread.low, statistics.spread.high)


def interval(statistics: StageStatistics) -> str:
    """The 95 % interval, such as `4.9–7.3`, or why there is none."""
    if statistics.interval is None:
        return f"none ({plural(len(statistics.blocks), 'block')}; an interval needs {LEAST_BLOCKS})"
    return range_text(statistics.interval.low, statistics.interval.high)


def range_text(low: float, high: float) -> str:
    """Two durations, or one where they read the same."""
    left, right = duration(low), duration(high)
    return left if left == right else f"{left}–{right}"


def ratio_range(of: Ratio) -> str:
    """Lowest and highest round, such as `3.12–3.31`; empty when there was only one."""
    low, high = factor(of.low), factor(of.high)
    return "" if of.rounds == 1 else low if low == high else f"{low}–{high}"


def rounds(gap: Gap) -> str:
    """How many rounds a gap rests on, such as `2 rounds`."""
    return plural(max((ratio.rounds for ratio in gap.ratios.values()), default=0), "round")


def side(case: CaseSummary) -> str:
    """Engine, backend, setting and threads of one side of a comparison."""
    return case_label(case.case, browser=False)


def glances(groups: Sequence[GapGroup]) -> list[Glance]:
    """Fastest native and fastest web case of every model and target where any was timed, and the gap between them."""
    found = [_glance(group) for group in groups]
    return [glance for glance in found if glance.native or glance.web]


def _glance(group: GapGroup) -> Glance:
    cases = group.target.by_model()[group.model, group.precision, group.batch]
    native = next((case for case in cases if case.case == group.fastest_native), None)
    web = min(
        (case for case in cases if case.web and "prediction" in case.stages),
        key=lambda case: case.stages["prediction"].median,
        default=None,
    )
    gap = next((gap for gap in group.main if web and gap.web == web.case and "prediction" in gap.ratios), None)
    return Glance(group, native, web, gap)
