from __future__ import annotations

from datetime import timedelta

import pytest

from benchmarks.split import describe, splits
from mobilebench.core.records import Block, Run
from tests.pinning import Pinned

from ..results.making import START, failed, host, measured, phone, planned, run_info


def at(block: Block, begun: float, ended: float, **spent: float) -> Block:
    instants = {"started_at": START + timedelta(seconds=begun), "ended_at": START + timedelta(seconds=ended)}
    return block.model_copy(update={**instants, "spent_ms": spent})


def test_time_is_split_by_machine(pinned: Pinned) -> None:
    here, other = host(machine="x"), phone("A")
    plan = [planned(0), planned(1), planned(2, target="A"), planned(3, batch=2)]
    blocks = [
        at(measured(plan[0]), 0, 4, push=500, launch=500, gate=0, measure=2500, store=10),
        at(measured(plan[1]), 4, 8, push=0, launch=500, gate=0, measure=3500, store=10),
        at(measured(plan[2]), 1, 2, push=0, launch=0, gate=0, measure=1000),
        at(failed(plan[3]), 8, 10),
    ]
    found = splits(Run(info=run_info("r", here, other), planned=plan, blocks=blocks))

    assert found["x"].measured_share == pytest.approx(0.6)
    assert found["x"].rest == pytest.approx(2500)
    assert found["x"].spent == {"push": 500, "launch": 1000, "gate": 0, "measure": 6000, "store": 20}
    assert found["A"].measured_share == pytest.approx(1.0)
    pinned(describe("x", found["x"]))
