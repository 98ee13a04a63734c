"""Decides once, before anything is measured, which blocks of a plan cannot be measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mobilebench.core.records import Pass, PlannedBlock, TargetInfo
from mobilebench.engines.base import why_unsupported
from mobilebench.session.dependencies import Dependencies, model_key

CaseAndPass = tuple[str, Pass]
"""A case's key and the pass of its blocks."""

Unsupported = dict[CaseAndPass, str]
"""Cases and passes that cannot be measured, each with the reason. Nothing is known against all others."""


def decide_support(
    blocks: Iterable[PlannedBlock], targets: Mapping[str, TargetInfo], dependencies: Dependencies
) -> Unsupported:
    """Ask engines and the model registry once about each case and pass. No device is touched."""
    found: Unsupported = {}
    for key, block in {case_and_pass(block): block for block in blocks}.items():
        case = block.case
        reason = why_unsupported(dependencies.engine(case.engine), targets[case.target], block)
        if reason := reason or dependencies.why_no_model(model_key(case)):
            found[key] = reason
    return found


def case_and_pass(block: PlannedBlock) -> CaseAndPass:
    """The case and pass of a block, for which support is decided."""
    return block.case.key, block.pass_
