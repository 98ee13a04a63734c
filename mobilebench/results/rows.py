"""Converts records to rows and back without loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from mobilebench.core.axes import AXES
from mobilebench.core.records import (
    Block,
    BlockRule,
    Case,
    Measurement,
    ModelFacts,
    PlannedBlock,
    Proof,
    RunInfo,
    Series,
    TargetInfo,
    Verdict,
)

_RULE = tuple(BlockRule.model_fields)
_IN_OWN_TABLES = {"proof", "setup_ms", "warmup_ms", "prediction_ms"}

AnyRow = Row[Any]


def of_run(info: RunInfo) -> dict[str, Any]:
    return info.model_dump(exclude={"targets"})


def of_target(run_id: str, position: int, info: TargetInfo) -> dict[str, Any]:
    shown = info.model_dump(include={"id", "kind", "virtual", "soc"})
    return {"run_id": run_id, "position": position, **shown, "info": info.model_dump()}


def of_case(run_id: str, case: Case) -> dict[str, Any]:
    return {"run_id": run_id, "key": case.key, **{axis.column: getattr(case, name) for name, axis in AXES.items()}}


def of_model(run_id: str, facts: ModelFacts) -> dict[str, Any]:
    return {"run_id": run_id, **facts.model_dump()}


def of_planned(run_id: str, case_id: int, block: PlannedBlock) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "index": block.index,
        "round": block.round,
        "case_id": case_id,
        **block.rule.model_dump(),
        "pass": block.pass_,
        "conditions": block.conditions.model_dump(),
    }


def of_block(run_id: str, block: Block) -> dict[str, Any]:
    verdict, measurement = block.recorded_verdict, block.measurement
    return {
        "run_id": run_id,
        "index": block.planned.index,
        "outcome": block.outcome,
        "reason": block.reason,
        "fault": block.fault,
        "verdict": verdict.status if verdict else None,
        "verdict_reasons": [reason.model_dump() for reason in verdict.reasons] if verdict else None,
        "verdict_rules": verdict.rules if verdict else None,
        "engine_version": measurement.version if measurement else None,
        "started_at": block.started_at,
        "ended_at": block.ended_at,
        "spent_ms": block.spent_ms,
        "proof": measurement.proof.model_dump() if measurement else None,
        "measurement": measurement.model_dump(by_alias=True, exclude=_IN_OWN_TABLES) if measurement else None,
    }


def of_replaced(run_id: str, block: Block, at: datetime) -> dict[str, Any]:
    """The event that keeps the outcome of a block that is replaced by another one."""
    shown = block.model_dump(mode="json", include={"outcome", "reason", "fault", "started_at", "ended_at"})
    data = {"index": block.planned.index, "case": block.planned.case.key, **shown}
    return {"run_id": run_id, "at": at, "kind": "BlockReplaced", "target": block.planned.case.target, "data": data}


def of_samples(run_id: str, block: Block) -> Iterator[dict[str, Any]]:
    """One row for each value: the parts of setup in the reported order, then warmup and predictions."""
    if block.measurement is None:
        return
    key = {"run_id": run_id, "index": block.planned.index}
    for position, (part, value) in enumerate(block.measurement.setup_ms.items()):
        yield {**key, "stage": "setup", "position": position, "part": part, "value_ms": value}
    for stage, values in (("warmup", block.measurement.warmup_ms), ("prediction", block.measurement.prediction_ms)):
        for position, value in enumerate(values):
            yield {**key, "stage": stage, "position": position, "part": None, "value_ms": value}


def of_series(run_id: str, block: Block) -> Iterator[dict[str, Any]]:
    for position, one in enumerate(block.series):
        yield {"run_id": run_id, "index": block.planned.index, "position": position, **one.model_dump()}


def to_run_info(row: AnyRow, targets: Sequence[TargetInfo]) -> RunInfo:
    return RunInfo(**row._mapping, targets=list(targets))


def to_model(row: AnyRow) -> ModelFacts:
    return ModelFacts.model_validate({name: row._mapping[name] for name in ModelFacts.model_fields})


def to_planned(row: AnyRow, case: AnyRow) -> PlannedBlock:
    fields = row._mapping
    return PlannedBlock.model_validate(
        {
            "index": fields["index"],
            "round": fields["round"],
            "case": {name: case._mapping[axis.column] for name, axis in AXES.items()},
            "rule": {name: fields[name] for name in _RULE},
            "pass": fields["pass"],
            "conditions": fields["conditions"],
        }
    )


def to_block(row: AnyRow, samples: Sequence[AnyRow], series: Sequence[AnyRow], planned: PlannedBlock) -> Block:
    recorded = (
        Verdict(status=row.verdict, reasons=row.verdict_reasons, rules=row.verdict_rules) if row.verdict else None
    )
    return Block(
        planned=planned,
        outcome=row.outcome,
        reason=row.reason,
        fault=row.fault,
        measurement=_measurement(row.measurement, row.proof, samples) if row.measurement else None,
        recorded_verdict=recorded,
        started_at=row.started_at,
        ended_at=row.ended_at,
        spent_ms=row.spent_ms,
        series=[_series(one) for one in series],
    )


def _measurement(rest: Mapping[str, Any], proof: Mapping[str, Any], samples: Sequence[AnyRow]) -> Measurement:
    values: dict[str, list[float]] = {"warmup": [], "prediction": []}
    setup: dict[str, float] = {}
    for sample in samples:
        if sample.stage == "setup":
            setup[sample.part] = sample.value_ms
        else:
            values[sample.stage].append(sample.value_ms)
    stages = {"setup_ms": setup, "warmup_ms": values["warmup"], "prediction_ms": values["prediction"]}
    return Measurement.model_validate({**rest, **stages, "proof": Proof.model_validate(proof)})


def _series(row: AnyRow) -> Series:
    return Series.model_validate({name: row._mapping[name] for name in Series.model_fields})
