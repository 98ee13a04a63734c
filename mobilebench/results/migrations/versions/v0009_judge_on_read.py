"""Adds the facts about each model of a run, and the version of the rules behind a block's verdict.

Older runs have neither, so only the verdict on their answers from the time of measuring is known.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mobilebench.results.column_types import Whole

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("blocks", sa.Column("verdict_rules", Whole))
    op.create_table(
        "models",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("model", sa.String, primary_key=True),
        sa.Column("precision", sa.String, primary_key=True),
        sa.Column("batch", Whole, primary_key=True),
        sa.Column("reference", sa.JSON, nullable=False),
        sa.Column("tolerance", sa.Float, nullable=False),
        sa.Column("half_precision_tolerance", sa.Float, nullable=False),
        sa.Column("stateful", sa.Boolean, nullable=False),
        sa.Column("random", sa.Boolean, nullable=False),
        sa.Column("sizes_vary", sa.Boolean, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )
