"""Blocks of native engines on this computer, as benchmarks need them: measured as every block is."""

from __future__ import annotations

import statistics
import sys
from threading import Event
from typing import Any

from mobilebench.core.records import BlockRule, Case, Measurement, Pass, PlannedBlock
from mobilebench.engines.registry import engines
from mobilebench.models import obtain
from mobilebench.models.manifest import ModelFiles
from mobilebench.targets import host
from mobilebench.targets.base import Target

MODELS = ("mobilenet_v2", "resnet50", "bert_small")
PREDICTIONS = {"mobilenet_v2": 400, "resnet50": 50, "bert_small": 800}
"""As many as take about two seconds."""


def built(model: str) -> ModelFiles:
    """The model, which has to be built already."""
    files = obtain.find(model)
    if files is None:
        sys.exit(f"{model} is not built: run `mobilebench models build {model}`.")
    return files


def measured(
    files: ModelFiles,
    engine: str,
    predictions: int,
    *,
    threads: int = 1,
    pass_: Pass = "timing",
    affinity: str = "none",
    target: Target | None = None,
) -> Measurement:
    """One block of the engine's first backend as it is by default, with exactly this many predictions.

    `target` is an open target; None: this computer.
    """
    where = target or host.HostTarget(host.describe())
    chosen = engines()[engine]
    backend = chosen.backends[0]
    default: dict[str, Any] = {name: values[0] for name, values in backend.axes.items()}
    case = Case(
        target=where.info.id,
        engine=engine,
        backend=backend.name,
        threads=threads,
        model=files.manifest.model,
        affinity=affinity,
        **default,
    )
    rule = BlockRule(min_predictions=predictions, max_predictions=predictions, max_seconds=600)
    block = PlannedBlock(index=0, round=0, case=case, rule=rule, pass_=pass_)
    return chosen.measure(chosen.prepare(where, block, files), cancel=Event()).measurement


def p50(measurement: Measurement) -> float:
    """The median prediction in ms."""
    return statistics.median(measurement.prediction_ms)
