"""Renames probes, which read series, to recorders, and adds the interval at which they may read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE series RENAME COLUMN probe TO recorder")
    op.add_column("series", sa.Column("interval_ms", sa.Float))
