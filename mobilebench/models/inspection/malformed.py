"""What a reader says when the bytes before it are not what they claim to be."""

from __future__ import annotations


class Malformed(Exception):
    """The file cannot be read as its format.

    Args:
        problem: half a sentence that goes on after "FILE ", such as `is cut short`.
        hint: what to do next, when there is something to do.
    """

    def __init__(self, problem: str, *, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


def cut_short(what: str) -> Malformed:
    """Something reaches past the end of the file."""
    return Malformed(f"is cut short or damaged: {what} reaches past its end", hint="Copy or download it again.")
