"""A plan as a table: one row a case, and only the columns in which cases differ from what is usual."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mobilebench.core.records import Pass, PlannedBlock
    from mobilebench.suite import Plan

_PASSES: tuple[Pass, ...] = ("timing", "kernels", "memory", "trace", "recording")
_ALWAYS = ("target", "engine", "backend", "setting", "threads", "browser", "model", "precision", "batch")


def plan_table(plan: Plan) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows: every case once, in the order in which they first come, with its number of blocks."""
    first = {block.case.key: block for block in reversed(plan.blocks)}
    counted = Counter((block.case.key, block.pass_) for block in plan.blocks)
    rows = [_row(first[key]) for key in dict.fromkeys(block.case.key for block in plan.blocks)]
    passes = [name for name in _PASSES if any(pass_ == name for _, pass_ in counted)]
    blocks = [("blocks" if name == "timing" else name) for name in passes]
    unusual = [name for name in _UNUSUAL if any(row[name] != _UNUSUAL[name] for row in rows)]
    columns = [*_ALWAYS, *unusual]
    return [*(name.replace("_", " ") for name in columns), *blocks], [
        (*(row[name] for name in columns), *(counted[row["key"], name] for name in passes)) for row in rows
    ]


_UNUSUAL: dict[str, Any] = {
    "affinity": "none",
    "caches": "as found",
    "link": "none",
    "loader": "split",
    "encoding": "identity",
    "priority": 0,
    "model_access": "read",
    "delegated_share": 0.0,
}


def _row(block: PlannedBlock) -> dict[str, Any]:
    return {"key": block.case.key, **block.case.model_dump(), **block.conditions.model_dump()}
