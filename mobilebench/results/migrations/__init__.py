"""How `results.sqlite` grew from schema to schema; run by Alembic when a store is opened."""
