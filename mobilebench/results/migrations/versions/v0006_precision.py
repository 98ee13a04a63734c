"""The number format of a model is called `precision`; it was called `variant`."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE cases RENAME COLUMN variant TO precision")
