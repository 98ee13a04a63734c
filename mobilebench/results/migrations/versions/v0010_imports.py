"""Adds where imported runs came from. All runs of older stores were measured into them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mobilebench.results.column_types import Whole

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imports",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("position", Whole, primary_key=True),
        sa.Column("source", sa.Text),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("file_sha256", sa.String, nullable=False),
        sa.Column("content_sha256", sa.String, nullable=False),
        sa.Column("imported_at", sa.String, nullable=False),
        sa.Column("written_by", sa.String),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )
