"""Finds the graphs of a TensorFlow Lite file that an operator calls, such as branches and loop bodies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mobilebench.models.inspection.tflite.flatbuffer import Table

_TYPE, _OPTIONS, _TYPE_2, _OPTIONS_2 = 3, 4, 11, 12
_BY_TYPE: Mapping[int, tuple[int, ...]] = {16: (0,), 92: (0, 1), 93: (0, 1), 103: (0,)}
"""Options of CALL, IF, WHILE and CALL_ONCE: the fields that hold the number of a graph."""
_BY_TYPE_2: Mapping[int, tuple[int, ...]] = {6: (1,), 7: (6,), 13: (5,), 14: (2,), 15: (0, 1), 21: (1,)}
"""The same for StableHLO's REDUCE, SCATTER, REDUCE_WINDOW, SORT, WHILE and COMPOSITE."""
_CASE, _BRANCHES = 23, 0
"""StableHLO's CASE has a list of graphs."""
_ONLY_GRAPHS = {(_OPTIONS, 16), (_OPTIONS, 92), (_OPTIONS, 93), (_OPTIONS, 103), (_OPTIONS_2, 15)}
"""Options whose fields are numbers of graphs and nothing else."""


@dataclass(frozen=True)
class Call:
    """One graph number in an operator's options."""

    graph: int
    at: int | None
    """Its offset in the file; None if it is 0, which as the default is not stored."""


@dataclass(frozen=True)
class Calls:
    """All graphs that one operator calls."""

    calls: tuple[Call, ...]
    options_at: int | None = None
    """Offset of the operator's reference to its options."""
    only_graphs: bool = False
    """Whether the options hold only graph numbers, each in the field of its position."""


def calls(operator: Table) -> Calls:
    """The graphs that an operator calls.

    Raises:
        Malformed: an offset reaches past the file's end.
    """
    for type_field, field, known in ((_TYPE, _OPTIONS, _BY_TYPE), (_TYPE_2, _OPTIONS_2, _BY_TYPE_2)):
        number = operator.number(type_field, "B")
        options = operator.table(field) if number in known or (field == _OPTIONS_2 and number == _CASE) else None
        if options is None:
            continue
        if number in known:
            found = tuple(Call(options.number(one, "i"), options.at(one)) for one in known[number])
            return Calls(found, operator.at(field), (field, number) in _ONLY_GRAPHS)
        where = options.span(_BRANCHES, 4)
        start = where[0] if where else 0
        branches = options.numbers(_BRANCHES, "i")
        return Calls(tuple(Call(graph, start + 4 * place) for place, graph in enumerate(branches)))
    return Calls(())
