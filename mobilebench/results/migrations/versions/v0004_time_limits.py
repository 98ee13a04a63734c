"""Adds the time after which a block is given up. Older blocks had no such limit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("planned", sa.Column("time_limit_seconds", sa.Float))
