"""Adds an index for the planned blocks of a case, without which deleting runs searches all planned blocks."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("planned_of_a_case", "planned", ["case_id"])
