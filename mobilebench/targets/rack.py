"""The rack file: names, labels and groups of phones, so that they can be selected by these instead of by serials."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from mobilebench.core import paths
from mobilebench.core.errors import BadInput, first_problem
from mobilebench.core.records import Record, TargetInfo
from mobilebench.targets.android import identity

VARIABLE = "MOBILEBENCH_RACK"
"""Variable with the rack file's path."""
FILE_NAME = "rack.yaml"
"""The rack file in mobilebench's home folder."""
LONGEST_BYTES = 1 << 20

_EXAMPLE = "phones: [{serial: R5CT1234567, name: left, labels: [fast], group: a}]"

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]


class RackPhone(Record):
    """What the rack file says of one phone."""

    serial: str = Field(min_length=1, max_length=255, pattern=r"^[^\s,]+$")
    """Serial under which adb lists it, or its own serial number (`ro.serialno`), which Wi-Fi does not change."""
    name: Word | None = None
    """Unique in the file."""
    labels: tuple[Word, ...] = ()
    group: Word | None = None


class Rack(Record):
    """The content of a rack file."""

    phones: tuple[RackPhone, ...] = ()

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        for what in ("serial", "name"):
            seen: set[str] = set()
            for phone in self.phones:
                value = getattr(phone, what)
                if value in seen:
                    raise ValueError(f"two phones have the {what} {value}")
                if value is not None:
                    seen.add(value)
        return self

    def entry(self, info: TargetInfo) -> RackPhone | None:
        """What the file says of a target; None if nothing. A serial that adb lists comes before a serial number."""
        number = info.facts.get(identity.SERIAL_NUMBER)
        by_id = next((phone for phone in self.phones if phone.serial == info.id), None)
        return by_id or next((phone for phone in self.phones if number and phone.serial == number), None)


_chosen: ContextVar[Path | None] = ContextVar("rack file", default=None)


@contextmanager
def using(file: Path | None) -> Iterator[None]:
    """Use this rack file until the context ends; None: as before."""
    if file is None:
        yield
        return
    load(file)
    before = _chosen.set(file)
    try:
        yield
    finally:
        _chosen.reset(before)


def current() -> Rack:
    """The rack of the file that was chosen: by `using`, by `MOBILEBENCH_RACK`, or in the home folder, if it is there.

    Raises:
        BadInput: the file cannot be read, or is not valid.
    """
    if file := _chosen.get():
        return load(file)
    if named := os.environ.get(VARIABLE):
        return load(Path(named).expanduser())
    usual = paths.home() / FILE_NAME
    return load(usual) if usual.is_file() else Rack()


def load(file: Path) -> Rack:
    """Read and check a rack file.

    Raises:
        BadInput: it cannot be read, or is not valid; the message names the place in the file.
    """
    try:
        with file.open("rb") as source:
            content = source.read(LONGEST_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"The rack file {file} cannot be read: {error.strerror}.", hint=f"Write one, such as {_EXAMPLE}"
        ) from None
    if len(content) > LONGEST_BYTES:
        raise BadInput(f"The rack file {file} is larger than {LONGEST_BYTES >> 20} MiB.", hint="Name another file.")
    try:
        return Rack.model_validate(_parsed(content, file) or {})
    except ValidationError as error:
        problem = first_problem(error)
        raise BadInput(
            f"The rack file {file} is not valid: {problem.sentence('the file')}{_shown(problem.value)}.",
            hint=f"It looks like this: {_EXAMPLE}. Names, labels and groups are words of letters, digits, . _ and -.",
        ) from None


def _parsed(content: bytes, file: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(content)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        place = getattr(error, "problem_mark", None)
        line = f" in line {place.line + 1}" if place else ""
        problem = getattr(error, "problem", None) or "it cannot be parsed"
        raise BadInput(
            f"The rack file {file} is not YAML: {problem}{line}.", hint=f"It looks like this: {_EXAMPLE}"
        ) from None


def _shown(value: Any) -> str:
    """A short wrong value, for the message."""
    return f" ({value!r})" if isinstance(value, str | int | float) and re.fullmatch(r".{1,60}", str(value)) else ""
