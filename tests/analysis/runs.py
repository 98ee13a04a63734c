"""EXAMPLE DATA: several runs of the same cases, with block medians that a test chooses."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from mobilebench.core.records import Case, Measurement, ModelFacts, PlannedBlock, Run, TargetInfo
from mobilebench.results.store import Store
from tests.analysis import example
from tests.ways import chosen

TFLITE = example.case("host", "tflite", "xnnpack")
ORT = example.case("host", "onnxruntime", "")
SIMD = example.case("host", "tfjs", "simd", threads=1)
STEADY = (10.0, 10.01, 9.99, 10.02, 9.98)


def answer(of: Case, prediction: float, **proof: Any) -> Measurement:
    """An answer whose stages follow from one prediction: warmup is twice, setup three times as long."""
    shape = example.SHAPES[of.engine.partition("@")[0], chosen(of)]
    made = example.measurement(of, shape, random.Random(3))
    times = {
        "prediction_ms": [prediction] * example.RULE.min_predictions,
        "warmup_ms": [prediction * 2],
        "setup_ms": {"model_init": prediction * 3},
        "proof": made.proof.model_copy(update=proof),
    }
    return made.model_copy(update=times)


def run_of(
    number: int,
    times: Mapping[Case, Sequence[float]],
    *,
    target: TargetInfo | None = None,
    version: str | None = None,
    proof: Mapping[str, Any] | None = None,
    **info: Any,
) -> Run:
    """Run number `number`, begun so many hours after the first one, with these predictions (ms) of each block."""
    targets = [target or example.host()]
    plans, blocks = [], []
    for case, medians in times.items():
        for round_, median in enumerate(medians, 1):
            plan = PlannedBlock(index=len(plans), round=round_, case=case, rule=example.RULE)
            made = answer(case, median, **(proof or {}))
            plans.append(plan)
            if version:
                made = made.model_copy(update={"version": version})
            blocks.append(example.measured(plan, made, started=example.START + timedelta(hours=number)))
    about = example.info(targets).model_copy(
        update={"id": f"run-{number}", "created_at": example.START + timedelta(hours=number), **info}
    )
    return Run(info=about, planned=plans, blocks=blocks)


def times(factor: float = 1.0, count: int = 5) -> list[float]:
    """Block medians around `factor` × 10 ms, which differ by 0.2 %."""
    return [value * factor for value in (STEADY * 4)[:count]]


def stored(folder: Path, *runs: Mapping[Case, Sequence[float]], **options: Any) -> Path:
    """A store in this folder with these runs, `run-1` first; the folder."""
    with Store.open(folder) as store:
        for number, medians in enumerate(runs, 1):
            add(store, run_of(number, medians, **options))
    return folder


def add(store: Store, run: Run) -> None:
    """Store a whole run."""
    store.create_run(run.info, run.planned, [facts(case) for case in {plan.case for plan in run.planned}])
    for block in run.blocks:
        store.append(run.info.id, block)


def facts(case: Case) -> ModelFacts:
    """The answer that the example data has, as the model's reference."""
    return ModelFacts(
        model=case.model,
        precision=case.precision,
        batch=case.batch,
        reference=[example.output(case.model)],
        tolerance=0.01,
        half_precision_tolerance=0.02,
    )
