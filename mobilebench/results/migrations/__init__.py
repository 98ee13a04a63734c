"""The migrations of `results.sqlite` between schema versions; Alembic runs them when a store is opened."""
