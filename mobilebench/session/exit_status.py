"""How a run ended: its blocks counted by outcome and verdict, and the exit code that follows from the counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from mobilebench.analysis.summary import BlockSummary, RunSummary, Status
from mobilebench.core.errors import ExitCode

KINDS = ("valid", "suspect", "invalid", "unsupported", "failed", "not measured")


def counts(summary: RunSummary) -> dict[str, int]:
    """How many planned blocks are valid, suspect, invalid, unsupported, failed, or not measured.

    If the blocks of a case do not agree with each other, they count as the status that their case gets from that.
    """
    found: Counter[str] = Counter()
    for case in (case for target in summary.targets for case in target.cases):
        timed = [(case.status, case.blocks)] if case.timed else []
        for status, blocks in [*timed, *((one.status, one.blocks) for one in case.watched.values())]:
            found.update(_each(status, blocks))
    found["not measured"] = summary.planned_blocks - summary.run_blocks
    return {kind: found[kind] for kind in KINDS}


def _each(status: Status, blocks: Sequence[BlockSummary]) -> list[Status]:
    """The status of each block, in a case or pass of this status, which may be worse than all of its blocks."""
    own = [block.status for block in blocks]
    if not own or status in own:
        return own
    return [status if block.counted else block.status for block in blocks]


def exit_code(counted: dict[str, int], *, interrupted: bool = False) -> ExitCode:
    """The exit code of a run. An interruption takes precedence, then failures, then suspect blocks."""
    if interrupted:
        return ExitCode.INTERRUPTED
    if counted["invalid"] or counted["failed"] or counted["not measured"]:
        return ExitCode.CASES_FAILED
    if counted["suspect"]:
        return ExitCode.SUSPECT
    return ExitCode.OK if counted["valid"] else ExitCode.NOTHING_TO_MEASURE
