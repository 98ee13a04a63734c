"""Verdicts on stored runs: computed when a run is read, and compared with the recorded ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mobilebench.core.records import (
    Block,
    Case,
    ModelFacts,
    PlannedBlock,
    Run,
    TargetInfo,
    Verdict,
)
from mobilebench.verdicts.findings import Around
from mobilebench.verdicts.rules import RULES_VERSION, judge

_NAMED = 5
"""Largest number of blocks that a sentence names."""


@dataclass(frozen=True)
class Revision:
    """A stored block whose verdict now differs from the one recorded when it was measured."""

    planned: PlannedBlock
    before: Verdict
    now: Verdict

    def describe(self) -> str:
        """The block with its old and new verdict, and the codes that were added or removed."""
        old, new = _codes(self.before), _codes(self.now)
        changes = [f"+{code}" for code in new if code not in old]
        if self.before.rules is not None:
            changes += [f"-{code}" for code in old if code not in new]
        detail = f" ({', '.join(changes)})" if changes else ""
        return f"block {self.planned.index} {self.before.status} → {self.now.status}{detail}"


def judge_run(run: Run) -> Run:
    """The run with a verdict of this version's rules on every measured block."""
    targets = {info.id: info for info in run.info.targets}
    models = {facts.key: facts for facts in run.models}
    return run.model_copy(update={"blocks": [_judged(block, targets, models) for block in run.blocks]})


def judge_block(block: Block, target: TargetInfo, model: ModelFacts | None) -> Block:
    """A block with the verdict of this version's rules. A block that was not measured stays as it is."""
    if block.measurement is None or block.outcome != "measured":
        return block
    around = Around(block.series, block.gate, block.stopped, block.scenario)
    verdict = judge(block.planned, block.measurement, target, model, recorded=block.recorded_verdict, around=around)
    return block.model_copy(update={"verdict": verdict})


def record_verdict(block: Block, target: TargetInfo, model: ModelFacts | None) -> Block:
    """A block that was just measured, with its verdict, which is also set as the recorded verdict."""
    judged = judge_block(block, target, model)
    return judged.model_copy(update={"recorded_verdict": judged.verdict})


def revisions(run: Run) -> list[Revision]:
    """The blocks of a judged run whose verdict differs from the recorded one, in the order of the plan.

    Verdicts that were stored before reasons had codes are compared only by status.
    """
    return [
        Revision(block.planned, block.recorded_verdict, block.verdict)
        for block in run.blocks
        if block.verdict and block.recorded_verdict and _differ(block.recorded_verdict, block.verdict)
    ]


def describe_rules(run: Run) -> list[str]:
    """Sentences that say which rules judged a run, and which of its blocks have another verdict now."""
    said = [f"Verdicts by version {RULES_VERSION} of the rules."]
    if found := revisions(run):
        measured = sum(block.verdict is not None for block in run.blocks)
        older = {one.before.rules for one in found}
        by = " and ".join("rules without a version" if one is None else f"version {one}" for one in _sorted(older))
        named = "; ".join(one.describe() for one in found[:_NAMED])
        more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        said.append(
            f"They judge {len(found)} of {measured} measured blocks differently than {by} did when the blocks were "
            f"measured: {named}{more}."
        )
    return said


def _judged(block: Block, targets: dict[str, TargetInfo], models: dict[tuple[str, str, int], ModelFacts]) -> Block:
    case: Case = block.planned.case
    return judge_block(block, targets[case.target], models.get((case.model, case.precision, case.batch)))


def _differ(before: Verdict, now: Verdict) -> bool:
    if before.status != now.status:
        return True
    return before.rules is not None and set(_codes(before)) != set(_codes(now))


def _codes(verdict: Verdict) -> list[str]:
    return list(dict.fromkeys(reason.code for reason in verdict.reasons))


def _sorted(versions: set[int | None]) -> Sequence[int | None]:
    return sorted(versions, key=lambda version: -1 if version is None else version)
