"""What to measure: reads suites from YAML and turns them into cases and a plan."""

from __future__ import annotations

from mobilebench.suite.loading import load, names, shipped
from mobilebench.suite.planning import Plan, Selection, plan
from mobilebench.suite.schema import Suite

__all__ = ["Plan", "Selection", "Suite", "load", "names", "plan", "shipped"]
