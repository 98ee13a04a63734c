"""Runs a plan: waits for each block's turn, measures it, judges it, and stores it."""

from __future__ import annotations

from mobilebench.session.coordinator import RunRequest, RunResult, resume, run, unmeasured

__all__ = ["RunRequest", "RunResult", "resume", "run", "unmeasured"]
