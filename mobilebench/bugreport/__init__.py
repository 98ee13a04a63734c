"""A bug report: one file with the log, the journal, versions, device facts and failing blocks of a run."""

from __future__ import annotations

from mobilebench.bugreport.collection import Member, collect

__all__ = ["Member", "collect"]
