"""Adds what was recorded while the page of a scenario was used. Older blocks had no scenario."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("blocks", sa.Column("scenario", sa.JSON))
