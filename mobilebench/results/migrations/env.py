"""Alembic's entry: it upgrades within the connection and transaction that `results.store` hands over."""

from __future__ import annotations

from alembic import context

from mobilebench.results.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
