"""Runs engines of the native runner and of pages: one ordinary block per seeded input, with more output samples than
usual.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event
from typing import NamedTuple

from mobilebench.core.errors import BlockFailed, Unsupported
from mobilebench.core.records import BlockRule, OutputSummary, PlannedBlock, TargetInfo
from mobilebench.engines.registry import engines
from mobilebench.models import registry, synthetic_inputs
from mobilebench.models.manifest import ModelFiles
from mobilebench.targets import open_target
from mobilebench.targets.locks import machine_turn
from mobilebench.verdicts.rules import judge
from mobilebench.verification import cells
from mobilebench.verification.records import Cell

RULE = BlockRule(min_predictions=1, max_predictions=1, max_seconds=260.0)
"""One prediction. The seconds are only a timeout; engines give up after about ten minutes."""


class Answers(NamedTuple):
    """An engine's outputs for each seeded input."""

    version: str | None
    summaries: dict[str, Sequence[OutputSummary]]


def answers(
    cell: Cell,
    files: ModelFiles,
    here: TargetInfo,
    inputs: Sequence[str],
    samples: int,
    cancel: Event,
    begun: Callable[[str], None] = lambda _: None,
) -> Answers:
    """Measure one block for each seeded input.

    Args:
        cell: a cell with an engine of the native runner or of pages.
        files: the model in the cell's precision.
        here: this computer.
        inputs: names of seeded inputs.
        samples: the number of elements to report of each output.
        cancel: stops the measurement when it is set.
        begun: called with every seeded input before it is tried.

    Raises:
        Unsupported: the engine does not run this file; the message is the engine's.
        BlockFailed: it gave no output, took too long, or ran with another configuration than requested.
    """
    engine = engines()[cell.engine]
    case = cells.case(cell, files.manifest.batch)
    planned = PlannedBlock(index=0, round=0, case=case, rule=RULE)
    found: dict[str, Sequence[OutputSummary]] = {}
    version = None
    with open_target(here, cancel=cancel) as target:
        for name in inputs:
            begun(name)
            filled = _filled(files, name)
            with machine_turn(here.machine, cancel):
                prepared = engine.prepare(target, planned, filled)
                measured = engine.measure(prepared, cancel=cancel, samples=samples).measurement
            if measured.status != "ok":
                problem = Unsupported if measured.status == "unsupported" else BlockFailed
                raise problem(measured.reason or f"{cell.engine} gave no reason")
            without_reference = registry.facts(files.manifest).model_copy(update={"reference": []})
            verdict = judge(planned, measured, here, without_reference)
            if verdict.status == "invalid":
                raise BlockFailed("; ".join(verdict.sentences))
            found[name] = measured.output
            version = measured.version
    return Answers(version, found)


def _filled(files: ModelFiles, name: str) -> ModelFiles:
    """The same files, with inputs filled from other ranges."""
    specs = synthetic_inputs.seeded_specs(files.manifest.inputs, name)
    return ModelFiles(files.folder, files.manifest.model_copy(update={"inputs": specs}))
