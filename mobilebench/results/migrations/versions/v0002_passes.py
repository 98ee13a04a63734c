"""Adds a block's pass and conditions, and a case's affinity, caches and way of download.

Older blocks measured only stages, on all cores, with caches as found and unchanged downloads.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_BLOCKS = sa.table(
    "blocks", sa.column("run_id"), sa.column("index"), sa.column("measurement", sa.JSON(none_as_null=True))
)
_AS_BEFORE = '{"priority": 0, "model_access": "read", "delegated_share": 0.0}'


def upgrade() -> None:
    op.add_column("cases", sa.Column("affinity", sa.String, nullable=False, server_default="none"))
    op.add_column("cases", sa.Column("caches", sa.String, nullable=False, server_default="as found"))
    for name, before in (("link", "none"), ("loader", "split"), ("encoding", "identity")):
        op.add_column("cases", sa.Column(name, sa.String, nullable=False, server_default=before))
    op.add_column("planned", sa.Column("pass", sa.String, nullable=False, server_default="timing"))
    op.add_column("planned", sa.Column("conditions", sa.JSON, nullable=False, server_default=_AS_BEFORE))
    _forget_memory()


def _forget_memory() -> None:
    """Empty memory and kernels of early blocks that describe memory in a form that is no longer read."""
    connection = op.get_bind()
    key = (_BLOCKS.c.run_id, _BLOCKS.c.index)
    for row in connection.execute(sa.select(*key, _BLOCKS.c.measurement)).all():
        run_id, index, measurement = row
        if measurement and isinstance(measurement.get("memory"), dict):
            whole = {**measurement, "memory": None, "kernels": []}
            block = (key[0] == run_id) & (key[1] == index)
            connection.execute(sa.update(_BLOCKS).where(block).values(measurement=whole))
