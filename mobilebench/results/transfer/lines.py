"""Records as lines of JSON. Lines that are read may come from anyone."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import ValidationError

from mobilebench.core.errors import first_problem
from mobilebench.core.records import Block, Record

R = TypeVar("R", bound=Record)
_LARGEST = 2**63


def to_line(record: Record) -> bytes:
    """A record as one line of UTF-8.

    Raises:
        ValueError: it holds a number that is not finite.
    """
    left_out = {"verdict"} if isinstance(record, Block) else None
    values = record.model_dump(mode="json", by_alias=True, exclude=left_out)
    return json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes, kind: type[R]) -> R:
    """The record in a line.

    Raises:
        ValueError: the line is no such record, states a key twice, or holds a number that is not finite, is too large
            for a store, or is a negative time.
    """
    try:
        json.loads(
            line.decode(),
            parse_float=_finite,
            parse_constant=_no_number,
            parse_int=_storable,
            object_pairs_hook=_checked_object,
        )
        return kind.model_validate_json(line, strict=True)
    except ValidationError as error:
        raise ValueError(first_problem(error).sentence("a line")) from None
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:40]} is too large")
    return value


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _storable(text: str) -> int:
    value = int(text) if len(text) < 25 else _LARGEST
    if not -_LARGEST <= value < _LARGEST:
        raise ValueError(f"{text[:40]} is too large")
    return value


def _checked_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is stated twice")
    for name, value in pairs:
        if name.endswith("_ms") and any(one < 0 for one in _numbers(value)):
            raise ValueError(f"{name} holds a negative time")
    return found


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, list):
        yield from (one for one in value if isinstance(one, int | float))
