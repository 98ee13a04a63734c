"""The error of a reader whose file does not follow its format."""

from __future__ import annotations


class Malformed(Exception):
    """The file cannot be read as its format.

    Args:
        problem: the end of a sentence that begins with "FILE ", such as `is cut short`.
        hint: what the user can do, if anything.
    """

    def __init__(self, problem: str, *, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


def cut_short(what: str) -> Malformed:
    """The error for data that reaches past the end of the file."""
    return Malformed(f"is cut short or damaged: {what} reaches past its end", hint="Copy or download it again.")
