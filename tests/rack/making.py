"""Phones and jobs for tests of racks."""

from __future__ import annotations

from typing import Any

from mobilebench.core.records import PlannedBlock, TargetInfo
from mobilebench.session.job import JobSpec

from ..results.making import planned


def phone(serial: str = "R58M", **more: Any) -> TargetInfo:
    return TargetInfo(
        **{
            "id": serial,
            "kind": "android",
            "machine": serial,
            "name": "Phone",
            "soc": "SoC",
            "os": "Android 14",
            "abi": "arm64-v8a",
            "runner": "android-arm64-v8a",
            "cores": 8,
            **more,
        }
    )


def job(target: TargetInfo | None = None, blocks: int = 2, run_id: str = "run-1") -> JobSpec:
    planned_blocks: tuple[PlannedBlock, ...] = tuple(planned(index) for index in range(blocks))
    return JobSpec(
        run_id=run_id, target=target or phone(), blocks=planned_blocks, recorders=(), wait_seconds=1.0, cancel_token="t"
    )
