"""The tables of `results.sqlite`. A change here needs a migration (`migrations/versions`); a test compares the two."""

from __future__ import annotations

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
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import TypeDecorator

from mobilebench.core.axes import AXES, Axis


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
    return Column(axis.column, Integer if axis.column_type is int else String, nullable=axis.nullable)


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
    Column("seed", Integer, nullable=False),
    Column("command", _JSON, nullable=False),
    Column("weights", _JSON, nullable=False),
)

targets = Table(
    "targets",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("kind", String, nullable=False),
    Column("virtual", Boolean, nullable=False),
    Column("soc", String, nullable=False),
    Column("info", _JSON, nullable=False),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Integer, primary_key=True),
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
    Column("index", Integer, primary_key=True),
    Column("round", Integer, nullable=False),
    Column("case_id", Integer, nullable=False),
    Column("min_predictions", Integer, nullable=False),
    Column("max_predictions", Integer, nullable=False),
    Column("max_seconds", Float, nullable=False),
    Column("time_limit_seconds", Float),
    Column("pass", String, nullable=False),
    Column("conditions", _JSON, nullable=False),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    ForeignKeyConstraint(["case_id"], ["cases.id"]),
)

blocks = Table(
    "blocks",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("outcome", String, nullable=False),
    Column("reason", Text),
    Column("fault", String),
    Column("verdict", String),
    Column("verdict_reasons", _JSON),
    Column("verdict_rules", Integer),
    Column("engine_version", String),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("spent_ms", _JSON, nullable=False),
    Column("proof", _JSON),
    Column("measurement", _JSON),
    ForeignKeyConstraint(["run_id", "index"], ["planned.run_id", "planned.index"], ondelete="CASCADE"),
)

models = Table(
    "models",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("model", String, primary_key=True),
    Column("precision", String, primary_key=True),
    Column("batch", Integer, primary_key=True),
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
    Column("index", Integer, primary_key=True),
    Column("stage", String, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("part", String),
    Column("value_ms", Float, nullable=False),
    ForeignKeyConstraint(["run_id", "index"], ["blocks.run_id", "blocks.index"], ondelete="CASCADE"),
)

series = Table(
    "series",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
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
    Column("id", Integer, primary_key=True),
    Column("run_id", String, nullable=False),
    Column("at", Instant, nullable=False),
    Column("kind", String, nullable=False),
    Column("target", String),
    Column("data", _JSON, nullable=False),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    Index("events_of_a_run", "run_id"),
)
