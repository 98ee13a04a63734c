"""Reads tables and images of data sets, which come from anywhere: their sizes and paths are checked first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pydantic import ValidationError

from mobilebench.core.errors import first_problem
from mobilebench.core.records import Record
from mobilebench.core.sizes import decimal_size
from mobilebench.reuse.frames import LARGEST_SIDE, BadFrames, Problem

_MOST_TEXT = 64 * 10**6
_MOST_ROWS = 1_000_000
_MOST_IMAGE = 32 * 10**6
_SHOWN = 80
_PICTURES = ("PNG", "JPEG")

AnyRecord = TypeVar("AnyRecord", bound=Record)


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        BadFrames: it is missing, too large or no UTF-8 text.
    """
    try:
        if not path.is_file():
            raise BadFrames(
                "missing file", f"There is no file {path}.", hint="docs/quality.md describes the layout of a set."
            )
        if path.stat().st_size > _MOST_TEXT:
            size = decimal_size(path.stat().st_size)
            raise BadFrames(
                "too large", f"{path} has {size}; at most {decimal_size(_MOST_TEXT)} are read.", hint="Split the set."
            )
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise BadFrames("unreadable file", f"{path} cannot be read: {why}.", hint="Correct the file.") from error


def rows(path: Path, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file with a header of exactly these columns, each with its line.

    Raises:
        BadFrames: the file cannot be read, or has other columns or rows of another length.
    """
    found = plain_rows(path)
    _, header = next(found, (1, []))
    if sorted(header) != sorted(columns):
        raise BadFrames(
            "wrong columns",
            f"{path}: the columns are {', '.join(header) or 'missing'}, and should be {', '.join(columns)}.",
            hint="The first line names the columns.",
        )
    for line, fields in found:
        if len(fields) != len(header):
            raise broken("bad row", path, line, f"it has {len(fields)} fields, and should have {len(header)}")
        yield line, dict(zip(header, fields, strict=True))


def plain_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The rows of a CSV file, each with its line; empty lines are left out. Raises `BadFrames`."""
    reader = csv.reader(io.StringIO(text_of(path), newline=""), strict=True)
    try:
        for fields in reader:
            if reader.line_num > _MOST_ROWS:
                raise BadFrames("too large", f"{path} has more than {_MOST_ROWS} lines.", hint="Split the set.")
            if fields:
                yield reader.line_num, [field.strip() for field in fields]
    except csv.Error as error:
        raise broken("unreadable file", path, reader.line_num, str(error)) from error


def record(kind: type[AnyRecord], fields: Mapping[str, Any], path: Path, line: int) -> AnyRecord:
    """The record of a row. Raises `BadFrames`, which names line and column."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        problem = first_problem(error)
        given = f" ({problem.value!r} is given)" if isinstance(problem.value, str) else ""
        empty = "the box is empty" in problem.text
        raise broken(
            "bad box" if empty else "bad row", path, line, f"{problem.sentence('the row')}{given}"[:400]
        ) from error


def broken(problem: Problem, path: Path, line: int, what: str) -> BadFrames:
    """The error for a line of a file."""
    return BadFrames(problem, f"{path}, line {line}: {what}.", hint="Correct the file.")


def image_path(folder: Path, name: str) -> Path:
    """The file of an image that a table names by its path in `folder`.

    Raises:
        BadFrames: the path leaves the folder, or there is no such file, or it is too large.
    """
    parts = PurePosixPath(name)
    if parts.is_absolute() or ".." in parts.parts or "\\" in name:
        raise _outside(folder, name)
    path = folder / parts
    try:
        resolved = path.resolve()
        if not resolved.is_relative_to(folder.resolve()):
            raise _outside(folder, name)
        if not resolved.is_file():
            raise BadFrames("missing image", f"{folder}: there is no image {name}.", hint="Each frame needs its image.")
        size = resolved.stat().st_size
    except (OSError, RuntimeError, ValueError) as error:  # a ring of links, or a name that the system refuses
        why = (isinstance(error, OSError) and error.strerror) or "its name cannot be that of a file"
        shown = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
        raise BadFrames(
            "missing image", f"{folder}: the image {shown} cannot be read: {why}.", hint="Each frame needs its image."
        ) from error
    if size > _MOST_IMAGE:
        limit = decimal_size(_MOST_IMAGE)
        raise BadFrames("too large", f"{path} has {decimal_size(size)}; at most {limit} are read for an image.")
    return resolved


def _outside(folder: Path, name: str) -> BadFrames:
    return BadFrames(
        "outside the folder",
        f"{folder}: the image {name} would be outside of the folder.",
        hint="Paths are relative to the folder, with `/` and without `..`.",
    )


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG or JPEG file, from its header. Raises `BadFrames`."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=_PICTURES) as picture:
            width, height = picture.size
    except UnidentifiedImageError as error:
        raise _no_image(path, "it is neither PNG nor JPEG") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _no_image(path, error) from error
    if max(width, height) > LARGEST_SIDE:
        text = f"{path} has {width} x {height} pixels; a side may have {LARGEST_SIDE}."
        raise BadFrames("too large", text, hint="Scale it down.")
    return width, height


def _no_image(path: Path, why: object) -> BadFrames:
    return BadFrames("not an image", f"{path} is not an image that can be read: {why}.", hint="Save it as PNG or JPEG.")
