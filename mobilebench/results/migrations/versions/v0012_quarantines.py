"""Adds phones that are left out of runs for a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from mobilebench.results.column_types import Whole

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "quarantines",
        sa.Column("id", Whole, primary_key=True),
        sa.Column("serial", sa.String, nullable=False),
        sa.Column("number", sa.String),
        sa.Column("model", sa.String),
        sa.Column("added_at", sa.String, nullable=False),
        sa.Column("until", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("lifted_at", sa.String),
    )
