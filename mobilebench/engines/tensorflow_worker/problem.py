"""How a block can end before it is measured, and the exit code that says so (the native runner's)."""

from __future__ import annotations

MEASURED = 0
FAILED = 1
BAD_ARGUMENT = 2
UNSUPPORTED = 3
NOT_WRITTEN = 4

_LONGEST = 600


class Problem(Exception):
    """Why there is no measurement, as half a sentence.

    Args:
        reason: in plain words, or in TensorFlow's.
        exit_code: what the process ends with.
    """

    def __init__(self, reason: str, exit_code: int = FAILED) -> None:
        super().__init__(reason)
        self.reason = reason
        self.exit_code = exit_code


def words(error: BaseException) -> str:
    """What a library says, on one line and of bearable length."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]} …"
