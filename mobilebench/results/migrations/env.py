"""Alembic's entry point: upgrades within the connection and transaction of `results.store`."""

from __future__ import annotations

from alembic import context

from mobilebench.results.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
