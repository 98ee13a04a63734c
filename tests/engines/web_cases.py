"""Blocks and targets for the tests of the web engines."""

from __future__ import annotations

from typing import Any

from mobilebench.core.records import BlockRule, Case, PlannedBlock, TargetInfo
from tests.ways import axes

SHORT = BlockRule(min_predictions=2, max_predictions=3, max_seconds=0.5)


def target_info(**changes: Any) -> TargetInfo:
    info = TargetInfo(
        id="host",
        kind="host",
        machine="test",
        name="a computer",
        soc="a CPU",
        os="Linux",
        abi="x86_64",
        runner="linux-x86_64",
        cores=2,
        gpu_software=True,
        browsers={"chrome": "156.0.8078.79"},
    )
    return info.model_copy(update=changes)


def web_case(
    engine: str, backend: str, choice: str, threads: int = 1, model: str = "bert_small", browser: str = "chrome"
) -> Case:
    return Case(
        target="host",
        engine=engine,
        backend=backend,
        threads=threads,
        browser=browser,
        model=model,
        **axes(engine, backend, choice),
    )


def planned(case: Case, rule: BlockRule = SHORT) -> PlannedBlock:
    return PlannedBlock(index=0, round=0, case=case, rule=rule)
