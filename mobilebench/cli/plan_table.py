"""The table of planned cases that `mobilebench run --dry-run` prints."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from mobilebench.cli.output import console, say, table
from mobilebench.core.axes import AXES, OFFERED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobilebench.core.records import Case, Conditions, Pass, PlannedBlock
    from mobilebench.suite import Plan

_OF_THE_WAY = frozenset(AXES[name].title for name in ("engine", "backend", *OFFERED))
"""Columns that a narrow terminal shows as one, as in reports: `tfjs wasm simd-threads`."""
_COUNTS = "blocks"


def print_plan(plan: Plan) -> None:
    """Print the planned cases. Where the whole table is too wide for the terminal, what all cases share stands above
    it, and engine, backend and its options are one column.
    """
    shown = console()
    whole = table(*plan_table(plan))
    if shown.measure(whole, options=shown.options.update(max_width=10_000)).maximum <= shown.width:
        shown.print(whole)
        return
    alike, columns = _narrow(_cases(plan), _columns(plan))
    if alike:
        say(f"In all cases: {', '.join(f'{title} {value}' for title, value in alike.items())}.")
    narrow = table(list(columns), list(zip(*columns.values(), strict=True)))
    narrow.padding, narrow.show_edge = (0, 1, 0, 0), False
    shown.print(narrow)


def plan_table(plan: Plan) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows: each case once, in the order of first appearance, with its number of blocks."""
    shown = _columns(plan)
    return list(shown), list(zip(*shown.values(), strict=True))


def _narrow(
    blocks: Sequence[PlannedBlock], columns: dict[str, list[Any]]
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """What all cases have in common, and the columns of the rest."""
    alike = {
        title: values[0]
        for title, values in columns.items()
        if len(values) > 1 and len(set(values)) == 1 and title not in {*_OF_THE_WAY, _COUNTS}
    }
    rest = {title: values for title, values in columns.items() if title not in {*_OF_THE_WAY, *alike}}
    return alike, {"case": [block.case.way for block in blocks], **rest}


def _cases(plan: Plan) -> list[PlannedBlock]:
    """The first block of each case, in the order of the plan."""
    found: dict[str, PlannedBlock] = {}
    for block in plan.blocks:
        found.setdefault(block.case.key, block)
    return list(found.values())


def _columns(plan: Plan) -> dict[str, list[Any]]:
    from mobilebench.recorders import registry

    counted = Counter((block.case.key, block.pass_) for block in plan.blocks)
    blocks = _cases(plan)
    passes = registry.ordered({pass_ for _, pass_ in counted})
    return {
        **_columns_of_axes([block.case for block in blocks]),
        **_columns_of_conditions([block.conditions for block in blocks]),
        **{_title(name): [counted[block.case.key, name] for block in blocks] for name in passes},
    }


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
    asked = [one.device or "–" for one in conditions]
    if any(one not in ("–", "default") for one in asked):
        found["conditions"] = asked
    return found


def _title(name: Pass) -> str:
    return _COUNTS if name == "timing" else name
