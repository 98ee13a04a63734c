"""The first problem that pydantic finds in a document, in plain words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError

_PLAIN = {"extra_forbidden": "there is no such key", "missing": "is missing"}


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a document."""

    path: tuple[str | int, ...]
    """Keys and positions of the wrong value; empty for the document itself."""
    kind: str
    """Pydantic's name for the kind of error, such as `missing`."""
    text: str
    """What is wrong, such as `is missing` or `Input should be a valid string`, without a full stop."""
    value: Any
    """The value that is wrong; for a missing key, the mapping around it."""

    def place(self, whole: str = "the whole") -> str:
        """The path as `groups.0.models`, or `whole` when the problem is the document itself."""
        return ".".join(str(part) for part in self.path) or whole

    def sentence(self, whole: str = "the whole") -> str:
        """Place and text, such as `groups.0.models: is missing`."""
        return f"{self.place(whole)}: {self.text}"


def first_problem(error: ValidationError) -> Problem:
    """The first problem. An unknown key comes before all others, because it often is a missing key, misspelt."""
    found = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    text = _PLAIN.get(found["type"], found["msg"].removeprefix("Value error, "))
    return Problem(tuple(found["loc"]), found["type"], text, found.get("input"))
