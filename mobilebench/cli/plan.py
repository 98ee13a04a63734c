"""Shows a plan as a table: one row per case, and only columns in which a case differs from the default."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mobilebench.core.axes import AXES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobilebench.core.records import Case, Conditions, Pass
    from mobilebench.suite import Plan


def plan_table(plan: Plan) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows: each case once, in the order of first appearance, with its number of blocks."""
    from mobilebench.recorders import registry

    first = {block.case.key: block for block in reversed(plan.blocks)}
    counted = Counter((block.case.key, block.pass_) for block in plan.blocks)
    blocks = [first[key] for key in dict.fromkeys(block.case.key for block in plan.blocks)]
    passes = registry.ordered({pass_ for _, pass_ in counted})
    shown: dict[str, list[Any]] = {
        **_columns_of_axes([block.case for block in blocks]),
        **_columns_of_conditions([block.conditions for block in blocks]),
        **{_title(name): [counted[block.case.key, name] for block in blocks] for name in passes},
    }
    return list(shown), list(zip(*shown.values(), strict=True))


def _columns_of_axes(cases: Sequence[Case]) -> dict[str, list[Any]]:
    found = {axis.title: (axis, [getattr(case, name) for case in cases]) for name, axis in AXES.items()}
    return {title: values for title, (axis, values) in found.items() if axis.always or any(map(axis.mentioned, values))}


def _columns_of_conditions(conditions: Sequence[Conditions]) -> dict[str, list[Any]]:
    from mobilebench.core.records import Conditions

    usual, found = Conditions(), {}
    for name in ("priority", "model_access", "delegated_share"):
        values = [getattr(one, name) for one in conditions]
        if any(value != getattr(usual, name) for value in values):
            found[name.replace("_", " ")] = values
    return found


def _title(name: Pass) -> str:
    return "blocks" if name == "timing" else name
