"""Runs a plan: gate, block, verdict, store."""

from __future__ import annotations

from mobilebench.session.coordinator import RunRequest, RunResult, resume, run, unmeasured

__all__ = ["RunRequest", "RunResult", "resume", "run", "unmeasured"]
