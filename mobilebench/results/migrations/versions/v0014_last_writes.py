"""Adds the last write of each run, and an index for the planned blocks of a case.

Only servers use the former. Without the index, deleting runs searches all planned blocks.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "last_writes",
        sa.Column("run_id", sa.String, primary_key=True),
        sa.Column("token", sa.String, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    )
    op.create_index("planned_of_a_case", "planned", ["case_id"])
