"""Types of columns that differ between databases."""

from __future__ import annotations

import sqlalchemy as sa

Whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A whole number of 64 bits. SQLite, where INTEGER has 64 bits, numbers rows itself only in a column of this type."""
