"""Renames the number format of a model from `variant` to `precision`."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cases RENAME COLUMN variant TO precision")
