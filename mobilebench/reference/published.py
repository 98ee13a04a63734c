"""Reads published results: their source, what the study states about its conditions, its cells, and doubts about them.

A reference is a folder with `reference.yaml` and CSV files. Those that are shipped lie beside this module; any other
folder can be given by its path.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import yaml
from pydantic import BeforeValidator, Field, ValidationError

from mobilebench.core.errors import BadInput, first_problem
from mobilebench.core.records import Record, Stage

DECLARATION = "reference.yaml"
_SHIPPED = Path(__file__).parent
_MOST_ROWS = 100_000

Host = Literal["pc", "mobile"]


def _number(given: object) -> object:
    """A finite number of at least 0 from its text; None from an empty one."""
    if not isinstance(given, str):
        return given
    if not given.strip():
        return None
    try:
        value = float(given)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise ValueError("should be a number of at least 0, or empty")
    return value


Number = Annotated[float | None, BeforeValidator(_number)]


class Latency(Record):
    """One published time."""

    table: str
    host: Host
    browser: str
    """Empty: a native engine."""
    framework: str
    backend: str
    """`native`, `wasm` or `webgl`."""
    processor: Literal["cpu", "gpu"]
    setting: str
    """Build of the WebAssembly, or which GPU; empty if there is no choice."""
    model: str
    stage: Stage
    latency_ms: Number
    """None: the study found the model not supported."""


class KernelShare(Record):
    """One published share of a kernel in the time of a stage, over the study's models."""

    table: str
    host: Host
    browser: str
    stage: Stage
    backend: str
    setting: str
    kernel: str
    share_percent: Number


class PageCell(Record):
    """One published number about a page: what it is without inference, or with it."""

    table: str
    metric: str
    framework: str
    """Empty: nothing inferred."""
    backend: str
    """`none`: nothing inferred."""
    setting: str
    model: str
    mean: Number
    """None: the study found the model not supported."""
    std: Number


class Stated(Record):
    """What the study states about a condition."""

    what: str
    value: str


class Doubt(Record):
    """Why cells should be treated with care."""

    file: str
    where: dict[str, str] = Field(min_length=1)
    """The values of columns that select the cells."""
    reason: str

    def about(self, cell: Record) -> bool:
        """Whether it is about this cell of its file."""
        return all(getattr(cell, name) == value for name, value in self.where.items())


class DataFile(Record):
    """A data file of a reference."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]{1,80}\.csv$")
    holds: str
    kind: Literal["latency", "kernel shares", "pages", "other"]


class Declaration(Record):
    """What `reference.yaml` states."""

    title: str
    citation: str
    measured: tuple[Stated, ...] = ()
    """The conditions, as far as the study states them."""
    pages_measured: tuple[Stated, ...] = ()
    """The conditions of the numbers about pages, where they differ from the others."""
    hardware: dict[Host, str] = Field(default={})
    files: tuple[DataFile, ...] = Field(min_length=1)
    doubts: tuple[Doubt, ...] = ()
    notes: tuple[str, ...] = ()


class Reference(Record):
    """A published study with its cells."""

    name: str
    declared: Declaration
    latency: tuple[Latency, ...] = ()
    kernel_shares: tuple[KernelShare, ...] = ()
    pages: tuple[PageCell, ...] = ()
    rows: dict[str, int]
    """Number of rows of each file."""

    def doubts(self, cell: Latency | KernelShare) -> tuple[str, ...]:
        """Why this cell should be treated with care; empty if there is no doubt."""
        kind = "latency" if isinstance(cell, Latency) else "kernel shares"
        files = {file.name for file in self.declared.files if file.kind == kind}
        return tuple(one.reason for one in self.declared.doubts if one.file in files and one.about(cell))


def names() -> list[str]:
    """Names of the references that are shipped."""
    return sorted(found.parent.name for found in _SHIPPED.glob(f"*/{DECLARATION}"))


def load(name: str) -> Reference:
    """A shipped reference by its name, or one in a folder by its path.

    Raises:
        BadInput: there is none, or a file of it cannot be used; the message names file, line and column.
    """
    folder = _SHIPPED / name if name in names() else Path(name).expanduser()
    if not (folder / DECLARATION).is_file():
        raise BadInput(
            f"There is no reference {name}.",
            hint=f"Shipped are {', '.join(names())}; a folder with {DECLARATION} can be given by its path.",
        )
    declared = _declaration(folder / DECLARATION)
    latency: list[Latency] = []
    shares: list[KernelShare] = []
    pages: list[PageCell] = []
    rows = {}
    for file in declared.files:
        lines = list(_lines(folder / file.name, _COLUMNS[file.kind]))
        rows[file.name] = len(lines)
        if file.kind == "latency":
            latency += _cells(folder / file.name, lines, Latency)
        elif file.kind == "kernel shares":
            shares += _cells(folder / file.name, lines, KernelShare)
        elif file.kind == "pages":
            pages += _cells(folder / file.name, lines, PageCell)
    _check_doubts(folder / DECLARATION, declared)
    return Reference(
        name=folder.resolve().name,
        declared=declared,
        latency=tuple(latency),
        kernel_shares=tuple(shares),
        pages=tuple(pages),
        rows=rows,
    )


def _declaration(path: Path) -> Declaration:
    try:
        return Declaration.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadInput(f"{path}, line {line}: {error.problem}.", hint="Correct the file.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise _unreadable(path, error) from error
    except ValidationError as error:
        raise BadInput(f"{path}: {first_problem(error).sentence('the file')}.", hint="Correct the file.") from error


def _unreadable(path: Path, error: Exception) -> BadInput:
    why = error.strerror if isinstance(error, OSError) else error
    return BadInput(f"{path} cannot be read: {why}.", hint="Correct the file.")


_COLUMNS = {
    "latency": list(Latency.model_fields),
    "kernel shares": list(KernelShare.model_fields),
    "pages": list(PageCell.model_fields),
    "other": [],
}
"""The columns that a file of a kind must have; any are allowed if none is named."""


def _lines(path: Path, wanted: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with these columns, each with its line."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or []
            if wanted and columns and set(columns) != set(wanted):
                wrong = [f"the column {name} is missing" for name in wanted if name not in columns]
                wrong += [f"the column {name} is unknown" for name in columns if name not in wanted]
                raise _broken(path, 1, "; ".join(wrong))
            for row in reader:
                if None in row or None in row.values():
                    raise _broken(path, reader.line_num, f"the row should have {len(columns)} fields")
                if reader.line_num > _MOST_ROWS:
                    raise _broken(path, reader.line_num, f"the file has more than {_MOST_ROWS} lines")
                yield reader.line_num, row
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error


_Cell = TypeVar("_Cell", Latency, KernelShare, PageCell)


def _cells(path: Path, lines: Sequence[tuple[int, Mapping[str, str]]], kind: type[_Cell]) -> Iterator[_Cell]:
    if not lines:
        raise BadInput(f"{path} has no row.", hint=f"It should have the columns {', '.join(kind.model_fields)}.")
    for line, row in lines:
        try:
            yield kind.model_validate(row)
        except ValidationError as error:
            problem = first_problem(error)
            raise _broken(path, line, f"{problem.sentence('the row')} ({problem.value!r} is given)") from error


def _broken(path: Path, line: int, problem: str) -> BadInput:
    return BadInput(f"{path}, line {line}: {problem}.", hint="Correct the file, or use a reference that is shipped.")


def _check_doubts(path: Path, declared: Declaration) -> None:
    """A doubt names a file of the reference and columns that it has, so that no doubt is silently without effect."""
    kinds = {file.name: file.kind for file in declared.files}
    for doubt in declared.doubts:
        if doubt.file not in kinds:
            raise BadInput(
                f"{path}: a doubt names the file {doubt.file}, which is not listed.", hint="Correct the file."
            )
        if unknown := sorted(set(doubt.where) - set(_COLUMNS[kinds[doubt.file]])):
            message = f"{path}: a doubt names {', '.join(unknown)}, which {doubt.file} does not have."
            raise BadInput(message, hint="Correct the file.")
