"""Creates runs, targets, cases, planned blocks, blocks, samples, series, events.

The tables are written out instead of taken from `results.tables`, because the form of an old store never changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mobilebench.results.column_types import Whole

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("finished_at", sa.String),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("mobilebench_version", sa.String, nullable=False),
        sa.Column("suite", sa.String, nullable=False),
        sa.Column("suite_definition", sa.JSON, nullable=False),
        sa.Column("seed", Whole, nullable=False),
        sa.Column("command", sa.JSON, nullable=False),
        sa.Column("weights", sa.JSON, nullable=False),
    )
    op.create_table(
        "targets",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("position", Whole, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("virtual", sa.Boolean, nullable=False),
        sa.Column("soc", sa.String, nullable=False),
        sa.Column("info", sa.JSON, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )
    op.create_table(
        "cases",
        sa.Column("id", Whole, primary_key=True),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("engine", sa.String, nullable=False),
        sa.Column("backend", sa.String, nullable=False),
        sa.Column("setting", sa.String, nullable=False),
        sa.Column("threads", Whole, nullable=False),
        sa.Column("browser", sa.String),
        sa.Column("model", sa.String, nullable=False),
        sa.Column("variant", sa.String, nullable=False),
        sa.Column("batch", Whole, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("run_id", "key", name="one_case_a_key"),
    )
    op.create_table(
        "planned",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("index", Whole, primary_key=True),
        sa.Column("round", Whole, nullable=False),
        sa.Column("case_id", Whole, nullable=False),
        sa.Column("min_predictions", Whole, nullable=False),
        sa.Column("max_predictions", Whole, nullable=False),
        sa.Column("max_seconds", sa.Float, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
    )
    op.create_table(
        "blocks",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("index", Whole, primary_key=True),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("verdict", sa.String),
        sa.Column("verdict_reasons", sa.JSON),
        sa.Column("engine_version", sa.String),
        sa.Column("started_at", sa.String, nullable=False),
        sa.Column("ended_at", sa.String, nullable=False),
        sa.Column("spent_ms", sa.JSON, nullable=False),
        sa.Column("proof", sa.JSON),
        sa.Column("measurement", sa.JSON),
        sa.ForeignKeyConstraint(["run_id", "index"], ["planned.run_id", "planned.index"], ondelete="CASCADE"),
    )
    op.create_table(
        "samples",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("index", Whole, primary_key=True),
        sa.Column("stage", sa.String, primary_key=True),
        sa.Column("position", Whole, primary_key=True),
        sa.Column("part", sa.String),
        sa.Column("value_ms", sa.Float, nullable=False),
        sa.ForeignKeyConstraint(["run_id", "index"], ["blocks.run_id", "blocks.index"], ondelete="CASCADE"),
    )
    op.create_table(
        "series",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("index", Whole, primary_key=True),
        sa.Column("position", Whole, primary_key=True),
        sa.Column("probe", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("unit", sa.String, nullable=False),
        sa.Column("times_ms", sa.JSON, nullable=False),
        sa.Column("values", sa.JSON, nullable=False),
        sa.ForeignKeyConstraint(["run_id", "index"], ["blocks.run_id", "blocks.index"], ondelete="CASCADE"),
    )
    op.create_table(
        "events",
        sa.Column("id", Whole, primary_key=True),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("target", sa.String),
        sa.Column("data", sa.JSON, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )
    op.create_index("events_of_a_run", "events", ["run_id"])
