"""Finds the operators of a model that an engine and backend lack, from the tables in `operators/` beside this file.

A table lists operators by name and opset, without dtypes or attributes, so an engine may still refuse a listed operator
when it loads the model.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from pydantic import Field

from mobilebench.core.records import Record
from mobilebench.models.inspection.description import Description, OperatorCount
from mobilebench.models.manifest import Format

_TABLES = Path(__file__).resolve().parent / "operators"
_STANDARD = "ai.onnx"
_KNOWN_DOMAINS = ("", "com.microsoft", "ai.onnx.ml")


class Table(Record):
    """The operators of one engine on one backend."""

    engine: str
    backend: str
    version: str
    """The engine's version."""
    format: Format
    how: str
    """How the list was obtained."""
    complete: bool = True
    """Whether operators that are not listed are absent; otherwise it is not known."""
    opset: int | None = None
    """ONNX: the newest opset that the engine knows."""
    operators: list[str] | dict[str, str]
    """Names; ONNX: `domain:name` to the domain's opsets, such as `7-12,13+`."""
    absent: dict[str, str] = Field(default={})
    """For an incomplete table: the operators that are known to be absent."""


def tables() -> list[Table]:
    """Every table, in the order of engine and backend."""
    return list(_tables())


def missing(description: Description, engine: str, backend: str) -> list[str] | None:
    """The operators of a model that an engine lacks on a backend, named as in the model.

    None if this is not known: the engine does not take the format, has no table, or its table is incomplete.
    """
    table = next((one for one in _tables() if (one.engine, one.backend) == (engine, backend)), None)
    if table is None or table.format != description.format:
        return None
    answers = {_name(operator): _has(table, operator, description.opset) for operator in description.operators}
    lacking = [name for name, there in answers.items() if there is False]
    return None if not lacking and None in answers.values() else lacking


@cache
def _tables() -> tuple[Table, ...]:
    import yaml

    files = sorted(_TABLES.glob("*.yaml"))
    return tuple(Table.model_validate(yaml.safe_load(file.read_text())) for file in files)


def _name(operator: OperatorCount) -> str:
    return f"{operator.domain}:{operator.type}" if operator.domain else operator.type


def _has(table: Table, operator: OperatorCount, opsets: dict[str, int]) -> bool | None:
    """Whether the engine has the operator; None if that is not known."""
    if table.format != "onnx":
        if operator.domain:
            return False
        return True if operator.type in table.operators else (False if table.complete else None)
    if operator.domain not in _KNOWN_DOMAINS:
        return False
    key, opset = f"{operator.domain or _STANDARD}:{operator.type}", opsets.get(operator.domain, 1)
    if table.opset is not None and not operator.domain and opset > table.opset:
        return False
    if isinstance(table.operators, dict) and _spans(table.operators.get(key, ""), opset):
        return True
    return False if table.complete or _spans(table.absent.get(key, ""), opset) else None


def _spans(spans: str, opset: int) -> bool:
    """Whether the opset is in ranges such as `7-9,11+`."""
    for span in filter(None, spans.split(",")):
        first, _, last = span.removesuffix("+").partition("-")
        end = float("inf") if span.endswith("+") else int(last or first)
        if int(first) <= opset <= end:
            return True
    return False
