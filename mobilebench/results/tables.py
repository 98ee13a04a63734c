"""The tables of a store, and the records as their rows, without loss.

A change of a table needs a migration (`migrations/versions`); a test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

from mobilebench.core.axes import AXES, Axis
from mobilebench.core.page_quality import ScenarioResult
from mobilebench.core.records import (
    Block,
    BlockRule,
    Case,
    Gate,
    Import,
    Measurement,
    ModelFacts,
    PlannedBlock,
    Proof,
    Quarantine,
    RunInfo,
    Series,
    Stopped,
    StoredEvent,
    TargetInfo,
    Verdict,
)
from mobilebench.results.column_types import Whole


class Instant(TypeDecorator[datetime]):
    """A moment in UTC, stored as ISO 8601 text with microseconds, which is sortable and readable."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else datetime.fromisoformat(value)


_JSON = JSON(none_as_null=True)


def axis_column(axis: Axis) -> Column[Any]:
    """The column for the values of an axis."""
    return Column(axis.column, Whole if axis.column_type is int else String, nullable=axis.nullable)


metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("id", String, primary_key=True),
    Column("created_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("status", String, nullable=False),
    Column("mobilebench_version", String, nullable=False),
    Column("suite", String, nullable=False),
    Column("suite_definition", _JSON, nullable=False),
    Column("seed", Whole, nullable=False),
    Column("command", _JSON, nullable=False),
    Column("weights", _JSON, nullable=False),
)

targets = Table(
    "targets",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("position", Whole, nullable=False),
    Column("kind", String, nullable=False),
    Column("virtual", Boolean, nullable=False),
    Column("soc", String, nullable=False),
    Column("info", _JSON, nullable=False),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("key", String, nullable=False),
    *(axis_column(axis) for axis in AXES.values()),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    UniqueConstraint("run_id", "key", name="one_case_a_key"),
)

planned = Table(
    "planned",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("index", Whole, primary_key=True),
    Column("round", Whole, nullable=False),
    Column("case_id", Whole, nullable=False),
    Column("min_predictions", Whole, nullable=False),
    Column("max_predictions", Whole, nullable=False),
    Column("max_seconds", Float, nullable=False),
    Column("time_limit_seconds", Float),
    Column("pass", String, nullable=False),
    Column("conditions", _JSON, nullable=False),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["case_id"], ["cases.id"]),
    Index("planned_of_a_case", "case_id"),
)

blocks = Table(
    "blocks",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("index", Whole, primary_key=True),
    Column("outcome", String, nullable=False),
    Column("reason", Text),
    Column("fault", String),
    Column("verdict", String),
    Column("verdict_reasons", _JSON),
    Column("verdict_rules", Whole),
    Column("engine_version", String),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("spent_ms", _JSON, nullable=False),
    Column("proof", _JSON),
    Column("measurement", _JSON),
    Column("gate", _JSON),
    Column("stopped", _JSON),
    Column("scenario", _JSON),
    ForeignKeyConstraint(["run_id", "index"], ["planned.run_id", "planned.index"], ondelete="CASCADE"),
)

models = Table(
    "models",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("precision", String, primary_key=True),
    Column("batch", Whole, primary_key=True),
    Column("reference", _JSON, nullable=False),
    Column("tolerance", Float, nullable=False),
    Column("half_precision_tolerance", Float, nullable=False),
    Column("stateful", Boolean, nullable=False),
    Column("random", Boolean, nullable=False),
    Column("sizes_vary", Boolean, nullable=False),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)

samples = Table(
    "samples",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("index", Whole, primary_key=True),
    Column("stage", String, primary_key=True),
    Column("position", Whole, primary_key=True),
    Column("part", String),
    Column("value_ms", Float, nullable=False),
    ForeignKeyConstraint(["run_id", "index"], ["blocks.run_id", "blocks.index"], ondelete="CASCADE"),
)

series = Table(
    "series",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("index", Whole, primary_key=True),
    Column("position", Whole, primary_key=True),
    Column("recorder", String, nullable=False),
    Column("name", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("interval_ms", Float),
    Column("times_ms", _JSON, nullable=False),
    Column("values", _JSON, nullable=False),
    Column("reason", Text),
    ForeignKeyConstraint(["run_id", "index"], ["blocks.run_id", "blocks.index"], ondelete="CASCADE"),
)

events = Table(
    "events",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", String, nullable=False),
    Column("target", String),
    Column("data", _JSON, nullable=False),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    Index("events_of_a_run", "run_id"),
)

imports = Table(
    "imports",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("position", Whole, primary_key=True),
    Column("source", Text),
    Column("file", Text, nullable=False),
    Column("file_sha256", String, nullable=False),
    Column("content_sha256", String, nullable=False),
    Column("imported_at", Instant, nullable=False),
    Column("written_by", String),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)

quarantines = Table(
    "quarantines",
    metadata,
    Column("id", Whole, primary_key=True),
    Column("serial", String, nullable=False),
    Column("number", String),
    Column("model", String),
    Column("added_at", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    Column("reason", Text, nullable=False),
    Column("lifted_at", Instant),
)


last_writes = Table(
    "last_writes",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("token", String, nullable=False),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)
"""By which a run's writer finds out whether its last transaction was committed, after its connection was lost."""


_RULE = tuple(BlockRule.model_fields)
_IN_OWN_TABLES = {"proof", "setup_ms", "warmup_ms", "prediction_ms"}

AnyRow = Row[Any]


@dataclass(frozen=True)
class BlockTimes:
    """The stored samples of a block, in milliseconds and in order."""

    setup_ms: dict[str, float] = field(default_factory=dict)
    of_inferences: dict[str, list[float]] = field(default_factory=lambda: {"warmup": [], "prediction": []})
    """By stage."""


def run_row(info: RunInfo) -> dict[str, Any]:
    return info.model_dump(exclude={"targets", "imports"})


def import_rows(info: RunInfo) -> Iterator[dict[str, Any]]:
    for position, one in enumerate(info.imports):
        yield {"run_id": info.id, "position": position, **one.model_dump()}


def event_row(run_id: str, event: StoredEvent) -> dict[str, Any]:
    return {"run_id": run_id, **event.model_dump()}


def target_row(run_id: str, position: int, info: TargetInfo) -> dict[str, Any]:
    shown = info.model_dump(include={"id", "kind", "virtual", "soc"})
    return {"run_id": run_id, "position": position, **shown, "info": info.model_dump()}


def case_row(run_id: str, case: Case) -> dict[str, Any]:
    return {"run_id": run_id, "key": case.key, **{axis.column: getattr(case, name) for name, axis in AXES.items()}}


def model_row(run_id: str, facts: ModelFacts) -> dict[str, Any]:
    return {"run_id": run_id, **facts.model_dump()}


def planned_row(run_id: str, case_id: int, block: PlannedBlock) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "index": block.index,
        "round": block.round,
        "case_id": case_id,
        **block.rule.model_dump(),
        "pass": block.pass_,
        "conditions": block.conditions.model_dump(),
    }


def block_row(run_id: str, block: Block) -> dict[str, Any]:
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
        "gate": block.gate.model_dump() if block.gate else None,
        "stopped": [one.model_dump(mode="json") for one in block.stopped] or None,
        "scenario": block.scenario.model_dump(mode="json") if block.scenario else None,
    }


def replaced_event(block: Block, at: datetime) -> StoredEvent:
    """The event that keeps the outcome of a block that is replaced by another one."""
    shown = block.model_dump(mode="json", include={"outcome", "reason", "fault", "started_at", "ended_at"})
    data = {"index": block.planned.index, "case": block.planned.case.key, **shown}
    return StoredEvent(at=at, kind="BlockReplaced", target=block.planned.case.target, data=data)


def sample_rows(run_id: str, block: Block) -> Iterator[dict[str, Any]]:
    """One row for each value: the parts of setup in the reported order, then warmup and predictions."""
    if block.measurement is None:
        return
    key = {"run_id": run_id, "index": block.planned.index}
    for position, (part, value) in enumerate(block.measurement.setup_ms.items()):
        yield {**key, "stage": "setup", "position": position, "part": part, "value_ms": value}
    for stage, values in (("warmup", block.measurement.warmup_ms), ("prediction", block.measurement.prediction_ms)):
        for position, value in enumerate(values):
            yield {**key, "stage": stage, "position": position, "part": None, "value_ms": value}


def series_rows(run_id: str, block: Block) -> Iterator[dict[str, Any]]:
    for position, one in enumerate(block.series):
        yield {"run_id": run_id, "index": block.planned.index, "position": position, **one.model_dump()}


def to_run_info(row: AnyRow, targets: Sequence[TargetInfo], imports: Sequence[Import]) -> RunInfo:
    return RunInfo(**row._mapping, targets=list(targets), imports=list(imports))


def to_import(row: AnyRow) -> Import:
    return Import.model_validate({name: row._mapping[name] for name in Import.model_fields})


def to_quarantine(row: AnyRow) -> Quarantine:
    return Quarantine.model_validate({name: row._mapping[name] for name in Quarantine.model_fields})


def to_event(row: AnyRow) -> StoredEvent:
    return StoredEvent.model_validate({name: row._mapping[name] for name in StoredEvent.model_fields})


def to_model(row: AnyRow) -> ModelFacts:
    return ModelFacts.model_validate({name: row._mapping[name] for name in ModelFacts.model_fields})


def to_case(row: AnyRow) -> Case:
    return Case(**{name: row._mapping[axis.column] for name, axis in AXES.items()})


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


def to_block(row: AnyRow, times: BlockTimes, series: Sequence[AnyRow], planned: PlannedBlock) -> Block:
    recorded = (
        Verdict(status=row.verdict, reasons=row.verdict_reasons, rules=row.verdict_rules) if row.verdict else None
    )
    return Block(
        planned=planned,
        outcome=row.outcome,
        reason=row.reason,
        fault=row.fault,
        measurement=_measurement(row.measurement, row.proof, times) if row.measurement else None,
        recorded_verdict=recorded,
        started_at=row.started_at,
        ended_at=row.ended_at,
        spent_ms=row.spent_ms,
        series=[_series(one) for one in series],
        gate=Gate.model_validate(row.gate) if row.gate else None,
        stopped=[Stopped.model_validate(one) for one in row.stopped or ()],
        scenario=ScenarioResult.model_validate(row.scenario) if row.scenario else None,
    )


def _measurement(rest: Mapping[str, Any], proof: Mapping[str, Any], times: BlockTimes) -> Measurement:
    of = times.of_inferences
    stages = {"setup_ms": times.setup_ms, "warmup_ms": of["warmup"], "prediction_ms": of["prediction"]}
    return Measurement.model_validate({**rest, **stages, "proof": Proof.model_validate(proof)})


def _series(row: AnyRow) -> Series:
    return Series.model_validate({name: row._mapping[name] for name in Series.model_fields})
