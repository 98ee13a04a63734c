"""What tests of engines do with a block."""

from __future__ import annotations

from pathlib import Path
from threading import Event

from mobilebench.core.records import PlannedBlock
from mobilebench.engines.base import BlockResult, Engine
from mobilebench.models.manifest import ModelFiles
from mobilebench.models.synthetic_inputs import SAMPLES
from mobilebench.targets.base import Target


def measured_by(
    engine: Engine,
    target: Target,
    block: PlannedBlock,
    files: ModelFiles,
    *,
    cancel: Event,
    samples: int = SAMPLES,
    traces: Path | None = None,
) -> BlockResult:
    """Prepare a block and measure it."""
    return engine.measure(engine.prepare(target, block, files), cancel=cancel, samples=samples, traces=traces)
