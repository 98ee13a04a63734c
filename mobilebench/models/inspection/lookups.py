"""Finds the integer inputs that index a table, and the table's number of rows, which bounds the valid values."""

from __future__ import annotations

from mobilebench.models.inspection.graph import Graph

_SAME_VALUES = {
    "Cast", "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Expand", "ExpandDims", "Transpose",
    "CAST", "RESHAPE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE",
}  # fmt: skip
"""Operators whose output holds only values of their first input."""

_BY_ROW = {"Gather": (0, 1), "GatherV2": (0, 1), "ResourceGather": (0, 1), "GATHER": (0, 1), "EMBEDDING_LOOKUP": (1, 0)}
"""Operators that take rows of a table: the input positions of the table and of the indices."""


def rows(graph: Graph) -> dict[str, int]:
    """Integer input to the number of rows of the (smallest) table that it indexes."""
    made = {name for operation in graph.operations for name in operation.writes}
    found = {}
    for name in graph.inputs:
        if graph.values[name].dtype.startswith(("int", "uint")):
            sizes = [size for table in _tables(graph, name) if table not in made and (size := _rows(graph, table))]
            if sizes:
                found[name] = min(sizes)
    return found


def _tables(graph: Graph, name: str) -> list[str]:
    reached = {graph.keys.get(name, name)}
    tables = []
    for operation in graph.operations:
        reads = operation.reads
        if operation.type in _SAME_VALUES and reads and reads[0] in reached:
            reached.update(operation.writes)
        elif operation.type in _BY_ROW and len(reads) > 1:
            table, indices = _BY_ROW[operation.type]
            if reads[indices] in reached and reads[table] not in reached:
                tables.append(reads[table])
    return tables


def _rows(graph: Graph, table: str) -> int | None:
    shape = graph.values[table].shape if table in graph.values else None
    return shape[0] if shape else None
