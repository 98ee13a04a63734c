"""EXAMPLE DATA: runs whose cases also have blocks of memory and energy, with values that a test chooses."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timedelta

from mobilebench.core.records import Block, Case, Pass, PlannedBlock, Run
from tests.analysis import example, watching
from tests.recorders.energy.traces import Window, meter

IDLE_MW = 800.0


def with_resources(
    run: Run, *, memory: Mapping[Case, int | None] | None = None, energy: Mapping[Case, Sequence[float]] | None = None
) -> Run:
    """The run with a block of memory (peak RSS in KiB; None: it failed) and windows of energy (net mW under load)."""
    planned, blocks = list(run.planned), list(run.blocks)
    version = next(block.measurement.version for block in blocks if block.measurement)

    def plan(case: Case, pass_: Pass, round_: int) -> PlannedBlock:
        planned.append(PlannedBlock(index=len(planned), round=round_, case=case, rule=example.RULE, pass_=pass_))
        return planned[-1]

    for case, kib in (memory or {}).items():
        blocks.append(_memory(plan(case, "memory", 0), kib, run, version))
    for case, loads in (energy or {}).items():
        for number, load in enumerate(loads):
            window = Window(load_mw=IDLE_MW + load)
            one = plan(case, "energy", number)
            answer = watching.memory_answer(case, random.Random(3)).model_copy(
                update={"pass_": "energy", "memory": None}
            )
            timed = window.measurement()
            answer = answer.model_copy(
                update={name: getattr(timed, name) for name in ("setup_ms", "warmup_ms", "prediction_ms")}
                | {"version": version}
            )
            started = run.info.created_at + timedelta(minutes=10 + number)
            blocks.append(example.measured(one, answer, started=started, series=meter(window, 0.5, noise=0.0)))
    return run.model_copy(update={"planned": planned, "blocks": blocks})


def _memory(plan: PlannedBlock, kib: int | None, run: Run, version: str | None) -> Block:
    started = run.info.created_at + timedelta(minutes=5)
    if kib is None:
        return example.unmeasured(plan, "failed", "It fell over.", started=started)
    answer = watching.memory_answer(plan.case, random.Random(3))
    assert answer.memory
    use = answer.memory.model_copy(update={"peak_rss_kb": kib})
    return example.measured(plan, answer.model_copy(update={"memory": use, "version": version}), started=started)
