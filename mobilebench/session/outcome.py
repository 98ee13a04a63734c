"""What came of a run: blocks counted by outcome and verdict, and the exit code that follows."""

from __future__ import annotations

from collections import Counter

from mobilebench.errors import ExitCode
from mobilebench.results.records import Run

KINDS = ("valid", "suspect", "invalid", "unsupported", "failed", "not measured")


def counts(run: Run) -> dict[str, int]:
    """How many planned blocks are valid, suspect, invalid, unsupported, failed, or not measured."""
    found: Counter[str] = Counter(block.verdict.status if block.verdict else block.outcome for block in run.blocks)
    found["not measured"] = len(run.planned) - len(run.blocks)
    return {kind: found[kind] for kind in KINDS}


def exit_code(counted: dict[str, int], *, interrupted: bool = False) -> ExitCode:
    """What the shell is told: interruption first, then what needs a look most."""
    if interrupted and counted["not measured"]:
        return ExitCode.INTERRUPTED
    if counted["invalid"] or counted["failed"] or counted["not measured"]:
        return ExitCode.CASES_FAILED
    if counted["suspect"]:
        return ExitCode.SUSPECT
    return ExitCode.OK if counted["valid"] else ExitCode.NOTHING_TO_MEASURE
