"""Reads FlatBuffers without a library; every offset and length is checked against the file.

Source: the binary format as published in FlatBuffers' documentation.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from mobilebench.models.inspection.malformed import cut_short

_SIZES = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8, "f": 4, "d": 8}


@dataclass(frozen=True)
class Table:
    """A table at a place of the file. Fields are counted from 0, as the schema lists them."""

    data: memoryview
    place: int

    def number(self, field: int, code: str, default: int = 0) -> int:
        """A scalar field; `code` is struct's letter for its type."""
        at = self.at(field)
        return default if at is None else int(_unpack(self.data, at, code))

    def table(self, field: int) -> Table | None:
        """A table that the field points to."""
        at = self.at(field)
        return None if at is None else Table(self.data, self._follow(at))

    def text(self, field: int) -> str:
        """A string; empty when the field is missing."""
        where = self.span(field, 1)
        return "" if where is None else bytes(self.data[where[0] : where[0] + where[1]]).decode("utf-8", "replace")

    def numbers(self, field: int, code: str) -> tuple[int, ...]:
        """A vector of scalars; empty when the field is missing."""
        where = self.span(field, _SIZES[code])
        return () if where is None else struct.unpack_from(f"<{where[1]}{code}", self.data, where[0])

    def tables(self, field: int) -> list[Table]:
        """A vector of tables; empty when the field is missing."""
        where = self.span(field, 4)
        if where is None:
            return []
        return [Table(self.data, self._follow(where[0] + 4 * index)) for index in range(where[1])]

    def span(self, field: int, size: int) -> tuple[int, int] | None:
        """Offset and number of a vector's elements of `size` bytes; None if the field is missing."""
        at = self.at(field)
        if at is None:
            return None
        vector = self._follow(at)
        count = int(_unpack(self.data, vector, "I"))
        if count * size > len(self.data) - vector - 4:
            raise cut_short(f"a list of {count} elements")
        return vector + 4, count

    def at(self, field: int) -> int | None:
        """Offset of the field in the file; None if it is missing."""
        fields = self.place - int(_unpack(self.data, self.place, "i"))
        length = int(_unpack(self.data, fields, "H"))
        entry = 4 + 2 * field
        if entry + 2 > length:
            return None
        offset = int(_unpack(self.data, fields + entry, "H"))
        return self.place + offset if offset else None

    def _follow(self, at: int) -> int:
        return at + int(_unpack(self.data, at, "I"))


def root(data: memoryview) -> Table:
    """The outermost table of the file.

    Raises:
        Malformed: here and in all methods of tables, if data reaches past the file's end.
    """
    return Table(data, int(_unpack(data, 0, "I")))


def _unpack(data: memoryview, place: int, code: str) -> float:
    if place < 0 or place + _SIZES[code] > len(data):
        raise cut_short("an offset")
    value: float = struct.unpack_from(f"<{code}", data, place)[0]
    return value
