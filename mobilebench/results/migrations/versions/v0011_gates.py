"""Adds the gate before each block, and the attempts that were stopped because of heat. Older blocks had neither."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("blocks", sa.Column("gate", sa.JSON))
    op.add_column("blocks", sa.Column("stopped", sa.JSON))
