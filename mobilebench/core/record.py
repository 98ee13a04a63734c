"""The base of all records."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Base of all records: frozen, and without unknown fields, since they check data of pages, phones and files."""

    model_config = ConfigDict(frozen=True, extra="forbid")
